// SPDX-License-Identifier: Apache-2.0
//
// The output of the benchmark: one table for people, one JSON text for
// programs.

#ifndef HERALD_TESTS_BENCHMARK_REPORT_H_
#define HERALD_TESTS_BENCHMARK_REPORT_H_

#include <string>
#include <vector>

#include "tests/benchmark/machine.h"
#include "tests/benchmark/result.h"

namespace herald::benchmark {

// A line per row: figure, baseline of the same run, ratio, budget, met or not;
// below it further observations and failures.
std::string TableText(const std::vector<Result>& results);

// "12 budgets met, 2 not met, 1 row failed"
std::string SummaryText(const std::vector<Result>& results);

// One line about the machine.
std::string MachineText(const Machine& machine);

// Everything, each run's figure included, as a JSON object.
std::string JsonText(const Machine& machine,
                     const std::vector<Result>& results);

// All rows and their measurements.
std::string ListText(const std::vector<Row>& rows);

// A number as people like it: "1,234,567", "12.3", "0.0456".
std::string NumberText(double value);

}  // namespace herald::benchmark

#endif  // HERALD_TESTS_BENCHMARK_REPORT_H_
