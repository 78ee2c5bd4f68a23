// SPDX-License-Identifier: Apache-2.0
//
// Detects that a peer which sends keepalives has fallen silent. HTTP/2 pings
// end at the next proxy, and a stream with a dead peer behind a proxy looks
// idle.
//
// A peer counts as one that sends keepalives from its first one on, so a peer
// of an older release, which sends none, is never taken for dead. Silence is
// counted in ticks of our own: a pause of this process (a SIGSTOP, a moved
// virtual machine) adds one at most.
//
// Threads: Heard() from any thread, Tick() from one at a time.

#ifndef HERALD_PROTO_CONTRACT_SILENCE_H_
#define HERALD_PROTO_CONTRACT_SILENCE_H_

#include <atomic>

#include "proto/contract/limits.h"

namespace herald::contract {

class Silence {
 public:
  // A message was received.
  void Heard(bool is_keepalive) {
    heard_.store(true, std::memory_order_relaxed);
    if (is_keepalive) expected_.store(true, std::memory_order_relaxed);
  }

  // Called once in a keepalive interval. True if nothing was received for
  // kKeepalivesMissedMax of them: the stream is dead.
  bool Tick() {
    if (heard_.exchange(false) || !expected_) {
      missed_ = 0;
      return false;
    }
    return ++missed_ >= kKeepalivesMissedMax;
  }

 private:
  std::atomic<bool> heard_{false};     // Since the last tick.
  std::atomic<bool> expected_{false};  // The peer sends keepalives.
  int64_t missed_ = 0;                 // Ticks in a row.
};

}  // namespace herald::contract

#endif  // HERALD_PROTO_CONTRACT_SILENCE_H_
