// SPDX-License-Identifier: Apache-2.0

#include "gateway/loop/timer_wheel.h"

#include <algorithm>

namespace herald::gateway {

void Timer::Cancel() {
  if (previous_ == nullptr) return;
  previous_->next_ = next_;
  next_->previous_ = previous_;
  next_ = previous_ = nullptr;
}

TimerWheel::TimerWheel(absl::Time now) : start_(now), now_(now) {
  for (Sentinel& slot : slots_) slot.next_ = slot.previous_ = &slot;
}

TimerWheel::~TimerWheel() {
  for (Sentinel& slot : slots_) {
    while (slot.next_ != &slot) slot.next_->Cancel();
  }
}

int64_t TimerWheel::SlotOf(absl::Time time) const {
  return (time - start_) / kSlot;
}

void TimerWheel::Insert(Timer* timer, int64_t slot) {
  Sentinel& head = slots_[static_cast<size_t>(slot % kSlots)];
  timer->previous_ = head.previous_;
  timer->next_ = &head;
  head.previous_->next_ = timer;
  head.previous_ = timer;
}

void TimerWheel::Set(Timer* timer, absl::Time due) {
  timer->Cancel();
  timer->due_ = due;
  // The slot behind the one that `due` is in: when the wheel is past it, the
  // time has come. A timer beyond the horizon waits in the last slot and is
  // set again from there.
  const int64_t slot = std::clamp(
      due >= now_ + kSlot * kSlots ? done_slot_ + kSlots : SlotOf(due) + 1,
      done_slot_ + 1, done_slot_ + kSlots);
  Insert(timer, slot);
}

void TimerWheel::Advance(absl::Time now) {
  if (now <= now_) return;
  now_ = now;
  const int64_t last = SlotOf(now);
  while (done_slot_ < last) {
    ++done_slot_;
    // Taken off as a whole, so that timers which set themselves again into the
    // same slot (a full round later) wait for that.
    Sentinel batch;
    Sentinel& head = slots_[static_cast<size_t>(done_slot_ % kSlots)];
    if (head.next_ == &head) {
      batch.next_ = batch.previous_ = nullptr;
      continue;
    }
    batch.next_ = head.next_;
    batch.previous_ = head.previous_;
    batch.next_->previous_ = &batch;
    batch.previous_->next_ = &batch;
    head.next_ = head.previous_ = &head;
    while (batch.next_ != &batch) {
      Timer* const timer = batch.next_;
      timer->Cancel();
      if (timer->due_ > now_) {
        Set(timer, timer->due_);
      } else {
        timer->OnTimer();
      }
    }
    batch.next_ = batch.previous_ = nullptr;
  }
}

}  // namespace herald::gateway
