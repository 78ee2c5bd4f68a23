// SPDX-License-Identifier: Apache-2.0
//
// The measurements, as data: a row for each line of the budgets, each point of
// a curve, and each promise about delays.

#ifndef HERALD_TESTS_BENCHMARK_ROWS_H_
#define HERALD_TESTS_BENCHMARK_ROWS_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace herald::benchmark {

// How a row is measured (measure.h).
enum class Work {
  kFanOut,    // Publishes in a closed loop, counts deliveries.
  kMemory,    // Opens sockets, reads their memory.
  kConnect,   // Opens sockets, counts CPU time.
  kPrivate,   // Open sockets subscribe to private channels.
  kJoin,      // A few sockets join and leave a channel that has many.
  kIdle,      // Sockets do nothing but answer pings.
  kCalls,     // Unary calls.
  kMessages,  // Messages of one stream.
  kHalfLoad,  // Publishes at half the pace that is possible.
  kFairness,  // One message beside a channel at full load.
  kLeaving,   // One message while thousands of sockets leave.
};

// The baseline, measured in turns with Herald's figure.
enum class Baseline {
  kNone,
  kLimit,            // limit_server.h, one send(2) per frame.
  kCoalescingLimit,  // The same, one send(2) for all that has arrived.
  kEmptyRpc,         // empty_service.proto.
  kQuiet,            // Herald itself, before the load.
  kNoHistory,        // Another Herald, without history.
};

enum class Unit {
  kPerCpuSecond,     // Of operations, per second of server CPU.
  kCpuMicroseconds,  // Of server CPU, for one operation.
  kBytes,            // Of resident memory, per socket.
  kPercent,          // Of one core.
  kMilliseconds,     // Of delay.
  kPerSecond,        // Of operations, where CPU time cannot be seen.
};

enum class Bound { kNone, kRatioAtLeast, kFigureAtMost };

// The curve of the plot that a row is a point of.
enum class Curve { kNone, kSubscribers, kChannels };

struct Row {
  std::string name = {};
  std::string what = {};  // A phrase for people.
  Work work = Work::kFanOut;
  int sockets = 1000;
  int channels = 1;  // Socket i is on channel i % channels.
  int in_flight = 1;
  int gateways = 1;
  int loops = 0;    // Per gateway; 0: one per core.
  int history = 0;  // Events that each channel remembers.
  Baseline baseline = Baseline::kNone;
  Unit unit = Unit::kPerCpuSecond;
  Bound bound = Bound::kNone;
  double budget = 0;
  Curve curve = Curve::kNone;
};

// All rows, in the order in which they are run and shown.
const std::vector<Row>& Rows();

// The row, or nullptr.
const Row* FindRow(absl::string_view name);

// The rows made so small that each takes a second: they show that everything
// works, not how fast. Of those that have become the same, the first stays.
std::vector<Row> Quick(const std::vector<Row>& rows);

// "deliveries/CPU-s" and the like; "limit" and the like.
std::string UnitText(Unit unit, Work work);
std::string BaselineText(Baseline baseline);

// Whether the row's budget is an amount of time, which depends on the machine.
bool IsBudgetOfTime(const Row& row);

}  // namespace herald::benchmark

#endif  // HERALD_TESTS_BENCHMARK_ROWS_H_
