// SPDX-License-Identifier: Apache-2.0

#include "tests/benchmark/sides.h"

#include <utility>

#include "tests/benchmark/clock.h"
#include "tests/benchmark/endpoint.h"
#include "tests/benchmark/measure.h"
#include "tests/benchmark/process_usage.h"

namespace herald::benchmark {
namespace {

CrowdOptions BareOptions(ChildProcess& limit) {
  CrowdOptions options;
  options.servers = {ResolveEndpoint(limit.ListeningAddress("sockets"))};
  options.bare = true;
  return options;
}

std::unique_ptr<RpcLoad> MakeEmptyLoad(const Row& row, ChildProcess& server) {
  const RpcLoadOptions options{.target = server.ListeningAddress("grpc"),
                               .in_flight = row.in_flight};
  return row.work == Work::kCalls ? MakeEmptyCalls(options)
                                  : MakeEmptyMessages(options);
}

double PerCpuSecond(int64_t amount, int64_t cpu) {
  return static_cast<double>(amount) * static_cast<double>(kSecond) /
         static_cast<double>(cpu);
}

}  // namespace

LoadedCrowd::LoadedCrowd(const Row& row, CrowdOptions options,
                         std::unique_ptr<Publisher> publishes)
    : crowd(std::move(options)), publisher(std::move(publishes)) {
  OpenSubscribed(row, &crowd);
  load.emplace(&crowd, publisher.get(),
               LoadOptions{.channel_of_socket = ChannelsOf(row)});
}

LimitSide::LimitSide(const Row& row)
    : in_flight_(row.in_flight),
      server_(StartOwnServer(
          row.baseline == Baseline::kLimit ? "limit" : "coalescing-limit")),
      crowd_(row, BareOptions(*server_),
             MakeFramePublisher(
                 ResolveEndpoint(server_->ListeningAddress("frames")))) {}

double LimitSide::Run(int64_t duration) {
  const int64_t before = CpuTime({server_->pid()});
  const LoadResult result = crowd_.load->RunClosed(in_flight_, duration);
  return PerCpuSecond(result.deliveries, CpuTime({server_->pid()}) - before);
}

EmptySide::EmptySide(const Row& row)
    : server_(StartOwnServer("empty-rpc")),
      load_(MakeEmptyLoad(row, *server_)) {}

double EmptySide::Run(int64_t duration) {
  const int64_t before = CpuTime({server_->pid()});
  const int64_t count = load_->Run(duration);
  return PerCpuSecond(count, CpuTime({server_->pid()}) - before);
}

}  // namespace herald::benchmark
