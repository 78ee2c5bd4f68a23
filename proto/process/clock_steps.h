// SPDX-License-Identifier: Apache-2.0
//
// Notices that the time of day was set: its distance from the monotonic clock
// changes. Those of NTP's slewing add up until they are a step.
//
// Threads: one at a time.

#ifndef HERALD_PROTO_PROCESS_CLOCK_STEPS_H_
#define HERALD_PROTO_PROCESS_CLOCK_STEPS_H_

#include <chrono>

namespace herald::process {

class ClockSteps {
 public:
  // Whether it was set by kStep or more since the last step, or since the
  // object was made.
  bool Take() {
    const Milliseconds ahead = Ahead();
    if (std::chrono::abs(ahead - ahead_) < kStep) return false;
    ahead_ = ahead;
    return true;
  }

 private:
  using Milliseconds = std::chrono::milliseconds;

  // A smaller step makes no timer late enough to matter.
  static constexpr Milliseconds kStep{100};

  // How far the time of day is ahead of the monotonic clock.
  static Milliseconds Ahead() {
    const auto since_epoch = [](auto now) {
      return std::chrono::duration_cast<Milliseconds>(now.time_since_epoch());
    };
    return since_epoch(std::chrono::system_clock::now()) -
           since_epoch(std::chrono::steady_clock::now());
  }

  Milliseconds ahead_ = Ahead();
};

}  // namespace herald::process

#endif  // HERALD_PROTO_PROCESS_CLOCK_STEPS_H_
