// SPDX-License-Identifier: Apache-2.0
//
// How often a gateway that is attached to a later service of its list checks
// whether the first one serves again. A first service that keeps starting and
// failing must not move its gateways back and forth each second. So the pause
// doubles after a return that did not last.
//
// Threads: one at a time. Times are monotonic.

#ifndef HERALD_GATEWAY_LINK_RETURN_POLICY_H_
#define HERALD_GATEWAY_LINK_RETURN_POLICY_H_

#include <algorithm>
#include <optional>

#include "absl/time/time.h"

namespace herald::gateway {

class ReturnPolicy {
 public:
  static constexpr absl::Duration kPauseMin = absl::Seconds(1);
  static constexpr absl::Duration kPauseMax = absl::Seconds(60);
  // A link to the first service that lasted this long was a success.
  static constexpr absl::Duration kLasting = absl::Seconds(10);

  // The gateway returns to the first service.
  void OnReturn(absl::Time now) { returned_ = now; }

  // A link has ended, or could not be opened.
  void OnLinkEnded(bool first, absl::Time now) {
    if (!first || !returned_.has_value()) return;
    const bool lasted = now - *returned_ >= kLasting;
    pause_ = lasted ? kPauseMin : std::min(2 * pause_, kPauseMax);
    returned_.reset();
  }

  absl::Duration pause() const { return pause_; }

 private:
  absl::Duration pause_ = kPauseMin;
  std::optional<absl::Time> returned_;
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_LINK_RETURN_POLICY_H_
