// SPDX-License-Identifier: Apache-2.0
//
// How long the tests over real processes wait for an event: long enough for a
// busy machine under a sanitizer, short enough to end.

#ifndef HERALD_TESTS_SUPPORT_DEADLINE_H_
#define HERALD_TESTS_SUPPORT_DEADLINE_H_

#include <chrono>
#include <thread>

#include "absl/functional/function_ref.h"

namespace herald::testing_support {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr int kSlowness = 3;
#else
inline constexpr int kSlowness = 1;
#endif

// The longest wait for one event.
inline constexpr Milliseconds kPatience{10000 * kSlowness};

// Asks until `happened` returns true, or for `patience`. For events that cannot
// be waited for, such as the value of a metric.
inline bool WaitUntil(absl::FunctionRef<bool()> happened,
                      Milliseconds patience = kPatience) {
  const Clock::time_point deadline = Clock::now() + patience;
  while (!happened()) {
    if (Clock::now() >= deadline) return false;
    std::this_thread::sleep_for(Milliseconds(5));
  }
  return true;
}

}  // namespace herald::testing_support

#endif  // HERALD_TESTS_SUPPORT_DEADLINE_H_
