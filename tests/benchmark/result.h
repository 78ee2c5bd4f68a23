// SPDX-License-Identifier: Apache-2.0
//
// The result of a row, and its verdict.

#ifndef HERALD_TESTS_BENCHMARK_RESULT_H_
#define HERALD_TESTS_BENCHMARK_RESULT_H_

#include <optional>
#include <string>
#include <vector>

#include "tests/benchmark/rows.h"

namespace herald::benchmark {

// A figure on the side, such as a quantile of the delays.
struct Note {
  std::string name = {};
  double value = 0;
  std::string unit = {};
};

struct Result {
  Row row = {};                        // As it was run.
  std::vector<double> figures = {};    // One for each run.
  std::vector<double> baselines = {};  // One for each run, or none.
  std::vector<Note> notes = {};
  // How many times as much CPU time as on the machine of the budgets things
  // take on this one (yardstick.h).
  double slowness = 1;
  std::string failure = {};  // Not empty: it failed; the rest means nothing.

  // Medians.
  double figure() const;
  std::optional<double> baseline() const;

  // How near Herald comes to the baseline: the median of each figure's ratio to
  // its own baseline, which ran right before it. A machine that is slow for
  // some seconds slows both.
  std::optional<double> ratio() const;

  // Whether the budget is met; nothing without a budget, a baseline or CPU
  // time.
  std::optional<bool> met() const;

  // A budget of time as it would be for a machine of this one's speed; nothing
  // if there is none, or if this one is as fast as that of the budgets.
  std::optional<double> budget_here() const;
};

}  // namespace herald::benchmark

#endif  // HERALD_TESTS_BENCHMARK_RESULT_H_
