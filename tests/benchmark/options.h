// SPDX-License-Identifier: Apache-2.0
//
// The command line of herald-bench.

#ifndef HERALD_TESTS_BENCHMARK_OPTIONS_H_
#define HERALD_TESTS_BENCHMARK_OPTIONS_H_

#include <string>
#include <vector>

#include "tests/benchmark/measure.h"
#include "tests/benchmark/rows.h"

namespace herald::benchmark {

struct Options {
  std::string serve;  // Not empty: be this server instead.
  bool list = false;
  std::vector<Row> rows;
  Setup setup;
  bool json = false;  // Instead of the table.
  std::string svg;    // File for the plot, or nothing.
  bool enforce = false;
};

// Reads the command line. Prints the help and ends the process if it is asked
// for; ends it with code 2 and a sentence if something cannot be used.
Options ReadOptions(int argc, char** argv);

}  // namespace herald::benchmark

#endif  // HERALD_TESTS_BENCHMARK_OPTIONS_H_
