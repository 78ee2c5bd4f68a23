// SPDX-License-Identifier: Apache-2.0
//
// A trouble that comes many times a second while it lasts, so that only its
// beginning and its end are worth a line.
//
// Threads: none of its own; its owner locks.

#ifndef HERALD_GATEWAY_PROCESS_SPELL_H_
#define HERALD_GATEWAY_PROCESS_SPELL_H_

#include <optional>

#include "absl/time/time.h"

namespace herald::gateway {

class Spell {
 public:
  // It has come. True if that is the beginning. Times are
  // contract::SteadyNow().
  bool Come(absl::Time now) {
    const bool first = !last_.has_value();
    last_ = now;
    return first;
  }

  bool lasts() const { return last_.has_value(); }

  // True once it is over, once: it has not come for kOver.
  bool End(absl::Time now) {
    if (!last_.has_value() || now - *last_ < kOver) return false;
    last_.reset();
    return true;
  }

 private:
  static constexpr absl::Duration kOver = absl::Seconds(2);

  std::optional<absl::Time> last_;  // While it lasts.
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_PROCESS_SPELL_H_
