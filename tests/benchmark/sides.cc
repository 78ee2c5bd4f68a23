// SPDX-License-Identifier: Apache-2.0

#include "tests/benchmark/sides.h"

#include <utility>

#include "tests/benchmark/clock.h"
#include "tests/benchmark/endpoint.h"
#include "tests/benchmark/machine.h"
#include "tests/benchmark/measure.h"
#include "tests/benchmark/process_usage.h"

namespace herald::benchmark {
namespace {

using Servers = std::vector<std::unique_ptr<ChildProcess>>;

Servers StartLimitServers(const Row& row) {
  const int loops = row.loops > 0 ? row.loops : ThisMachine().cores;
  Servers servers;
  for (int i = 0; i < row.gateways * loops; ++i) {
    servers.push_back(StartOwnServer(
        row.baseline == Baseline::kLimit ? "limit" : "coalescing-limit"));
  }
  return servers;
}

std::vector<Endpoint> EndpointsOf(const Servers& servers,
                                  absl::string_view what) {
  std::vector<Endpoint> endpoints;
  for (const auto& server : servers) {
    endpoints.push_back(ResolveEndpoint(server->ListeningAddress(what)));
  }
  return endpoints;
}

CrowdOptions BareOptions(const Servers& servers) {
  CrowdOptions options;
  options.servers = EndpointsOf(servers, "sockets");
  options.bare = true;
  return options;
}

int64_t CpuTimeOf(const Servers& servers) {
  std::vector<pid_t> pids;
  for (const auto& server : servers) pids.push_back(server->pid());
  return CpuTime(pids);
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
      servers_(StartLimitServers(row)),
      crowd_(row, BareOptions(servers_),
             MakeFramePublisher(EndpointsOf(servers_, "frames"))) {}

double LimitSide::Run(int64_t duration) {
  const int64_t before = CpuTimeOf(servers_);
  const LoadResult result = crowd_.load->RunClosed(in_flight_, duration);
  return PerCpuSecond(result.deliveries, CpuTimeOf(servers_) - before);
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
