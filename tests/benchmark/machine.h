// SPDX-License-Identifier: Apache-2.0
//
// The machine of the figures, for readers on another one.

#ifndef HERALD_TESTS_BENCHMARK_MACHINE_H_
#define HERALD_TESTS_BENCHMARK_MACHINE_H_

#include <string>

namespace herald::benchmark {

struct Machine {
  std::string cpu = {};
  int cores = 0;
  std::string kernel = {};
  double load = 0;  // Of one minute: the load of other processes.
};

Machine ThisMachine();

}  // namespace herald::benchmark

#endif  // HERALD_TESTS_BENCHMARK_MACHINE_H_
