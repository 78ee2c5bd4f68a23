// SPDX-License-Identifier: Apache-2.0
//
// Measures a row: several runs, in turns with the baseline.
//
// Failure: the measurement has ended early (failure.h).

#ifndef HERALD_TESTS_BENCHMARK_MEASURE_H_
#define HERALD_TESTS_BENCHMARK_MEASURE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "tests/benchmark/clock.h"
#include "tests/benchmark/crowd.h"
#include "tests/benchmark/load.h"
#include "tests/benchmark/result.h"
#include "tests/benchmark/rows.h"
#include "tests/benchmark/world.h"

namespace herald::benchmark {

struct Effort {
  int runs = 5;
  int64_t duration = 2 * kSecond;  // Of one run.
  bool quick = false;              // Shows that it works, not how well.
};

struct Setup {
  std::string bin = {};
  std::optional<Site> target = {};  // Instead of processes of our own.
  Effort effort = {};

  // The Herald of a row.
  World MakeWorld(const Row& row) const;
};

// Why a row cannot be measured; empty if it can. A row may need processes of
// its own, or to see those of the target.
std::string WhyNot(const Row& row, const Setup& setup);

// Dispatches by row.work.
Result Measure(const Row& row, const Setup& setup);

// By work: each takes rows of its kinds only. ------------------------------

Result MeasureFanOut(const Row& row, const Setup& setup);
Result MeasureMemory(const Row& row, const Setup& setup);
Result MeasureConnect(const Row& row, const Setup& setup);
Result MeasurePrivate(const Row& row, const Setup& setup);
Result MeasureJoin(const Row& row, const Setup& setup);
Result MeasureIdle(const Row& row, const Setup& setup);
Result MeasureRpc(const Row& row, const Setup& setup);
Result MeasureHalfLoad(const Row& row, const Setup& setup);
Result MeasureFairness(const Row& row, const Setup& setup);
Result MeasureLeaving(const Row& row, const Setup& setup);

// Shared parts. ---------------------------------------------------------------

// The channel of each socket of a row.
std::vector<int> ChannelsOf(const Row& row);

// Opens a row's sockets, each on its channel.
void OpenSubscribed(const Row& row, Crowd* crowd);

// `amount` of work for `cpu` nanoseconds, in the unit of the row. Where CPU
// time cannot be seen, per second of `seconds`, and the row's unit becomes
// kPerSecond.
double FigureOf(const World& world, int64_t amount, int64_t cpu, double seconds,
                Row* row);

// p50, p99, p99.9 and the worst.
void AddDelays(const Histogram& delays, Result* result);

double ToMilliseconds(int64_t nanoseconds);

}  // namespace herald::benchmark

#endif  // HERALD_TESTS_BENCHMARK_MEASURE_H_
