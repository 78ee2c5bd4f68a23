// SPDX-License-Identifier: Apache-2.0
//
// Spreads the closes of a loop whose gateway stops: how many clients may still
// be connected, and when each should reconnect.
//
// All of them reconnect, to gateways that have clients of their own, so few of
// them should do so in the same moment. The closes are spread over the drain
// time, and the delays over the return window. The rate of reconnects is the
// number of clients divided by the longer of the two. The closes of one slot
// happen in one instant, and so do all closes if the drain time is short. So
// the window is
//
//   * a second, which blurs the slots and is not felt, or,
//   * if the drain time is too short for kReturnsPerSecond, as long as that
//     takes, but no longer than half a minute: a client that waits is away.
//
// Threads: one.

#ifndef HERALD_GATEWAY_SESSION_DRAIN_H_
#define HERALD_GATEWAY_SESSION_DRAIN_H_

#include <cstdint>
#include <random>

#include "absl/time/time.h"

namespace herald::gateway {

// Half of the default of `max_connect_rate` (proto/settings/declarations.cc),
// because only one gateway may be left.
inline constexpr int64_t kReturnsPerSecond = 2500;
inline constexpr absl::Duration kReturnWindowMin = absl::Seconds(1);
inline constexpr absl::Duration kReturnWindowMax = absl::Seconds(30);

// The longest delay that a gateway with `sockets` gives a client.
absl::Duration ReturnWindow(absl::Duration drain_time, int64_t sockets);

class Drain {
 public:
  // `sockets` of the loop, from `now` on over `time`. Delays are drawn evenly
  // from zero to `window`, by `seed`.
  Drain(absl::Time now, absl::Duration time, int64_t sockets,
        absl::Duration window, uint64_t seed);

  // How many may be open at `now`: as many as there is time left, in
  // proportion.
  int64_t Allowed(absl::Time now) const;

  // The delay of the next client, in whole milliseconds.
  absl::Duration NextDelay();

 private:
  const absl::Time end_;
  const absl::Duration time_;
  const int64_t sockets_;
  std::uniform_int_distribution<int64_t> delay_ms_;
  std::mt19937_64 random_;
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_SESSION_DRAIN_H_
