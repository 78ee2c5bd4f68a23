// SPDX-License-Identifier: Apache-2.0

#include <memory>

#include "tests/benchmark/measure.h"
#include "tests/benchmark/rpc_load.h"
#include "tests/benchmark/sides.h"

namespace herald::benchmark {

Result MeasureRpc(const Row& row, const Setup& setup) {
  const int64_t duration = setup.effort.duration;
  Result result{.row = row};
  const World world = setup.MakeWorld(row);
  const RpcLoadOptions options{.target = world.site().service,
                               .token = world.site().token,
                               .in_flight = row.in_flight};
  const std::unique_ptr<RpcLoad> load = row.work == Work::kCalls
                                            ? MakeBroadcastCalls(options)
                                            : MakeBroadcastMessages(options);
  std::unique_ptr<EmptySide> empty;
  if (!setup.target.has_value()) {
    empty = std::make_unique<EmptySide>(row);
    empty->Run(duration / 4);  // Warms up.
  }
  load->Run(duration / 4);
  double per_second = 0;
  for (int run = 0; run < setup.effort.runs; ++run) {
    if (empty != nullptr) result.baselines.push_back(empty->Run(duration));
    const int64_t begun = Now();
    const int64_t before = world.cpu();
    const int64_t count = load->Run(duration);
    const int64_t cpu = world.cpu() - before;
    const double seconds =
        static_cast<double>(Now() - begun) / static_cast<double>(kSecond);
    result.figures.push_back(FigureOf(world, count, cpu, seconds, &result.row));
    per_second += static_cast<double>(count) / seconds;
  }
  result.notes.push_back({"rate", per_second / setup.effort.runs,
                          UnitText(Unit::kPerSecond, row.work)});
  return result;
}

}  // namespace herald::benchmark
