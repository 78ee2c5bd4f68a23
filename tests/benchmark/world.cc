// SPDX-License-Identifier: Apache-2.0

#include "tests/benchmark/world.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "herald/v1/broadcast_service.grpc.pb.h"
#include "tests/benchmark/clock.h"
#include "tests/benchmark/failure.h"
#include "tests/benchmark/process_usage.h"
#include "tests/benchmark/stream_caller.h"

namespace herald::benchmark {
namespace {

std::string OwnPath() {
  std::array<char, PATH_MAX> path{};
  const ssize_t size =
      ::readlink("/proc/self/exe", path.data(), path.size() - 1);
  if (size < 0) FailCall("/proc/self/exe");
  return std::string(path.data(), static_cast<size_t>(size));
}

// Whether /readyz answers 200 there.
bool IsReady(const Endpoint& gateway) {
  const int fd = ConnectTo(gateway);
  SendAll(fd, absl::StrCat("GET /readyz HTTP/1.1\r\nHost: ", gateway.host,
                           "\r\nConnection: close\r\n\r\n"));
  std::array<char, 512> answer;
  const ssize_t size = ::recv(fd, answer.data(), answer.size(), 0);
  ::close(fd);
  return size > 0 &&
         absl::StartsWith(
             absl::string_view(answer.data(), static_cast<size_t>(size)),
             "HTTP/1.1 200");
}

// A file of rules that give every channel a history, for as long as it lives.
class RulesFile {
 public:
  explicit RulesFile(int history_size)
      : name_(absl::StrCat(P_tmpdir, "/herald-bench-XXXXXX")) {
    const int fd = ::mkstemp(name_.data());
    if (fd < 0) FailCall(name_);
    const std::string text = absl::StrCat(
        R"({"channels":[{"pattern":"*","historySize":)", history_size, "}]}");
    const ssize_t size = ::write(fd, text.data(), text.size());
    ::close(fd);
    if (size != static_cast<ssize_t>(text.size())) FailCall(name_);
  }
  ~RulesFile() { ::unlink(name_.c_str()); }
  RulesFile(const RulesFile&) = delete;
  RulesFile& operator=(const RulesFile&) = delete;

  const std::string& name() const { return name_; }

 private:
  std::string name_;
};

}  // namespace

std::unique_ptr<ChildProcess> StartOwnServer(const std::string& what) {
  return std::make_unique<ChildProcess>(
      std::vector<std::string>{OwnPath(), absl::StrCat("--serve=", what)});
}

World::World(const WorldOptions& options) {
  std::vector<std::string> service = {
      absl::StrCat(options.bin, "/herald-service"),
      "--grpc_address=127.0.0.1:0", "--metrics_address=127.0.0.1:0"};
  if (options.authorizer) {
    processes_.push_back(StartOwnServer("authorizer"));
    authorizer_.push_back(processes_.back()->pid());
    service.push_back(absl::StrCat(
        "--authorizer=", processes_.back()->ListeningAddress("grpc")));
  }
  std::optional<RulesFile> rules;  // Until the service has read it.
  if (options.history > 0) {
    rules.emplace(options.history);
    service.push_back(absl::StrCat("--config=", rules->name()));
  }
  processes_.push_back(std::make_unique<ChildProcess>(service));
  site_.service = processes_.back()->ListeningAddress("grpc");
  site_.pids.push_back(processes_.back()->pid());
  for (int i = 0; i < options.gateways; ++i) {
    processes_.push_back(
        std::make_unique<ChildProcess>(std::vector<std::string>{
            absl::StrCat(options.bin, "/herald-gateway"),
            "--ws_address=127.0.0.1:0",
            absl::StrCat("--service=", site_.service),
            absl::StrCat("--gateway_threads=", options.loops),
            // Rows open their sockets one run after the other.
            "--max_connect_rate=0"}));
    site_.pids.push_back(processes_.back()->pid());
    site_.gateways.push_back(
        ResolveEndpoint(processes_.back()->ListeningAddress("ws")));
  }
  for (const Endpoint& gateway : site_.gateways) WaitUntilReady(gateway);
}

void World::WaitUntilReady(const Endpoint& gateway) {
  const timespec pause = ToTimespec(10 * kMillisecond);
  const int64_t end = Now() + kPatience;
  while (!IsReady(gateway)) {
    if (Now() > end) Fail("the gateway does not become ready");
    for (const auto& process : processes_) process->CheckAlive();
    ::nanosleep(&pause, nullptr);
  }
}

CrowdOptions World::crowd_options() const {
  CrowdOptions options;
  options.servers = site_.gateways;
  options.path = site_.path;
  return options;
}

std::unique_ptr<Publisher> World::MakePublisher() const {
  return MakeHeraldPublisher(site_.service, site_.token);
}

int64_t World::cpu() const { return CpuTime(site_.pids); }

int64_t World::service_cpu() const {
  return is_visible() ? CpuTime({site_.pids.front()}) : 0;
}

int64_t World::authorizer_cpu() const { return CpuTime(authorizer_); }

void World::WaitUntilForgotten(absl::string_view prefix) const {
  const auto stub = v1::BroadcastService::NewStub(
      grpc::CreateChannel(site_.service, grpc::InsecureChannelCredentials()));
  v1::ListChannelsRequest request;
  request.set_prefix(std::string(prefix));
  request.set_page_size(1);
  const timespec pause = ToTimespec(20 * kMillisecond);
  for (const int64_t end = Now() + kPatience; Now() < end;) {
    grpc::ClientContext context;
    AddToken(site_.token, &context);
    v1::ListChannelsResponse response;
    const grpc::Status status =
        stub->ListChannels(&context, request, &response);
    if (!status.ok()) Fail("ListChannels: ", status.error_message());
    if (response.channels().empty()) return;
    ::nanosleep(&pause, nullptr);
  }
  Fail("sockets that were reset have subscriptions");
}

}  // namespace herald::benchmark
