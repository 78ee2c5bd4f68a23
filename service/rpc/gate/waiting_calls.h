// SPDX-License-Identifier: Apache-2.0
//
// Calls with an incomplete request. gRPC keeps the bytes that have arrived, and
// any peer can begin a request, so their number and their time are bounded.
//
// A well-behaved caller sends its request right after the headers. So no call
// is refused. If there are too many, the oldest ones of sources with more than
// a fair share are ended.
//
// Threads: any. Calls are ended by the timers.

#ifndef HERALD_SERVICE_RPC_GATE_WAITING_CALLS_H_
#define HERALD_SERVICE_RPC_GATE_WAITING_CALLS_H_

#include <chrono>
#include <cstdint>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "grpc/grpc.h"
#include "grpcpp/server_context.h"
#include "proto/admission/fair_shares.h"
#include "proto/contract/mutex.h"
#include "service/channel/timers.h"
#include "service/rpc/gate/counters.h"

namespace herald::rpc {

struct WaitingCallsOptions {
  // Calls that may wait for longer than `moment`. Beyond that, some are ended
  // with RESOURCE_EXHAUSTED until seven eighths of them are left.
  int64_t count_max = 24;
  absl::Duration moment = absl::Milliseconds(50);

  // A call that has waited for this time is ended with DEADLINE_EXCEEDED.
  absl::Duration time_max = absl::Seconds(10);
};

class WaitingCalls {
 public:
  using Clock = std::chrono::steady_clock;

  // The place of a call among them; a member of the call.
  class Entry final : private admission::FairShares::Entry {
   private:
    friend class WaitingCalls;

    void OnEvicted() override;
    void End(grpc_status_code code, const char* why);

    WaitingCalls* calls_ = nullptr;
    grpc_call* call_ = nullptr;
    Clock::time_point since_;
  };

  // The timers and the count of ended calls outlive the object, which outlives
  // all calls.
  WaitingCalls(core::Timers* timers, Count* ended,
               WaitingCallsOptions options = {});

  // A call begins to wait. REQUIRES: `entry` and its call live until Remove().
  void Add(Entry* entry, grpc::CallbackServerContext* context)
      ABSL_LOCKS_EXCLUDED(mu_);

  // It does not wait any more, or was ended.
  void Remove(Entry* entry) ABSL_LOCKS_EXCLUDED(mu_);

  // Ends no more calls. REQUIRES: none waits.
  ~WaitingCalls();

 private:
  // Shared with the timers, which may call after the end.
  struct Handle {
    contract::Mutex mu;
    WaitingCalls* calls ABSL_GUARDED_BY(mu) = nullptr;
  };

  void SweepLater();
  // Ends the calls that are due, and runs again if there may be more.
  void Sweep() ABSL_LOCKS_EXCLUDED(mu_);
  Entry* oldest() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return static_cast<Entry*>(waiting_.oldest());
  }

  // Constant after construction.
  const WaitingCallsOptions options_;
  core::Timers* const timers_;
  Count* const ended_;
  const std::shared_ptr<Handle> handle_;

  contract::Mutex mu_;
  admission::FairShares waiting_ ABSL_GUARDED_BY(mu_);
  bool sweeping_ ABSL_GUARDED_BY(mu_) = false;  // A sweep will come.
  bool used_ ABSL_GUARDED_BY(mu_) = false;      // Since the last sweep.
  Clock::time_point swept_ ABSL_GUARDED_BY(mu_);
};

}  // namespace herald::rpc

#endif  // HERALD_SERVICE_RPC_GATE_WAITING_CALLS_H_
