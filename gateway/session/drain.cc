// SPDX-License-Identifier: Apache-2.0

#include "gateway/session/drain.h"

#include <algorithm>

#include "gateway/loop/timer_wheel.h"

namespace herald::gateway {

absl::Duration ReturnWindow(absl::Duration drain_time, int64_t sockets) {
  const absl::Duration needed = absl::Seconds(1) * sockets / kReturnsPerSecond;
  if (needed <= drain_time) return kReturnWindowMin;
  return std::clamp(needed, kReturnWindowMin, kReturnWindowMax);
}

Drain::Drain(absl::Time now, absl::Duration time, int64_t sockets,
             absl::Duration window, uint64_t seed)
    : end_(now + time),
      time_(std::max(time, TimerWheel::kSlot)),
      sockets_(sockets),
      delay_ms_(0, absl::ToInt64Milliseconds(window)),
      random_(seed) {}

int64_t Drain::Allowed(absl::Time now) const {
  const double left = std::max(0.0, absl::FDivDuration(end_ - now, time_));
  return static_cast<int64_t>(left * static_cast<double>(sockets_));
}

absl::Duration Drain::NextDelay() {
  return absl::Milliseconds(delay_ms_(random_));
}

}  // namespace herald::gateway
