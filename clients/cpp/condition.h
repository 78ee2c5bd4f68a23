// SPDX-License-Identifier: Apache-2.0
//
// Waiting under a contract::Mutex until another thread says that something has
// changed. Absent from the contract kit because no wire depends on it.
//
//   contract::MutexLock lock(&mutex_);
//   while (!ended_) changed_.Wait(&mutex_);
//
// Threads: NotifyAll() and NotifyOne() may be called with or without the mutex;
// an object that others may destroy is notified with it.

#ifndef HERALD_CLIENTS_CPP_CONDITION_H_
#define HERALD_CLIENTS_CPP_CONDITION_H_

#include <algorithm>
#include <condition_variable>

#include "absl/base/thread_annotations.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "proto/contract/mutex.h"

namespace herald::client {

class Condition {
 public:
  // Gives the mutex up, waits for a NotifyAll() or for no reason at all, and
  // takes the mutex again. Callers loop over what they wait for.
  void Wait(contract::Mutex* mutex) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    Handle handle{mutex};
    condition_.wait(handle);
  }

  // As Wait(), at most until `deadline`. Returns false if it has passed.
  bool WaitUntil(contract::Mutex* mutex, absl::Time deadline)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    // An hour at a time: an infinite duration would overflow the clock.
    const absl::Duration left =
        std::min(deadline - absl::Now(), absl::Hours(1));
    if (left <= absl::ZeroDuration()) return false;
    Handle handle{mutex};
    condition_.wait_for(handle, absl::ToChronoNanoseconds(left));
    return true;
  }

  void NotifyOne() { condition_.notify_one(); }
  void NotifyAll() { condition_.notify_all(); }

 private:
  // What the standard library calls a lock.
  struct Handle {
    void lock() ABSL_NO_THREAD_SAFETY_ANALYSIS { mutex->Lock(); }
    void unlock() ABSL_NO_THREAD_SAFETY_ANALYSIS { mutex->Unlock(); }
    contract::Mutex* mutex;
  };

  std::condition_variable_any condition_;
};

}  // namespace herald::client

#endif  // HERALD_CLIENTS_CPP_CONDITION_H_
