// SPDX-License-Identifier: Apache-2.0
//
// One call with all its attempts.
//
// Lifetime: the owner keeps a call alive from Start() until its `on_end`, see
// call_set.h. The owners of the connection are destroyed earlier, see dial.h.

#ifndef HERALD_CLIENTS_CPP_RETRYING_CALL_H_
#define HERALD_CLIENTS_CPP_RETRYING_CALL_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "grpcpp/alarm.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/status.h"
#include "proto/contract/mutex.h"

namespace herald::client {

// Called with the failure of an attempt that another one follows; may be empty.
using RetryCallback = std::function<void(const absl::Status& failure)>;

// The settings that all calls of a client share.
struct CallSettings {
  std::string target;  // For messages.
  std::string api_token;
  absl::Duration deadline;  // Of a call with all its attempts; above zero.
  RetryCallback on_retry;
};

// Order: Attempt() … Attempt(), then Deliver(), never two at the same time.
class RetryingCall : public std::enable_shared_from_this<RetryingCall> {
 public:
  using Done = std::function<void(const std::shared_ptr<RetryingCall>&)>;

  virtual ~RetryingCall() = default;

  // Starts the first attempt, or delivers `access` if that is an error. Calls
  // `on_end` once, after Deliver(). REQUIRES: called once.
  void Start(const absl::Status& access, Done on_end);

  // Fails the call with CANCELLED, unless it ends otherwise before. May be
  // called at any time and by any thread.
  void Cancel() ABSL_LOCKS_EXCLUDED(mutex_);

 protected:
  explicit RetryingCall(std::shared_ptr<const CallSettings> settings);

 private:
  // Sends the request; `done` is called once with its status.
  virtual void Attempt(grpc::ClientContext* context,
                       std::function<void(grpc::Status)> done) = 0;

  // Passes the result to the caller.
  virtual void Deliver(absl::Status status) = 0;

  void StartAttempt() ABSL_LOCKS_EXCLUDED(mutex_);
  void OnAttemptDone(const grpc::Status& status) ABSL_LOCKS_EXCLUDED(mutex_);
  void End(absl::Status status) ABSL_LOCKS_EXCLUDED(mutex_);

  // Constant after construction.
  const std::shared_ptr<const CallSettings> settings_;
  const absl::Time deadline_;

  // Touched only by the chain of attempts.
  Done on_end_;
  absl::Status last_failure_;

  contract::Mutex mutex_;
  std::unique_ptr<grpc::ClientContext> context_ ABSL_GUARDED_BY(mutex_);
  grpc::Alarm pause_ ABSL_GUARDED_BY(mutex_);
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace herald::client

#endif  // HERALD_CLIENTS_CPP_RETRYING_CALL_H_
