// SPDX-License-Identifier: Apache-2.0
//
// Waiting for another thread, with deadlines that setting the time of day does
// not move (those of absl::Mutex and absl::Notification do move).
//
//   contract::MutexLock lock(&mutex_);
//   while (!ended_) changed_.Wait(&mutex_);
//
// Threads: NotifyAll(), NotifyOne() and Notify() may be called from any, with
// or without the mutex; an object that others may destroy is notified with it.

#ifndef HERALD_PROTO_CONTRACT_CONDITION_H_
#define HERALD_PROTO_CONTRACT_CONDITION_H_

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "proto/contract/mutex.h"

namespace herald::contract {

// The monotonic clock. Its times can be compared with each other only.
inline absl::Time SteadyNow() {
  return absl::UnixEpoch() +
         absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
}

class Condition {
 public:
  // Releases the mutex, waits for a NotifyAll(), and locks the mutex again. May
  // return without a notification, so callers check their condition in a loop.
  void Wait(Mutex* mutex) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    Lockable handle{mutex};
    condition_.wait(handle);
  }

  // As Wait(), at most until `deadline` of SteadyNow(). Returns false if it has
  // passed.
  bool WaitUntil(Mutex* mutex, absl::Time deadline)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    // An hour at a time: an infinite duration would overflow the clock.
    const absl::Duration left =
        std::min(deadline - SteadyNow(), absl::Hours(1));
    if (left <= absl::ZeroDuration()) return false;
    Lockable handle{mutex};
    condition_.wait_for(handle, absl::ToChronoNanoseconds(left));
    return true;
  }

  void NotifyOne() { condition_.notify_one(); }
  void NotifyAll() { condition_.notify_all(); }

 private:
  // A BasicLockable of the standard library.
  struct Lockable {
    void lock() ABSL_NO_THREAD_SAFETY_ANALYSIS { mutex->Lock(); }
    void unlock() ABSL_NO_THREAD_SAFETY_ANALYSIS { mutex->Unlock(); }
    Mutex* mutex;
  };

  std::condition_variable_any condition_;
};

// Something that happens once.
class Notification {
 public:
  void Notify() ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(&mutex_);
    notified_ = true;
    condition_.NotifyAll();
  }

  bool HasBeenNotified() const { return notified_; }

  void WaitForNotification() ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(&mutex_);
    while (!notified_) condition_.Wait(&mutex_);
  }

  // Returns whether it has happened within `time`.
  bool WaitForNotificationWithTimeout(absl::Duration time)
      ABSL_LOCKS_EXCLUDED(mutex_) {
    const absl::Time deadline = SteadyNow() + time;
    MutexLock lock(&mutex_);
    while (!notified_ && condition_.WaitUntil(&mutex_, deadline)) continue;
    return notified_;
  }

 private:
  Mutex mutex_;
  Condition condition_;
  std::atomic<bool> notified_{false};  // Set with mutex_.
};

}  // namespace herald::contract

#endif  // HERALD_PROTO_CONTRACT_CONDITION_H_
