// SPDX-License-Identifier: Apache-2.0
//
// A gate that holds threads until a test opens it: how tests make a peer slow
// without sleeping. Waits end after kPatience in any case.

#ifndef HERALD_TESTS_CLIENTS_GATE_H_
#define HERALD_TESTS_CLIENTS_GATE_H_

#include <condition_variable>
#include <mutex>

#include "tests/support/deadline.h"

namespace herald::testing_support {

class Gate {
 public:
  void Close() {
    const std::lock_guard lock(mutex_);
    open_ = false;
  }

  void Open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

  // Waits while the gate is closed.
  void Pass() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait_for(lock, kPatience, [&] { return open_; });
    --waiting_;
  }

  // Waits until `count` threads stand before the gate. False if they do not
  // come.
  bool WaitForArrivals(int count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience,
                             [&] { return waiting_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = true;
  int waiting_ = 0;
};

}  // namespace herald::testing_support

#endif  // HERALD_TESTS_CLIENTS_GATE_H_
