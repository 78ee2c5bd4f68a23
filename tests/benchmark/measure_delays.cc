// SPDX-License-Identifier: Apache-2.0
//
// The delay of a message, at half load and beside work that could hold it up.

#include <algorithm>
#include <functional>
#include <future>
#include <memory>
#include <utility>

#include "tests/benchmark/failure.h"
#include "tests/benchmark/measure.h"

namespace herald::benchmark {
namespace {

// A few sockets of a channel of their own, with a thread of their own: work on
// the crowd beside them does not count as their delay.
class Probe {
 public:
  explicit Probe(const World& world)
      : crowd_(world.crowd_options()), publisher_(world.MakePublisher()) {
    crowd_.Open(kSockets, [](int number) {
      return SubscribeText(ChannelName(kPrefix, number), "");
    });
    std::vector<int> channels;
    for (int i = 0; i < kSockets; ++i) channels.push_back(i);
    load_.emplace(&crowd_, publisher_.get(),
                  LoadOptions{.channel_of_socket = channels,
                              .prefix = std::string(kPrefix)});
  }

  // Publishes for `duration`, evenly, while `meanwhile` runs in this thread.
  Histogram Run(int64_t duration, const std::function<void()>& meanwhile) {
    auto delays = std::async(std::launch::async, [this, duration] {
      return load_->RunPaced(kPerSecond, duration).delays;
    });
    meanwhile();
    return delays.get();
  }

 private:
  static constexpr int kSockets = 8;  // So that each loop has some.
  static constexpr double kPerSecond = 200;
  static constexpr absl::string_view kPrefix = "probe-";

  Crowd crowd_;
  const std::unique_ptr<Publisher> publisher_;
  std::optional<Load> load_;
};

}  // namespace

Result MeasureHalfLoad(const Row& row, const Setup& setup) {
  const int64_t duration = setup.effort.duration;
  Result result{.row = row};
  const World world = setup.MakeWorld(row);
  Crowd crowd(world.crowd_options());
  OpenSubscribed(row, &crowd);
  const std::unique_ptr<Publisher> publisher = world.MakePublisher();
  Load load(&crowd, publisher.get(), {.channel_of_socket = ChannelsOf(row)});
  load.RunClosed(row.in_flight, duration / 4);
  Histogram delays;
  double pace = 0;
  for (int run = 0; run < setup.effort.runs; ++run) {
    const LoadResult full = load.RunClosed(row.in_flight, duration);
    const double half = static_cast<double>(full.publishes) / full.seconds / 2;
    const LoadResult paced = load.RunPaced(half, duration);
    result.figures.push_back(ToMilliseconds(paced.delays.Quantile(0.99)));
    delays.Add(paced.delays);
    pace += half;
  }
  AddDelays(delays, &result);
  result.notes.push_back({"pace", pace / setup.effort.runs, "publishes/s"});
  return result;
}

Result MeasureFairness(const Row& row, const Setup& setup) {
  const int64_t duration = setup.effort.duration;
  Result result{.row = row};
  const World world = setup.MakeWorld(row);
  Crowd crowd(world.crowd_options());
  OpenSubscribed(row, &crowd);
  const std::unique_ptr<Publisher> publisher = world.MakePublisher();
  Load load(&crowd, publisher.get(), {.channel_of_socket = ChannelsOf(row)});
  Probe probe(world);
  Histogram delays;
  for (int run = 0; run < setup.effort.runs; ++run) {
    const Histogram quiet =
        probe.Run(duration, [&] { crowd.PollFor(duration); });
    const Histogram beside =
        probe.Run(duration, [&] { load.RunClosed(row.in_flight, duration); });
    result.baselines.push_back(ToMilliseconds(quiet.Quantile(0.99)));
    result.figures.push_back(ToMilliseconds(beside.Quantile(0.99)));
    delays.Add(beside);
  }
  AddDelays(delays, &result);
  return result;
}

Result MeasureLeaving(const Row& row, const Setup& setup) {
  const int64_t duration = setup.effort.duration;
  const int runs = std::min(setup.effort.runs, 3);
  Result result{.row = row};
  const World world = setup.MakeWorld(row);
  Probe probe(world);
  Histogram delays;
  for (int run = 0; run < runs; ++run) {
    Crowd crowd(world.crowd_options());
    OpenSubscribed(row, &crowd);
    const Histogram quiet =
        probe.Run(duration, [&] { crowd.PollFor(duration); });
    const Histogram leaving = probe.Run(duration, [&] {
      crowd.PollFor(duration / 4);
      crowd.Reset(0, crowd.size());
      world.WaitUntilForgotten("bench-");
    });
    result.baselines.push_back(ToMilliseconds(quiet.max()));
    result.figures.push_back(ToMilliseconds(leaving.max()));
    delays.Add(leaving);
  }
  AddDelays(delays, &result);
  return result;
}

}  // namespace herald::benchmark
