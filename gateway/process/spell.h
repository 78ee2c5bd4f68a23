// SPDX-License-Identifier: Apache-2.0
//
// A fault that repeats many times a second while it lasts. Only its beginning
// and its end are logged.
//
// Threads: not thread-safe; the owner locks.

#ifndef HERALD_GATEWAY_PROCESS_SPELL_H_
#define HERALD_GATEWAY_PROCESS_SPELL_H_

#include <optional>

#include "absl/time/time.h"

namespace herald::gateway {

class Spell {
 public:
  // Notes an occurrence. Returns true if the fault begins with it. Times are
  // contract::SteadyNow().
  bool Come(absl::Time now) {
    const bool first = !last_.has_value();
    last_ = now;
    return first;
  }

  bool lasts() const { return last_.has_value(); }

  // Returns true once after the fault has not occurred for kOver.
  bool End(absl::Time now) {
    if (!last_.has_value() || now - *last_ < kOver) return false;
    last_.reset();
    return true;
  }

 private:
  static constexpr absl::Duration kOver = absl::Seconds(2);

  std::optional<absl::Time> last_;  // Of the fault; nullopt: it has ended.
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_PROCESS_SPELL_H_
