// SPDX-License-Identifier: Apache-2.0

#include "tests/benchmark/measure.h"

#include "tests/benchmark/failure.h"
#include "tests/benchmark/yardstick.h"

namespace herald::benchmark {

World Setup::MakeWorld(const Row& row) const {
  if (target.has_value()) return World(*target);
  return World({.bin = bin,
                .gateways = row.gateways,
                .loops = row.loops,
                .history = row.history,
                .authorizer = row.work == Work::kPrivate});
}

std::vector<int> ChannelsOf(const Row& row) {
  std::vector<int> channels;
  for (int i = 0; i < row.sockets; ++i) channels.push_back(i % row.channels);
  return channels;
}

void OpenSubscribed(const Row& row, Crowd* crowd) {
  crowd->Open(row.sockets, [&](int number) {
    return SubscribeText(ChannelName("", number % row.channels), "");
  });
}

double FigureOf(const World& world, int64_t amount, int64_t cpu, double seconds,
                Row* row) {
  const auto done = static_cast<double>(amount);
  if (!world.is_visible()) {
    row->unit = Unit::kPerSecond;
    return done / seconds;
  }
  const double cpu_seconds =
      static_cast<double>(cpu) / static_cast<double>(kSecond);
  if (row->unit == Unit::kCpuMicroseconds) return cpu_seconds * 1e6 / done;
  return done / cpu_seconds;
}

double ToMilliseconds(int64_t nanoseconds) {
  return static_cast<double>(nanoseconds) / static_cast<double>(kMillisecond);
}

void AddDelays(const Histogram& delays, Result* result) {
  const auto add = [&](const char* name, int64_t value) {
    result->notes.push_back({name, ToMilliseconds(value), "ms"});
  };
  add("p50", delays.Quantile(0.5));
  add("p99", delays.Quantile(0.99));
  add("p99.9", delays.Quantile(0.999));
  add("worst", delays.max());
}

std::string WhyNot(const Row& row, const Setup& setup) {
  if (!setup.target.has_value()) return "";
  if (row.work == Work::kPrivate || row.gateways != 1 || row.loops != 0 ||
      row.history != 0) {
    return "needs processes of its own, not a --target";
  }
  const bool looks_at_processes =
      row.work == Work::kMemory || row.work == Work::kIdle;
  if (looks_at_processes && setup.target->pids.empty()) {
    return "needs to see the processes: give --pid";
  }
  return "";
}

namespace {

Result MeasureByWork(const Row& row, const Setup& setup) {
  switch (row.work) {
    case Work::kFanOut:
      return MeasureFanOut(row, setup);
    case Work::kMemory:
      return MeasureMemory(row, setup);
    case Work::kConnect:
      return MeasureConnect(row, setup);
    case Work::kPrivate:
      return MeasurePrivate(row, setup);
    case Work::kJoin:
      return MeasureJoin(row, setup);
    case Work::kIdle:
      return MeasureIdle(row, setup);
    case Work::kCalls:
    case Work::kMessages:
      return MeasureRpc(row, setup);
    case Work::kHalfLoad:
      return MeasureHalfLoad(row, setup);
    case Work::kFairness:
      return MeasureFairness(row, setup);
    case Work::kLeaving:
      return MeasureLeaving(row, setup);
  }
  Fail("there is no such work");
}

}  // namespace

Result Measure(const Row& row, const Setup& setup) {
  const std::string why_not = WhyNot(row, setup);
  if (!why_not.empty()) Fail(why_not);
  // A target may be on another machine, and quick figures prove nothing.
  const bool has_slowness =
      IsBudgetOfTime(row) && !setup.target.has_value() && !setup.effort.quick;
  if (!has_slowness) return MeasureByWork(row, setup);
  Yardstick yardstick;
  const double before = yardstick.Slowness(setup.effort.duration / 2);
  Result result = MeasureByWork(row, setup);
  const double after = yardstick.Slowness(setup.effort.duration / 2);
  result.slowness = (before + after) / 2;
  return result;
}

}  // namespace herald::benchmark
