// SPDX-License-Identifier: Apache-2.0
//
// Values from callbacks of another thread, for a test to take in order. Every
// wait is bounded by kPatience.

#ifndef HERALD_TESTS_CLIENTS_MAILBOX_H_
#define HERALD_TESTS_CLIENTS_MAILBOX_H_

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/deadline.h"

namespace herald::testing_support {

template <typename T>
class Mailbox {
 public:
  void Put(T letter) {
    const std::lock_guard lock(mutex_);
    letters_.push_back(std::move(letter));
    changed_.notify_all();
  }

  // The oldest letter; nothing, and a failure of the test, if none comes.
  std::optional<T> Take() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, kPatience,
                           [&] { return !letters_.empty(); })) {
      ADD_FAILURE() << "nothing came";
      return std::nullopt;
    }
    T letter = std::move(letters_.front());
    letters_.pop_front();
    return letter;
  }

  // The oldest `count` letters, or those that came in time.
  std::vector<T> Take(size_t count) {
    std::vector<T> letters;
    while (letters.size() < count) {
      std::optional<T> letter = Take();
      if (!letter.has_value()) break;
      letters.push_back(*std::move(letter));
    }
    return letters;
  }

  size_t size() const {
    const std::lock_guard lock(mutex_);
    return letters_.size();
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<T> letters_;
};

}  // namespace herald::testing_support

#endif  // HERALD_TESTS_CLIENTS_MAILBOX_H_
