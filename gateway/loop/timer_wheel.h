// SPDX-License-Identifier: Apache-2.0
//
// The timers of one loop: 50 ms slots on a wheel, so that setting, moving and
// cancelling one are O(1) however many sockets there are. A timer never fires
// early, and at most two slots late.
//
// Threads: its loop. The wheel has no clock: its owner calls Advance().

#ifndef HERALD_GATEWAY_LOOP_TIMER_WHEEL_H_
#define HERALD_GATEWAY_LOOP_TIMER_WHEEL_H_

#include <array>
#include <cstdint>

#include "absl/time/time.h"

namespace herald::gateway {

class TimerWheel;

// An object that is called at a set time. It leaves its wheel when it is
// destroyed.
class Timer {
 public:
  Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  virtual ~Timer() { Cancel(); }

  // The time has come. The timer is not set any more; it may set itself again,
  // or destroy itself or other timers.
  virtual void OnTimer() = 0;

  void Cancel();
  bool is_set() const { return previous_ != nullptr; }

 private:
  friend class TimerWheel;

  Timer* next_ = nullptr;
  Timer* previous_ = nullptr;
  absl::Time due_;
};

class TimerWheel {
 public:
  static constexpr absl::Duration kSlot = absl::Milliseconds(50);

  explicit TimerWheel(absl::Time now);
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;
  ~TimerWheel();

  // Sets or moves `timer`.
  void Set(Timer* timer, absl::Time due);

  // Calls all timers that are due at `now`, then returns. Time does not run
  // backwards: an earlier `now` does nothing.
  void Advance(absl::Time now);

  // The `now` of the last Advance(): the time, for the loop.
  absl::Time now() const { return now_; }

 private:
  // A slot's list begins and ends at a sentinel.
  class Sentinel final : public Timer {
   public:
    void OnTimer() override {}
  };

  static constexpr int64_t kSlots = 1024;  // 51 s; later ones go round again.

  int64_t SlotOf(absl::Time time) const;
  void Insert(Timer* timer, int64_t slot);

  const absl::Time start_;
  absl::Time now_;
  int64_t done_slot_ = 0;  // Counted from start_; all before are empty.
  std::array<Sentinel, kSlots> slots_;
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_LOOP_TIMER_WHEEL_H_
