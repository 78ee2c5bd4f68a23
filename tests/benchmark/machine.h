// SPDX-License-Identifier: Apache-2.0
//
// What the figures were measured on, for whoever reads them elsewhere.

#ifndef HERALD_TESTS_BENCHMARK_MACHINE_H_
#define HERALD_TESTS_BENCHMARK_MACHINE_H_

#include <string>

namespace herald::benchmark {

struct Machine {
  std::string cpu = {};
  int cores = 0;
  std::string kernel = {};
  double load = 0;  // Of one minute: who else was busy.
};

Machine ThisMachine();

}  // namespace herald::benchmark

#endif  // HERALD_TESTS_BENCHMARK_MACHINE_H_
