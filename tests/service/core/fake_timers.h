// SPDX-License-Identifier: Apache-2.0
//
// The core's time as a fake, which moves only on demand.

#ifndef HERALD_TESTS_SERVICE_CORE_FAKE_TIMERS_H_
#define HERALD_TESTS_SERVICE_CORE_FAKE_TIMERS_H_

#include <functional>
#include <map>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "service/channel/timers.h"

namespace herald::core {

class FakeTimers final : public Timers {
 public:
  absl::Time Now() const override { return now_; }
  absl::Time TimeOfDay() const override { return now_ + day_; }
  void After(absl::Duration delay, absl::AnyInvocable<void()> body) override {
    waiting_.emplace(now_ + delay, std::move(body));
  }

  // Sets the time of day.
  void StepTimeOfDay(absl::Duration step) { day_ += step; }

  // Time passes; due timers are called in order.
  void Advance(absl::Duration time) {
    const absl::Time end = now_ + time;
    while (!waiting_.empty() && waiting_.begin()->first <= end) {
      now_ = waiting_.begin()->first;
      auto body = std::move(waiting_.begin()->second);
      waiting_.erase(waiting_.begin());
      body();
      if (after_each) after_each();
    }
    now_ = end;
  }

  std::function<void()> after_each;  // Called behind all due timers.

 private:
  absl::Time now_ = absl::FromUnixSeconds(1'000'000);
  absl::Duration day_ = absl::Hours(24);  // Time of day less now_.
  std::multimap<absl::Time, absl::AnyInvocable<void()>> waiting_;
};

}  // namespace herald::core

#endif  // HERALD_TESTS_SERVICE_CORE_FAKE_TIMERS_H_
