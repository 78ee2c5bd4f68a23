// SPDX-License-Identifier: Apache-2.0
//
// Numbers that follow from a seed, the same on every machine. Each actor of a
// round has a generator of its own, so that one more decision of one actor
// does not change those of the others.

#ifndef HERALD_TESTS_END_TO_END_CHAOS_RANDOM_H_
#define HERALD_TESTS_END_TO_END_CHAOS_RANDOM_H_

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace herald::chaos {

using Milliseconds = std::chrono::milliseconds;

// Spreads the bits of `x` (the finalizer of SplitMix64).
inline uint64_t Mix(uint64_t x) {
  x += 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  // A generator for the actor `number` of a kind.
  Random For(uint64_t kind, uint64_t number) const {
    return Random(Mix(Mix(state_ + kind) + number));
  }

  uint64_t Next() { return Mix(state_++); }

  // Both ends included. REQUIRES: min <= max.
  int64_t Between(int64_t min, int64_t max) {
    const auto range = static_cast<uint64_t>(max - min) + 1;
    return min + static_cast<int64_t>(Next() % range);
  }
  Milliseconds Between(Milliseconds min, Milliseconds max) {
    return Milliseconds(Between(min.count(), max.count()));
  }

  // True in `percent` of a hundred cases.
  bool Chance(int percent) { return Between(0, 99) < percent; }

  // A place in something of `size`. REQUIRES: size > 0.
  size_t Index(size_t size) { return static_cast<size_t>(Next() % size); }

 private:
  uint64_t state_;
};

}  // namespace herald::chaos

#endif  // HERALD_TESTS_END_TO_END_CHAOS_RANDOM_H_
