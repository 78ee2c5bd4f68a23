// SPDX-License-Identifier: Apache-2.0
//
// Time that moves only when told to. What is due runs inside Advance(), in its
// order, on the caller's thread.
//
// Threads: any.

#ifndef HERALD_TESTS_SERVICE_CORE_FAKE_TIMERS_H_
#define HERALD_TESTS_SERVICE_CORE_FAKE_TIMERS_H_

#include <map>
#include <utility>

#include "proto/contract/mutex.h"
#include "service/core/timers.h"

namespace herald::core {

class FakeTimers final : public Timers {
 public:
  absl::Time Now() const override {
    contract::MutexLock lock(&mu_);
    return now_;
  }

  void After(absl::Duration delay, absl::AnyInvocable<void()> body) override {
    contract::MutexLock lock(&mu_);
    waiting_.emplace(elapsed_ + delay, std::move(body));
  }

  void Advance(absl::Duration by) {
    absl::Duration end;
    {
      contract::MutexLock lock(&mu_);
      end = elapsed_ + by;
    }
    while (absl::AnyInvocable<void()> due = TakeDue(end)) due();
    contract::MutexLock lock(&mu_);
    MoveTo(end);
  }

  // Sets the clock on the wall; timers do not notice.
  void SetTimeOfDay(absl::Time now) {
    contract::MutexLock lock(&mu_);
    now_ = now;
  }

 private:
  absl::AnyInvocable<void()> TakeDue(absl::Duration end) {
    contract::MutexLock lock(&mu_);
    if (waiting_.empty() || waiting_.begin()->first > end) return nullptr;
    MoveTo(waiting_.begin()->first);
    absl::AnyInvocable<void()> body = std::move(waiting_.begin()->second);
    waiting_.erase(waiting_.begin());
    return body;
  }

  void MoveTo(absl::Duration elapsed) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    now_ += elapsed - elapsed_;
    elapsed_ = elapsed;
  }

  mutable contract::Mutex mu_;
  absl::Time now_ ABSL_GUARDED_BY(mu_) = absl::FromUnixSeconds(1'700'000'000);
  absl::Duration elapsed_ ABSL_GUARDED_BY(mu_);
  std::multimap<absl::Duration, absl::AnyInvocable<void()>> waiting_
      ABSL_GUARDED_BY(mu_);
};

}  // namespace herald::core

#endif  // HERALD_TESTS_SERVICE_CORE_FAKE_TIMERS_H_
