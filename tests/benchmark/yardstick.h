// SPDX-License-Identifier: Apache-2.0
//
// How much CPU time this machine needs for two indispensable operations, next
// to the Intel of tests/README.md, for which budgets of time are: a send(2) to
// a socket and a message on a stream of gRPC. Between machines of the same year
// they differ by a factor of three, and they are most of the cost of all rows.

#ifndef HERALD_TESTS_BENCHMARK_YARDSTICK_H_
#define HERALD_TESTS_BENCHMARK_YARDSTICK_H_

#include <cstdint>

#include "tests/benchmark/sides.h"

namespace herald::benchmark {

class Yardstick {
 public:
  Yardstick();

  // How many times as much; 1 where it is less. Takes `duration` twice.
  double Slowness(int64_t duration);

 private:
  LimitSide limit_;
  EmptySide empty_;
};

}  // namespace herald::benchmark

#endif  // HERALD_TESTS_BENCHMARK_YARDSTICK_H_
