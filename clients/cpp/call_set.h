// SPDX-License-Identifier: Apache-2.0
//
// The connection of a client and its calls in flight.
//
// Lifetime: a call is kept alive by its set from Start() until it has
// delivered. The set is shared with its calls, so a late thread of gRPC never
// meets freed memory.

#ifndef HERALD_CLIENTS_CPP_CALL_SET_H_
#define HERALD_CLIENTS_CPP_CALL_SET_H_

#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "clients/cpp/retrying_call.h"
#include "herald/v1/broadcast_service.grpc.pb.h"
#include "proto/contract/condition.h"
#include "proto/contract/mutex.h"

namespace herald::client {

class CallSet : public std::enable_shared_from_this<CallSet> {
 public:
  explicit CallSet(CallSettings settings);

  // Starts `call`, which delivers exactly once.
  void Start(std::shared_ptr<RetryingCall> call) ABSL_LOCKS_EXCLUDED(mutex_);

  // Fails all calls with CANCELLED, waits until they have delivered, and lets
  // the connection go. No call may be started afterwards.
  void Close() ABSL_LOCKS_EXCLUDED(mutex_);

  std::shared_ptr<const CallSettings> settings() const { return settings_; }

  // Lives until Close(); null if access is refused: then no attempt is made.
  v1::BroadcastService::Stub* stub() const { return stub_.get(); }

 private:
  void Remove(const std::shared_ptr<RetryingCall>& call)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Constant after construction.
  const std::shared_ptr<const CallSettings> settings_;
  const absl::Status access_status_;

  std::unique_ptr<v1::BroadcastService::Stub> stub_;  // Constant until Close().

  contract::Mutex mutex_;
  contract::Condition changed_;
  absl::flat_hash_set<std::shared_ptr<RetryingCall>> calls_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace herald::client

#endif  // HERALD_CLIENTS_CPP_CALL_SET_H_
