// SPDX-License-Identifier: Apache-2.0
//
// Port: the core's only clock. A test's fake moves it by hand.
//
// Durations are measured with Now(). TimeOfDay() is for times that are shown or
// sent.

#ifndef HERALD_SERVICE_CHANNEL_TIMERS_H_
#define HERALD_SERVICE_CHANNEL_TIMERS_H_

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"

namespace herald::core {

// Threads: both methods may be called from any thread.
class Timers {
 public:
  virtual ~Timers() = default;

  // A monotonic time: it never jumps, and can be compared with itself only.
  virtual absl::Time Now() const = 0;

  // The time of day, which may be set at any moment, in either direction.
  virtual absl::Time TimeOfDay() const = 0;

  // Calls `body` once, `delay` from now, on a thread of its own that holds no
  // lock. Never calls it before it returns. Bodies that still wait when the
  // timers are destroyed are dropped.
  virtual void After(absl::Duration delay, absl::AnyInvocable<void()> body) = 0;
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_CHANNEL_TIMERS_H_
