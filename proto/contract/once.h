// SPDX-License-Identifier: Apache-2.0
//
// Runs a function once, whichever thread needs it first: absl::call_once() in a
// form that ThreadSanitizer sees (mutex.h).
//
// Threads: any.

#ifndef HERALD_PROTO_CONTRACT_ONCE_H_
#define HERALD_PROTO_CONTRACT_ONCE_H_

#include <atomic>

#include "proto/contract/mutex.h"

namespace herald::contract {

class Once {
 public:
  // Runs `body` if none has run yet. When it returns, the effects of the one
  // that has run are visible. Waits while another thread runs its own.
  template <typename Body>
  void Run(Body body) {
    if (is_done_.load(std::memory_order_acquire)) return;
    MutexLock lock(&mu_);
    if (is_done_.load(std::memory_order_relaxed)) return;
    body();
    is_done_.store(true, std::memory_order_release);
  }

 private:
  Mutex mu_;
  std::atomic<bool> is_done_{false};
};

}  // namespace herald::contract

#endif  // HERALD_PROTO_CONTRACT_ONCE_H_
