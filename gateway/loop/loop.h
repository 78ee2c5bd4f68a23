// SPDX-License-Identifier: Apache-2.0
//
// Port: the loop, as its shard sees it.
//
// Threads: the loop's.

#ifndef HERALD_GATEWAY_LOOP_LOOP_H_
#define HERALD_GATEWAY_LOOP_LOOP_H_

#include "absl/time/time.h"

namespace herald::gateway {

class Loop {
 public:
  virtual ~Loop() = default;

  // Requests a call of Shard::FlushDirty() at the end of this turn, or of the
  // next.
  virtual void RequestFlush() = 0;

  // Requests the call at `when`, or earlier.
  virtual void RequestFlushAt(absl::Time when) = 0;

  // The time of day, for latencies: read once for each publication and dialect.
  virtual absl::Time Now() const = 0;

  // A time that never jumps, for all else.
  virtual absl::Time Monotonic() const = 0;
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_LOOP_LOOP_H_
