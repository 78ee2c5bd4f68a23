// SPDX-License-Identifier: Apache-2.0
//
// The cost of sockets that are almost idle.

#include <algorithm>
#include <memory>

#include "tests/benchmark/failure.h"
#include "tests/benchmark/measure.h"
#include "tests/benchmark/process_usage.h"

namespace herald::benchmark {
namespace {

double Seconds(int64_t nanoseconds) {
  return static_cast<double>(nanoseconds) / static_cast<double>(kSecond);
}

}  // namespace

Result MeasureMemory(const Row& row, const Setup& setup) {
  // A process keeps memory that it has used once, so each run has fresh ones.
  const int runs =
      setup.target.has_value() ? 1 : std::min(setup.effort.runs, 3);
  const int64_t settling = setup.effort.quick ? kSecond / 10 : kSecond;
  Result result{.row = row};
  for (int run = 0; run < runs; ++run) {
    const World world = setup.MakeWorld(row);
    Crowd crowd(world.crowd_options());
    crowd.PollFor(settling);
    const std::vector<pid_t>& pids = world.site().pids;
    const int64_t service_before = ResidentBytes({pids.front()});
    const int64_t before = ResidentBytes(pids);
    OpenSubscribed(row, &crowd);
    crowd.PollFor(settling);
    const int64_t grown = ResidentBytes(pids) - before;
    const int64_t service = ResidentBytes({pids.front()}) - service_before;
    result.figures.push_back(static_cast<double>(grown) / row.sockets);
    if (run + 1 < runs) continue;
    result.notes.push_back(
        {"service", static_cast<double>(service) / 1e6, "MB"});
    result.notes.push_back(
        {"gateway", static_cast<double>(grown - service) / 1e6, "MB"});
  }
  return result;
}

Result MeasureConnect(const Row& row, const Setup& setup) {
  Result result{.row = row};
  const World world = setup.MakeWorld(row);
  double per_second = 0;
  for (int run = 0; run < setup.effort.runs; ++run) {
    Crowd crowd(world.crowd_options());
    const int64_t begun = Now();
    const int64_t before = world.cpu();
    OpenSubscribed(row, &crowd);
    const int64_t cpu = world.cpu() - before;
    const double seconds = Seconds(Now() - begun);
    result.figures.push_back(
        FigureOf(world, row.sockets, cpu, seconds, &result.row));
    per_second += row.sockets / seconds;
    crowd.Reset(0, crowd.size());
    world.WaitUntilForgotten("bench-");
  }
  result.notes.push_back({"rate", per_second / setup.effort.runs, "sockets/s"});
  return result;
}

Result MeasurePrivate(const Row& row, const Setup& setup) {
  Result result{.row = row};
  const World world = setup.MakeWorld(row);
  Crowd crowd(world.crowd_options());
  crowd.Open(row.sockets, [](int) { return ""; });
  const auto channel_of = [&](int number) {
    return ChannelName("private-", number % row.channels);
  };
  int64_t authorizer = 0;
  for (int run = 0; run < setup.effort.runs; ++run) {
    const int64_t authorizer_before = world.authorizer_cpu();
    const int64_t before = world.cpu();
    crowd.Ask(0, row.sockets, [&](int number) {
      return SubscribeText(channel_of(number), "let me in");
    });
    const int64_t cpu = world.cpu() - before;
    authorizer += world.authorizer_cpu() - authorizer_before;
    result.figures.push_back(
        FigureOf(world, row.sockets, cpu, /*seconds=*/1, &result.row));
    crowd.Ask(0, row.sockets,
              [&](int number) { return UnsubscribeText(channel_of(number)); });
  }
  result.notes.push_back(
      {"the authorizer's own",
       Seconds(authorizer) * 1e6 / row.sockets / setup.effort.runs,
       "µs of CPU"});
  return result;
}

Result MeasureJoin(const Row& row, const Setup& setup) {
  constexpr int kMovers = 50;
  Result result{.row = row};
  const World world = setup.MakeWorld(row);
  Crowd crowd(world.crowd_options());
  OpenSubscribed(row, &crowd);
  const int first = crowd.size();
  crowd.Open(kMovers, [](int) { return ""; });
  const std::string channel = ChannelName("", 0);
  for (int run = 0; run < setup.effort.runs; ++run) {
    int64_t pairs = 0;
    const int64_t begun = Now();
    const int64_t before = world.cpu();
    while (Now() < begun + setup.effort.duration) {
      crowd.Ask(first, kMovers,
                [&](int) { return SubscribeText(channel, ""); });
      crowd.Ask(first, kMovers, [&](int) { return UnsubscribeText(channel); });
      pairs += kMovers;
    }
    result.figures.push_back(FigureOf(world, pairs, world.cpu() - before,
                                      Seconds(Now() - begun), &result.row));
  }
  return result;
}

Result MeasureIdle(const Row& row, const Setup& setup) {
  // The default of BROADCAST_HEARTBEAT_INTERVAL: each socket is pinged once.
  const int64_t duration = setup.effort.quick ? kSecond : 30 * kSecond;
  const int runs = std::min(setup.effort.runs, 3);
  Result result{.row = row};
  const World world = setup.MakeWorld(row);
  Crowd crowd(world.crowd_options());
  OpenSubscribed(row, &crowd);
  crowd.PollFor(kSecond);
  for (int run = 0; run < runs; ++run) {
    const int64_t before = world.cpu();
    crowd.PollFor(duration);
    result.figures.push_back(Seconds(world.cpu() - before) / Seconds(duration) *
                             100);
  }
  if (!setup.effort.quick && crowd.pings() < row.sockets) {
    Fail("only ", crowd.pings(), " pings for ", row.sockets, " sockets");
  }
  result.notes.push_back({"pings", static_cast<double>(crowd.pings()), ""});
  return result;
}

}  // namespace herald::benchmark
