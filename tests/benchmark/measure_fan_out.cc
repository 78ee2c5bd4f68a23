// SPDX-License-Identifier: Apache-2.0

#include <memory>
#include <utility>

#include "tests/benchmark/failure.h"
#include "tests/benchmark/measure.h"
#include "tests/benchmark/process_usage.h"

namespace herald::benchmark {
namespace {

// A server with a row's sockets, and a load on it.
struct Side {
  Side(const Row& row, CrowdOptions options,
       std::unique_ptr<Publisher> publishes)
      : crowd(std::move(options)), publisher(std::move(publishes)) {
    OpenSubscribed(row, &crowd);
    load.emplace(&crowd, publisher.get(),
                 LoadOptions{.channel_of_socket = ChannelsOf(row)});
  }

  Crowd crowd;
  std::unique_ptr<Publisher> publisher;
  std::optional<Load> load;
};

// A limit server, its sockets and the load on it.
class LimitSide {
 public:
  explicit LimitSide(const Row& row)
      : server_(StartOwnServer(
            row.baseline == Baseline::kLimit ? "limit" : "coalescing-limit")),
        side_(row, BareOptions(),
              MakeFramePublisher(
                  ResolveEndpoint(server_->ListeningAddress("frames")))) {}

  // Deliveries per second of CPU.
  double Run(int in_flight, int64_t duration) {
    const int64_t before = CpuTime({server_->pid()});
    const LoadResult result = side_.load->RunClosed(in_flight, duration);
    const int64_t cpu = CpuTime({server_->pid()}) - before;
    return static_cast<double>(result.deliveries) *
           static_cast<double>(kSecond) / static_cast<double>(cpu);
  }

 private:
  CrowdOptions BareOptions() {
    CrowdOptions options;
    options.servers = {ResolveEndpoint(server_->ListeningAddress("sockets"))};
    options.bare = true;
    return options;
  }

  const std::unique_ptr<ChildProcess> server_;
  Side side_;
};

}  // namespace

Result MeasureFanOut(const Row& row, const Setup& setup) {
  const int64_t duration = setup.effort.duration;
  Result result{.row = row};
  const World world = setup.MakeWorld(row);
  Side herald(row, world.crowd_options(), world.MakePublisher());
  std::unique_ptr<LimitSide> limit;
  if (row.baseline != Baseline::kNone && !setup.target.has_value()) {
    limit = std::make_unique<LimitSide>(row);
    limit->Run(row.in_flight, duration / 4);  // Warms up.
  }
  herald.load->RunClosed(row.in_flight, duration / 4);
  Histogram delays;
  double per_second = 0;
  int64_t service_cpu = 0, all_cpu = 0;
  for (int run = 0; run < setup.effort.runs; ++run) {
    if (limit != nullptr) {
      result.baselines.push_back(limit->Run(row.in_flight, duration));
    }
    const int64_t service_before = world.service_cpu();
    const int64_t before = world.cpu();
    const LoadResult load = herald.load->RunClosed(row.in_flight, duration);
    const int64_t cpu = world.cpu() - before;
    service_cpu += world.service_cpu() - service_before;
    all_cpu += cpu;
    result.figures.push_back(
        FigureOf(world, load.deliveries, cpu, load.seconds, &result.row));
    delays.Add(load.delays);
    per_second += static_cast<double>(load.deliveries) / load.seconds;
  }
  AddDelays(delays, &result);
  result.notes.push_back(
      {"rate", per_second / setup.effort.runs, "deliveries/s"});
  if (all_cpu > 0) {
    result.notes.push_back({"the service's part",
                            100.0 * static_cast<double>(service_cpu) /
                                static_cast<double>(all_cpu),
                            "%"});
  }
  return result;
}

}  // namespace herald::benchmark
