// SPDX-License-Identifier: Apache-2.0
//
// Time that passes only while a thread runs: a pause (SIGSTOP, the migration
// of a virtual machine) does not count. Silence is measured with it, so that a
// peer does not time out while this process did not read.
//
// Threads: one at a time.

#ifndef HERALD_PROTO_CONTRACT_AWAKE_CLOCK_H_
#define HERALD_PROTO_CONTRACT_AWAKE_CLOCK_H_

#include "absl/time/time.h"

namespace herald::contract {

class AwakeClock {
 public:
  // A thread that reads the clock at least every `beat` has paused if it has
  // not read it for longer than `gap_max`.
  AwakeClock(absl::Time start, absl::Duration beat, absl::Duration gap_max)
      : beat_(beat), gap_max_(gap_max), last_(start) {}

  // Reads the clock. `now` is monotonic. Of a pause, one beat counts.
  absl::Time Read(absl::Time now) {
    const absl::Duration gap = now - last_;
    if (gap > gap_max_) away_ += gap - beat_;
    last_ = now;
    return now - away_;
  }

  // How long all pauses took together.
  absl::Duration away() const { return away_; }

 private:
  const absl::Duration beat_;
  const absl::Duration gap_max_;
  absl::Time last_;
  absl::Duration away_;
};

}  // namespace herald::contract

#endif  // HERALD_PROTO_CONTRACT_AWAKE_CLOCK_H_
