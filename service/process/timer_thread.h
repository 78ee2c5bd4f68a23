// SPDX-License-Identifier: Apache-2.0
//
// core::Timers over the real clocks: one thread and a heap. Delays are measured
// on the monotonic clock, so setting the time of day does not move a deadline.
// A pause of the process does not count (awake_clock.h). The event that a delay
// waits for may have arrived during the pause without being read yet.
//
// Threads: any. Bodies run one after the other on the thread, without a lock,
// and must be short.

#ifndef HERALD_SERVICE_PROCESS_TIMER_THREAD_H_
#define HERALD_SERVICE_PROCESS_TIMER_THREAD_H_

#include <cstdint>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "proto/contract/awake_clock.h"
#include "proto/contract/condition.h"
#include "proto/contract/mutex.h"
#include "service/channel/timers.h"

namespace herald::service {

class TimerThread final : public core::Timers {
 public:
  TimerThread();
  ~TimerThread() override { Stop(); }

  absl::Time Now() const override { return contract::SteadyNow(); }
  absl::Time TimeOfDay() const override { return absl::Now(); }

  // After Stop() it drops `body`.
  void After(absl::Duration delay, absl::AnyInvocable<void()> body) override
      ABSL_LOCKS_EXCLUDED(mu_);

  // Drops all waiting bodies, and returns when none runs any more. May be
  // called twice. REQUIRES: not called from a body.
  void Stop() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Entry {
    absl::Time due;  // Of clock_.
    int64_t number;  // Bodies of one moment run in the order of their calls.
    absl::AnyInvocable<void()> body;
  };

  static bool Later(const Entry& a, const Entry& b);

  void Run() ABSL_LOCKS_EXCLUDED(mu_);

  contract::Mutex mu_;
  contract::Condition changed_;
  contract::AwakeClock clock_ ABSL_GUARDED_BY(mu_);
  std::vector<Entry> heap_ ABSL_GUARDED_BY(mu_);
  int64_t last_number_ ABSL_GUARDED_BY(mu_) = 0;
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;

  std::thread thread_;  // Last, for it uses all the others.
};

}  // namespace herald::service

#endif  // HERALD_SERVICE_PROCESS_TIMER_THREAD_H_
