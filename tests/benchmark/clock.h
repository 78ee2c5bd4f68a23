// SPDX-License-Identifier: Apache-2.0
//
// The one clock of the benchmark: monotonic nanoseconds, comparable within a
// machine, so a stamp that one thread has written means the same to another.

#ifndef HERALD_TESTS_BENCHMARK_CLOCK_H_
#define HERALD_TESTS_BENCHMARK_CLOCK_H_

#include <time.h>

#include <cstdint>

namespace herald::benchmark {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kMillisecond = 1'000'000;

// A delivery or answer counts as lost after this time without any progress.
constexpr int64_t kPatience = 20 * kSecond;

inline int64_t ToNanoseconds(const timespec& time) {
  return time.tv_sec * kSecond + time.tv_nsec;
}

inline timespec ToTimespec(int64_t nanoseconds) {
  return {nanoseconds / kSecond, nanoseconds % kSecond};
}

inline int64_t Now() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return ToNanoseconds(time);
}

}  // namespace herald::benchmark

#endif  // HERALD_TESTS_BENCHMARK_CLOCK_H_
