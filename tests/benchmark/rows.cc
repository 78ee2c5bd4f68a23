// SPDX-License-Identifier: Apache-2.0

#include "tests/benchmark/rows.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"

namespace herald::benchmark {
namespace {

// The budgets.
std::vector<Row> BudgetRows() {
  return {
      {.name = "fanout-1",
       .what = "fan-out to 1,000, one publish in flight",
       .baseline = Baseline::kLimit,
       .bound = Bound::kRatioAtLeast,
       .budget = 0.85},
      {.name = "fanout-16",
       .what = "fan-out to 1,000, 16 publishes in flight",
       .in_flight = 16,
       .baseline = Baseline::kCoalescingLimit,
       .bound = Bound::kRatioAtLeast,
       .budget = 0.75},
      {.name = "memory",
       .what = "memory of 10,000 idle sockets on 1,000 channels",
       .work = Work::kMemory,
       .sockets = 10000,
       .channels = 1000,
       .unit = Unit::kBytes,
       .bound = Bound::kFigureAtMost,
       .budget = 4096},
      {.name = "connect",
       .what = "connect and subscribe, public channel",
       .work = Work::kConnect,
       .sockets = 5000,
       .channels = 1000,
       .unit = Unit::kCpuMicroseconds,
       .bound = Bound::kFigureAtMost,
       .budget = 70},
      {.name = "unary",
       .what = "Broadcast to nobody, 16 calls in flight",
       .work = Work::kCalls,
       .in_flight = 16,
       .baseline = Baseline::kEmptyRpc,
       .bound = Bound::kRatioAtLeast,
       .budget = 0.85},
      {.name = "stream",
       .what = "BroadcastStream to nobody, 64 messages in flight",
       .work = Work::kMessages,
       .in_flight = 64,
       .baseline = Baseline::kEmptyRpc,
       .bound = Bound::kRatioAtLeast,
       .budget = 0.4},
      {.name = "single",
       .what = "64 in flight to 5,000 channels with one subscriber each",
       .sockets = 5000,
       .channels = 5000,
       .in_flight = 64,
       .unit = Unit::kCpuMicroseconds,
       .bound = Bound::kFigureAtMost,
       .budget = 20},
      {.name = "private",
       .what = "private subscribe through an authorizer in C++",
       .work = Work::kPrivate,
       .sockets = 5000,
       .channels = 1000,
       .unit = Unit::kCpuMicroseconds,
       .bound = Bound::kFigureAtMost,
       .budget = 100},
      {.name = "idle",
       .what = "10,000 idle sockets with heartbeats",
       .work = Work::kIdle,
       .sockets = 10000,
       .channels = 1000,
       .unit = Unit::kPercent,
       .bound = Bound::kFigureAtMost,
       .budget = 2},
  };
}

// The cost of a history.
Row HistoryRow(int in_flight) {
  return {.name = absl::StrCat("history-", in_flight),
          .what = absl::StrCat("fan-out to 1,000, in flight: ", in_flight,
                               ", 100 events remembered"),
          .in_flight = in_flight,
          .history = 100,
          .baseline = Baseline::kNoHistory,
          .bound = Bound::kRatioAtLeast,
          .budget = 0.9};
}

// Delays; each figure is a 99th percentile or, where stated, the worst.
std::vector<Row> DelayRows() {
  return {
      {.name = "half-load",
       .what = "p99 to 1,000 channels with one subscriber each, half load",
       .work = Work::kHalfLoad,
       .sockets = 1000,
       .channels = 1000,
       .in_flight = 64,
       .unit = Unit::kMilliseconds,
       .bound = Bound::kFigureAtMost,
       .budget = 5},
      {.name = "fairness",
       .what = "p99 of one message beside a full channel of 10,000, one loop",
       .work = Work::kFairness,
       .sockets = 10000,
       .in_flight = 16,
       .loops = 1,
       .baseline = Baseline::kQuiet,
       .unit = Unit::kMilliseconds,
       .bound = Bound::kFigureAtMost,
       .budget = 5},
      {.name = "leaving",
       .what = "worst delay of one message while 10,000 sockets leave",
       .work = Work::kLeaving,
       .sockets = 10000,
       .baseline = Baseline::kQuiet,
       .unit = Unit::kMilliseconds},
  };
}

Row SubscribersRow(int subscribers) {
  return {.name = absl::StrCat("subscribers-", subscribers),
          .what = absl::StrCat("fan-out to ", subscribers, ", 16 in flight"),
          .sockets = subscribers,
          .in_flight = 16,
          .baseline = Baseline::kCoalescingLimit,
          .curve = Curve::kSubscribers};
}

Row ChannelsRow(int channels) {
  return {.name = absl::StrCat("channels-", channels),
          .what = absl::StrCat("64 in flight, one subscriber per channel, ",
                               channels, " of them"),
          .sockets = channels,
          .channels = channels,
          .in_flight = 64,
          .curve = Curve::kChannels};
}

Row MemoryRow(int sockets) {
  return {.name = absl::StrCat("memory-", sockets),
          .what = absl::StrCat("memory of ", sockets, " idle sockets"),
          .work = Work::kMemory,
          .sockets = sockets,
          .channels = sockets / 10,
          .unit = Unit::kBytes};
}

Row JoinRow(int subscribers) {
  return {.name = absl::StrCat("join-", subscribers),
          .what = absl::StrCat("join and leave a channel of ", subscribers),
          .work = Work::kJoin,
          .sockets = subscribers,
          .unit = Unit::kCpuMicroseconds};
}

// Two of something, or one.
Row SpreadRow(const std::string& name, int gateways, int loops) {
  return {.name = name,
          .what = absl::StrCat("fan-out to 1,000, 16 in flight, gateways: ",
                               gateways, ", loops of each: ", loops),
          .in_flight = 16,
          .gateways = gateways,
          .loops = loops};
}

std::vector<Row> MakeRows() {
  std::vector<Row> rows = BudgetRows();
  for (const int n : {1, 16}) rows.push_back(HistoryRow(n));
  for (Row& row : DelayRows()) rows.push_back(std::move(row));
  for (const int n : {10, 100, 1000, 10000}) rows.push_back(SubscribersRow(n));
  for (const int n : {1, 100, 10000}) rows.push_back(ChannelsRow(n));
  rows.push_back(SpreadRow("loops-1", 1, 1));
  rows.push_back(SpreadRow("loops-2", 1, 2));
  rows.push_back(SpreadRow("gateways-1", 1, 1));
  rows.push_back(SpreadRow("gateways-2", 2, 1));
  for (const int n : {1000, 5000, 15000}) rows.push_back(MemoryRow(n));
  for (const int n : {10, 1000, 10000}) rows.push_back(JoinRow(n));
  return rows;
}

// The unit of a figure.
std::string ThingOf(Work work) {
  switch (work) {
    case Work::kCalls:
      return "calls";
    case Work::kMessages:
      return "messages";
    default:
      return "deliveries";
  }
}

// All that a row's measurement depends on.
auto Measured(const Row& row) {
  return std::tuple(row.work, row.sockets, row.channels, row.in_flight,
                    row.gateways, row.loops, row.history, row.baseline);
}

}  // namespace

const std::vector<Row>& Rows() {
  static const auto& rows = *new std::vector<Row>(MakeRows());
  return rows;
}

const Row* FindRow(absl::string_view name) {
  for (const Row& row : Rows()) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

std::vector<Row> Quick(const std::vector<Row>& rows) {
  constexpr int kSocketsMax = 200;
  std::vector<Row> quick;
  for (Row row : rows) {
    row.sockets = std::min(row.sockets, kSocketsMax);
    row.channels = std::min(row.channels, row.sockets);
    const bool is_new = std::none_of(
        quick.begin(), quick.end(),
        [&](const Row& other) { return Measured(other) == Measured(row); });
    if (is_new) quick.push_back(std::move(row));
  }
  return quick;
}

std::string UnitText(Unit unit, Work work) {
  switch (unit) {
    case Unit::kPerCpuSecond:
      return absl::StrCat(ThingOf(work), "/CPU-s");
    case Unit::kCpuMicroseconds:
      return "µs of CPU";
    case Unit::kBytes:
      return "bytes/socket";
    case Unit::kPercent:
      return "% of a core";
    case Unit::kMilliseconds:
      return "ms";
    case Unit::kPerSecond:
      return absl::StrCat(ThingOf(work), "/s");
  }
  return "";
}

std::string BaselineText(Baseline baseline) {
  switch (baseline) {
    case Baseline::kNone:
      return "";
    case Baseline::kLimit:
      return "limit";
    case Baseline::kCoalescingLimit:
      return "coalescing limit";
    case Baseline::kEmptyRpc:
      return "empty RPC";
    case Baseline::kQuiet:
      return "quiet";
    case Baseline::kNoHistory:
      return "no history";
  }
  return "";
}

bool IsBudgetOfTime(const Row& row) {
  return row.bound == Bound::kFigureAtMost &&
         (row.unit == Unit::kCpuMicroseconds || row.unit == Unit::kPercent ||
          row.unit == Unit::kMilliseconds);
}

}  // namespace herald::benchmark
