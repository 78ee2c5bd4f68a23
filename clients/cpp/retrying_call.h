// SPDX-License-Identifier: Apache-2.0
//
// One call with all its attempts, and the set of those in flight.
//
// Lifetime: a call is kept alive by its set from Start() until it has
// delivered. The set is shared with its calls, so a late thread of gRPC never
// meets freed memory. The owners of the connection are destroyed earlier, see
// dial.h.

#ifndef HERALD_CLIENTS_CPP_RETRYING_CALL_H_
#define HERALD_CLIENTS_CPP_RETRYING_CALL_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "grpcpp/alarm.h"
#include "grpcpp/client_context.h"
#include "herald/v1/broadcast_service.grpc.pb.h"
#include "proto/contract/condition.h"
#include "proto/contract/mutex.h"

namespace herald::client {

class RetryingCall;

// Called with the failure of an attempt that another one follows; may be empty.
using RetryCallback = std::function<void(const absl::Status& failure)>;

class CallSet {
 public:
  CallSet(const std::string& target, std::string api_token,
          absl::Duration deadline, RetryCallback on_retry);

  // Starts `call`, which delivers exactly once.
  void Start(std::shared_ptr<RetryingCall> call) ABSL_LOCKS_EXCLUDED(mutex_);

  // Fails all calls with CANCELLED, waits until they have delivered, and lets
  // the connection go. No call may be started afterwards.
  void Close() ABSL_LOCKS_EXCLUDED(mutex_);

  v1::BroadcastService::Stub* stub() const { return stub_.get(); }

 private:
  friend class RetryingCall;

  void Remove(const std::shared_ptr<RetryingCall>& call)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Constant after construction.
  const std::string target_;
  const std::string api_token_;
  const absl::Duration deadline_;
  const RetryCallback on_retry_;
  const absl::Status access_status_;

  // Constant until Close(); none if access is refused.
  std::unique_ptr<v1::BroadcastService::Stub> stub_;

  contract::Mutex mutex_;
  contract::Condition changed_;
  absl::flat_hash_set<std::shared_ptr<RetryingCall>> calls_
      ABSL_GUARDED_BY(mutex_);
};

// Order: Attempt() … Attempt(), then Deliver(), never two at the same time.
class RetryingCall : public std::enable_shared_from_this<RetryingCall> {
 public:
  virtual ~RetryingCall() = default;

 protected:
  explicit RetryingCall(std::shared_ptr<CallSet> calls);

  const CallSet& calls() const { return *calls_; }

 private:
  friend class CallSet;

  // Sends the request; `done` is called once with its status.
  virtual void Attempt(grpc::ClientContext* context,
                       std::function<void(grpc::Status)> done) = 0;

  // Passes the result to the caller.
  virtual void Deliver(absl::Status status) = 0;

  void StartAttempt() ABSL_LOCKS_EXCLUDED(mutex_);
  void OnAttemptDone(const grpc::Status& status) ABSL_LOCKS_EXCLUDED(mutex_);
  void Cancel() ABSL_LOCKS_EXCLUDED(mutex_);
  void End(absl::Status status) ABSL_LOCKS_EXCLUDED(mutex_);

  // Constant after construction.
  const std::shared_ptr<CallSet> calls_;
  const absl::Time deadline_;

  // Touched only by the chain of attempts.
  absl::Status last_failure_;

  contract::Mutex mutex_;
  std::unique_ptr<grpc::ClientContext> context_ ABSL_GUARDED_BY(mutex_);
  grpc::Alarm pause_ ABSL_GUARDED_BY(mutex_);
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace herald::client

#endif  // HERALD_CLIENTS_CPP_RETRYING_CALL_H_
