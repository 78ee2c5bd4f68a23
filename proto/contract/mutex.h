// SPDX-License-Identifier: Apache-2.0
//
// Locks that Clang's thread safety analysis and ThreadSanitizer both see.
// Debian's abseil is built without TSan, so absl::Mutex hides its hand-offs
// from it; std::mutex does not, but carries no annotations.
//
// Threads: any.

#ifndef HERALD_PROTO_CONTRACT_MUTEX_H_
#define HERALD_PROTO_CONTRACT_MUTEX_H_

#include <atomic>
#include <mutex>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "proto/contract/require.h"

namespace herald::contract {

class ABSL_LOCKABLE Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void Lock() ABSL_EXCLUSIVE_LOCK_FUNCTION() {
    mutex_.lock();
    SetOwner(std::this_thread::get_id());
  }
  void Unlock() ABSL_UNLOCK_FUNCTION() {
    SetOwner({});
    mutex_.unlock();
  }
  // Ends the process if another thread holds it, or none; not in a release.
  void AssertHeld() const ABSL_ASSERT_EXCLUSIVE_LOCK() {
#ifndef NDEBUG
    Require(owner_.load(std::memory_order_relaxed) ==
            std::this_thread::get_id());
#endif
  }

 private:
#ifdef NDEBUG
  void SetOwner(std::thread::id /*owner*/) {}
#else
  void SetOwner(std::thread::id owner) {
    owner_.store(owner, std::memory_order_relaxed);
  }
  std::atomic<std::thread::id> owner_{};
#endif
  std::mutex mutex_;
};

class ABSL_SCOPED_LOCKABLE MutexLock {
 public:
  explicit MutexLock(Mutex* mutex) ABSL_EXCLUSIVE_LOCK_FUNCTION(mutex)
      : mutex_(mutex) {
    mutex_->Lock();
  }
  ~MutexLock() ABSL_UNLOCK_FUNCTION() { mutex_->Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex* const mutex_;
};

// Runs a function once, whichever thread needs it first: absl::call_once() in a
// form that ThreadSanitizer sees.
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

#endif  // HERALD_PROTO_CONTRACT_MUTEX_H_
