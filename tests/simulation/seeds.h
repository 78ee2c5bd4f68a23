// SPDX-License-Identifier: Apache-2.0
//
// Which seeds a simulation runs with. HERALD_SIMULATION_SEED=N runs that one
// alone, and HERALD_SIMULATION_SEEDS=N so many.

#ifndef HERALD_TESTS_SIMULATION_SEEDS_H_
#define HERALD_TESTS_SIMULATION_SEEDS_H_

#include <cstdint>
#include <cstdlib>

#include "absl/strings/numbers.h"

namespace herald::simulation {

inline uint32_t FromEnvironment(const char* name, uint32_t otherwise) {
  const char* const text = std::getenv(name);
  uint32_t number = 0;
  return text != nullptr && absl::SimpleAtoi(text, &number) ? number
                                                            : otherwise;
}

struct Seeds {
  // All of them, unless the environment wants others.
  explicit Seeds(uint32_t count) {
    const uint32_t only = FromEnvironment("HERALD_SIMULATION_SEED", 0);
    is_one = only > 0;
    first = is_one ? only : 1;
    last = is_one ? only : FromEnvironment("HERALD_SIMULATION_SEEDS", count);
  }
  bool is_one = false;
  uint32_t first = 1;
  uint32_t last = 1;
};

}  // namespace herald::simulation

#endif  // HERALD_TESTS_SIMULATION_SEEDS_H_
