// SPDX-License-Identifier: Apache-2.0
//
// A process without files, without a reader of its log, without standard files,
// without time to run. Each shortage passes, and none ends anything for good.

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/herald_world.h"
#include "tests/support/raw_socket.h"
#include "tests/support/restartable_port.h"
#include "tests/support/scripted_authorizer.h"
#include "tests/support/temporary_folder.h"

namespace herald::end_to_end {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing_support::Backend;
using testing_support::Clock;
using testing_support::Exit;
using testing_support::Frame;
using testing_support::HeraldWorld;
using testing_support::HttpGet;
using testing_support::kGatewayBinary;
using testing_support::kServiceBinary;
using testing_support::kSlowness;
using testing_support::MakeBroadcast;
using testing_support::Milliseconds;
using testing_support::Process;
using testing_support::PrometheusText;
using testing_support::RawSocket;
using testing_support::RestartablePort;
using testing_support::ScriptedAuthorizer;
using testing_support::Stub;
using testing_support::TemporaryFolder;
using testing_support::WaitUntil;
using testing_support::WebSocketClient;

// `command` in a shell that does something first.
std::vector<std::string> After(const std::string& first,
                               std::vector<std::string> command) {
  command.insert(command.begin(),
                 {"/bin/sh", "-c", absl::StrCat(first, "exec \"$0\" \"$@\"")});
  return command;
}

std::string NewAddress() {
  return absl::StrCat("127.0.0.1:", RestartablePort());
}

TEST(FilesThatRunOut, AreAPauseForCallersAndShowInReadiness) {
  Process service(
      After("ulimit -n 64; ", {kServiceBinary, "--grpc_address=127.0.0.1:0",
                               "--metrics_address=127.0.0.1:0"}));
  const std::string address = service.ListeningAddress("grpc");
  const std::string metrics = service.ListeningAddress("metrics");
  Backend early(address);
  ASSERT_TRUE(
      WaitUntil([&] { return HttpGet(metrics, "/readyz").status == 200; }));
  EXPECT_EQ(early.Broadcast("news", "e", "1"), 0);

  std::vector<std::unique_ptr<RawSocket>> idle;
  for (int i = 0; i < 80; ++i) {
    idle.push_back(std::make_unique<RawSocket>(address));
  }
  ASSERT_TRUE(
      WaitUntil([&] { return HttpGet(metrics, "/readyz").status == 503; }));
  EXPECT_THAT(HttpGet(metrics, "/readyz").body,
              HasSubstr("Too many open files"));
  EXPECT_EQ(early.Broadcast("news", "e", "1"), 0) << "open connections go on";
  idle.clear();

  ASSERT_TRUE(
      WaitUntil([&] { return HttpGet(metrics, "/readyz").status == 200; }));
  EXPECT_EQ(Backend(address).Broadcast("news", "e", "1"), 0);
  service.WaitForLine("accept works again");
}

// A server of the C++ library: gRPC's own listener would not accept its
// connections any more.
TEST(AnAuthorizerWithoutFiles, DecidesAgainWhenItHasSome) {
  const std::string address = NewAddress();
  Process authorizer(
      After("ulimit -n 40; ",
            {testing_support::kExampleAuthorizerBinary, "--address", address}));
  authorizer.WaitForLine("listening on " + address);
  std::vector<std::unique_ptr<RawSocket>> idle;
  for (int i = 0; i < 60; ++i) {
    idle.push_back(std::make_unique<RawSocket>(address));
  }
  HeraldWorld world(
      {.gateways = 1, .service_flags = {"--authorizer=" + address}});
  WebSocketClient& ada = world.Open();
  EXPECT_EQ(ada.Subscribe("private-a", "user:ada").String("code"),
            "unavailable");
  idle.clear();
  EXPECT_TRUE(world.WaitUntil([&] {
    return ada.Subscribe("private-a", "user:ada").type() == "subscribed";
  }));
}

// A service and a gateway, each started by a shell that does `first` before.
class BothAfter {
 public:
  explicit BothAfter(const std::string& first)
      : service_(After(first, {kServiceBinary, "--grpc_address=" + grpc_,
                               "--metrics_address=" + metrics_})),
        gateway_(After(first, {kGatewayBinary, "--ws_address=" + ws_,
                               "--service=" + grpc_, "--drain_time=1"})) {}

  const std::string& metrics() const { return metrics_; }
  const std::string& ws() const { return ws_; }
  std::vector<Process*> processes() { return {&gateway_, &service_}; }

  void ExpectTraffic() {
    EXPECT_TRUE(
        WaitUntil([&] { return HttpGet(ws_, "/readyz").status == 200; }));
    EXPECT_EQ(Backend(grpc_).Broadcast("news", "e", "1"), 0);
  }
  void ExpectPoliteEnd() {
    for (Process* process : processes()) {
      process->Signal(SIGTERM);
      EXPECT_EQ(process->WaitForExit(), (Exit{0, 0}));
    }
  }

 private:
  const std::string grpc_ = NewAddress();
  const std::string metrics_ = NewAddress();
  const std::string ws_ = NewAddress();
  Process service_;
  Process gateway_;
};

TEST(AFullPipeForStderr, StopsNeitherTrafficNorTheEnd) {
  const TemporaryFolder folder;
  const std::string path = folder.Path("log");
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  const int pipe = open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
  const std::string much(4096, 'x');
  while (write(pipe, much.data(), much.size()) > 0) continue;
  while (write(pipe, much.data(), 1) > 0) continue;
  BothAfter both(absl::StrCat("exec 2>", path, "; "));
  both.ExpectTraffic();
  both.ExpectPoliteEnd();
  close(pipe);
}

// With a limit of their size a write to one ends a process, by default.
TEST(ALogAtItsSizeLimit, CostsLinesThatAreCounted) {
  const TemporaryFolder folder;
  const std::string metrics = NewAddress();
  const std::string grpc = NewAddress();
  Process service(
      After(absl::StrCat("ulimit -f 8; exec 2>", folder.Path("log"), "; "),
            {kServiceBinary, "--grpc_address=" + grpc,
             "--metrics_address=" + metrics, "--log_level=debug"}));
  EXPECT_TRUE(
      WaitUntil([&] { return HttpGet(metrics, "/readyz").status == 200; }));
  Backend backend(grpc);
  EXPECT_TRUE(WaitUntil([&] {
    EXPECT_EQ(backend.Broadcast("news", "e", "1"), 0);
    return PrometheusText(HttpGet(metrics, "/metrics").body)
               .Sum("herald_log_dropped_total") > 0;
  }));
  service.Signal(SIGTERM);
  EXPECT_EQ(service.WaitForExit(), (Exit{0, 0}));
}

// The soft limit of open files and the hard one.
std::vector<std::string> FileLimits(const Process& process) {
  std::ifstream limits(absl::StrCat("/proc/", process.pid(), "/limits"));
  for (std::string line; std::getline(limits, line);) {
    if (!absl::StartsWith(line, "Max open files")) continue;
    std::vector<std::string> words =
        absl::StrSplit(line, ' ', absl::SkipEmpty());
    return {words.at(3), words.at(4)};
  }
  return {};
}

TEST(TheSoftLimitOfFiles, IsRaisedToTheHardOne) {
  const std::string grpc = NewAddress();
  Process service(
      After("ulimit -Sn 128; ", {kServiceBinary, "--grpc_address=" + grpc,
                                 "--metrics_address=127.0.0.1:0"}));
  Process gateway(
      After("ulimit -Sn 128; ",
            {kGatewayBinary, "--ws_address=127.0.0.1:0", "--service=" + grpc}));
  service.ListeningAddress("grpc");
  gateway.ListeningAddress("ws");
  for (const Process* process : {&service, &gateway}) {
    const std::vector<std::string> limits = FileLimits(*process);
    ASSERT_EQ(limits.size(), 2U);
    EXPECT_NE(limits[0], "128");
    EXPECT_EQ(limits[0], limits[1]);
  }
}

// /dev/full answers each write as a full disk does.
TEST(AFullDiskForStderr, CostsLinesThatAreCounted) {
  BothAfter both("exec 2>/dev/full; ");
  for (const std::string& address : {both.metrics(), both.ws()}) {
    EXPECT_TRUE(
        WaitUntil([&] { return HttpGet(address, "/readyz").status == 200; }));
    EXPECT_TRUE(WaitUntil([&] {
      return PrometheusText(HttpGet(address, "/metrics").body)
                 .Sum("herald_log_dropped_total") > 0;
    })) << address;
  }
  both.ExpectTraffic();
  both.ExpectPoliteEnd();
}

std::string FileBehind(const Process& process, int fd) {
  char target[64] = {};
  const std::string link = absl::StrCat("/proc/", process.pid(), "/fd/", fd);
  EXPECT_GT(readlink(link.c_str(), target, sizeof(target) - 1), 0);
  return target;
}

// No socket and no event descriptor gets the number of a closed one, or the log
// would be written into it.
TEST(ClosedStandardFiles, StopNeitherTrafficNorTheEnd) {
  for (const char* first : {"exec 2>&-; ", "exec <&- >&- 2>&-; "}) {
    SCOPED_TRACE(first);
    BothAfter both(first);
    both.ExpectTraffic();
    for (const Process* process : both.processes()) {
      EXPECT_EQ(FileBehind(*process, STDERR_FILENO), "/dev/null");
    }
    both.ExpectPoliteEnd();
  }
}

class Pausing : public ::testing::Test {
 protected:
  // Serves the browsers for a time.
  void Serve(Milliseconds time) {
    const Clock::time_point end = Clock::now() + time;
    world_.WaitUntil([&] { return Clock::now() >= end; });
  }

  // Stops processes for a time, and serves the browsers for a while after.
  void Pause(const std::vector<Process*>& processes, Milliseconds time) {
    for (Process* process : processes) process->Signal(SIGSTOP);
    Serve(time);
    for (Process* process : processes) process->Signal(SIGCONT);
    Serve(Milliseconds(1500));
  }

  // Whether every browser is still open and receives publications.
  void ExpectAllThere() {
    ASSERT_TRUE(world_.WaitUntil([&] {
      const auto result = world_.backend().Call(
          &Stub::Broadcast, MakeBroadcast({"news"}, "e", "1"));
      return result.status.ok() && result.response.receipts(0).subscribers() ==
                                       static_cast<int64_t>(clients_.size());
    }));
    for (WebSocketClient* client : clients_) {
      ASSERT_TRUE(client->open());
      EXPECT_EQ(client->Next().type(), "event");
    }
  }

  void OpenSome() {
    for (int i = 0; i < 10; ++i) {
      clients_.push_back(&world_.Open(0));
      ASSERT_EQ(clients_.back()->Subscribe("news").type(), "subscribed");
    }
  }

  HeraldWorld world_{
      {.gateways = 1,
       .service_flags = {"--heartbeat_interval=1", "--client_timeout=3"}}};
  std::vector<WebSocketClient*> clients_;
};

TEST_F(Pausing, AGatewayForLongerThanTheTimeoutCutsNoSocket) {
  OpenSome();
  Serve(Milliseconds(1200));
  Pause({&world_.gateway(0)}, Milliseconds(4500));
  ExpectAllThere();

  // A client that is really away is found as always.
  clients_.front()->StopReading();
  world_.backend().Broadcast("news", "e", "2");  // The last that it reads.
  ASSERT_TRUE(world_.WaitUntil([&] {
    return world_.GatewayMetrics(0).Sum(
               "herald_gateway_closed_connections_total",
               {{"reason", "no_heartbeat"}}) == 1;
  }));
}

TEST_F(Pausing, BothProcessesEndsNoLink) {
  OpenSome();
  // Pings of gRPC are under way by then.
  Serve(Milliseconds(5200));
  Pause({&world_.service(), &world_.gateway(0)}, Milliseconds(4500));
  ExpectAllThere();
  for (const std::string& line : world_.gateway(0).StandardError()) {
    EXPECT_THAT(line, Not(HasSubstr("link ended")));
  }
}

TEST_F(Pausing, TheServiceCutsNoSocket) {
  OpenSome();
  Pause({&world_.service()}, Milliseconds(4500));
  ExpectAllThere();
}

// The answer comes while the service stands still, and its time is up then.
TEST(PausingTheService, TakesNoAnswerFromTheAuthorizer) {
  ScriptedAuthorizer authorizer;
  authorizer.DecideOnThreads(4, kSlowness * Milliseconds(300));
  HeraldWorld world(
      {.gateways = 1,
       .service_flags = {"--authorizer=" + authorizer.address()}});
  WebSocketClient& ada = world.Open();
  // One behind the other: each begins while the service looks again.
  constexpr int kShort = kSlowness * 1'200;
  int round = 0;
  for (const int pause : {kShort, kShort, kShort, kShort, 4'500}) {
    const size_t asked = authorizer.question_count();
    const std::string channel = absl::StrCat("private-", ++round);
    ada.AskToSubscribe(channel, "yes");
    ASSERT_TRUE(
        world.WaitUntil([&] { return authorizer.question_count() > asked; }));
    world.service().Signal(SIGSTOP);
    std::this_thread::sleep_for(Milliseconds(pause));
    world.service().Signal(SIGCONT);
    const Frame answer = ada.Next();
    EXPECT_EQ(answer.type(), "subscribed") << answer << " in round " << round;
  }
}

}  // namespace
}  // namespace herald::end_to_end
