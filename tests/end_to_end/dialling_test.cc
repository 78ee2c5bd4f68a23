// SPDX-License-Identifier: Apache-2.0
//
// A process that cannot dial for a while, for want of files or of a name in
// DNS, does so soon after the want is over. One that is paused while it dials
// goes on afterwards.

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "grpcpp/server_context.h"
#include "gtest/gtest.h"
#include "herald/link/v1/gateway_service.grpc.pb.h"
#include "proto/contract/address.h"
#include "proto/contract/condition.h"
#include "tests/support/dns_server.h"
#include "tests/support/herald_world.h"
#include "tests/support/raw_socket.h"
#include "tests/support/scripted_authorizer.h"

namespace herald::end_to_end {
namespace {

using ::testing::HasSubstr;
using testing_support::Clock;
using testing_support::DnsServer;
using testing_support::HeraldWorld;
using testing_support::HttpGet;
using testing_support::kGatewayBinary;
using testing_support::kServiceBinary;
using testing_support::kSlowness;
using testing_support::Milliseconds;
using testing_support::Process;
using testing_support::ScriptedAuthorizer;
using testing_support::WaitUntil;
using testing_support::WebSocketClient;

// How soon: a backoff of 250 ms, and a machine that is busy.
constexpr Milliseconds kSoon(3000 * kSlowness);

int PortOf(const std::string& address) {
  return contract::SplitHostPort(address)->port;
}

// While it lives, the process can open no more files.
class Shortage {
 public:
  explicit Shortage(const Process& process) : pid_(process.pid()) {
    EXPECT_EQ(prlimit(pid_, RLIMIT_NOFILE, nullptr, &before_), 0);
    const rlimit none = {.rlim_cur = 3, .rlim_max = before_.rlim_max};
    EXPECT_EQ(prlimit(pid_, RLIMIT_NOFILE, &none, nullptr), 0);
  }
  ~Shortage() { prlimit(pid_, RLIMIT_NOFILE, &before_, nullptr); }

 private:
  const pid_t pid_;
  rlimit before_{};
};

int LinesWith(Process& process, const std::string& text) {
  int count = 0;
  for (const std::string& line : process.StandardError()) {
    if (absl::StrContains(line, text)) ++count;
  }
  return count;
}

TEST(AGateway, ThatHasNoFileForItsLinkDialsWhenItHasOne) {
  HeraldWorld world({.gateways = 1, .is_restartable = true});
  WebSocketClient& ada = world.Open();
  ASSERT_EQ(ada.Subscribe("news").type(), "subscribed");
  {
    const Shortage shortage(world.gateway(0));
    world.service().Kill();
    world.StartService();
    world.gateway(0).WaitForLine("cannot be reached");
    world.WaitUntil([&] {
      return HttpGet(world.metrics_address(), "/readyz").status == 200;
    });
    EXPECT_EQ(LinesWith(world.gateway(0), "link settled"), 1);
  }
  const Clock::time_point healed = Clock::now();
  world.WaitUntil(
      [&] { return LinesWith(world.gateway(0), "link settled") == 2; });
  EXPECT_LT(Clock::now() - healed, kSoon);
  EXPECT_EQ(world.backend().Broadcast("news", "e", "1"), 1);
  EXPECT_EQ(ada.Next().type(), "event");
}

TEST(AService, ThatHasNoFileForTheAuthorizerDialsWhenItHasOne) {
  ScriptedAuthorizer authorizer;
  HeraldWorld world(
      {.gateways = 1,
       .service_flags = {"--authorizer=" + authorizer.address()}});
  WebSocketClient& ada = world.Open();
  ASSERT_EQ(ada.Subscribe("private-a", "yes").type(), "subscribed");
  {
    const Shortage shortage(world.service());
    authorizer.Stop();
    world.service().WaitForLine("authorizer lost");
    authorizer.Start();
    EXPECT_THAT(ada.Subscribe("private-b", "yes").text(),
                HasSubstr("unavailable"));
    EXPECT_EQ(LinesWith(world.service(), "authorizer connected"), 1);
  }
  const Clock::time_point healed = Clock::now();
  world.WaitUntil(
      [&] { return LinesWith(world.service(), "authorizer connected") == 2; });
  EXPECT_LT(Clock::now() - healed, kSoon);
  EXPECT_EQ(ada.Subscribe("private-b", "yes").type(), "subscribed");
}

TEST(AnAuthorizer, ThatIsLostTwiceInAShortTimeIsLoggedTwice) {
  ScriptedAuthorizer authorizer;
  HeraldWorld world(
      {.gateways = 1,
       .service_flags = {"--authorizer=" + authorizer.address()}});
  for (const int times : {1, 2}) {
    EXPECT_TRUE(world.WaitUntil([&] {
      return LinesWith(world.service(), "authorizer connected") == times;
    }));
    authorizer.Stop();
    EXPECT_TRUE(world.WaitUntil([&] {
      return LinesWith(world.service(), "authorizer lost") == times;
    }));
    authorizer.Start();
  }
}

// After 18 s gRPC itself would ask again only 6 s later, and in the end every
// two minutes.
TEST(AName, ThatDnsDoesNotKnowYetIsAskedForUntilItDoes) {
  DnsServer dns;
  const ScriptedAuthorizer authorizer;
  Process service(
      {kServiceBinary, "--grpc-address=127.0.0.1:0",
       "--metrics-address=127.0.0.1:0",
       "--authorizer=" +
           dns.TargetOf("authorizer.test", PortOf(authorizer.address()))});
  const std::string grpc = service.ListeningAddress("grpc");
  Process gateway({kGatewayBinary, "--ws-address=127.0.0.1:0",
                   "--service=" + dns.TargetOf("service.test", PortOf(grpc))});
  const std::string ws = gateway.ListeningAddress("ws");
  service.WaitForLine("authorizer lost");
  gateway.WaitForLine("link ended");
  const Clock::time_point outage_end = Clock::now() + Milliseconds(18'000);
  while (Clock::now() < outage_end) {
    ASSERT_EQ(HttpGet(ws, "/readyz").status, 503);
    usleep(100'000);
  }

  dns.KnowNames();
  const Clock::time_point known = Clock::now();
  service.WaitForLine("authorizer connected");
  EXPECT_TRUE(WaitUntil([&] { return HttpGet(ws, "/readyz").status == 200; }));
  EXPECT_LT(Clock::now() - known, kSoon);
}

// A service that accepts links, and sends nothing on them before Answer().
class LateService final : public link::v1::GatewayService::Service {
 public:
  LateService() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(),
                             &port_);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
    EXPECT_NE(server_, nullptr);
  }
  ~LateService() override {
    Answer();
    if (server_ == nullptr) return;
    server_->Shutdown(std::chrono::system_clock::now());
    server_->Wait();
  }

  void Answer() { answers_.Notify(); }

  std::string target() const { return absl::StrCat("127.0.0.1:", port_); }
  int links() const { return links_; }

 private:
  using Stream = grpc::ServerReaderWriter<link::v1::AttachResponse,
                                          link::v1::AttachRequest>;

  grpc::Status Attach(grpc::ServerContext* /*context*/,
                      Stream* stream) override {
    ++links_;
    answers_.WaitForNotification();
    link::v1::AttachResponse answer;
    answer.add_items()->mutable_settings();
    answer.add_items()->mutable_settled();
    stream->Write(answer);
    link::v1::AttachRequest frame;
    while (stream->Read(&frame)) continue;
    return grpc::Status::OK;
  }

  int port_ = 0;
  std::atomic<int> links_{0};
  contract::Notification answers_;
  std::unique_ptr<grpc::Server> server_;
};

// The first answer may take 5 s, without the pause. If the pause counted, the
// gateway would attach to the spare service, and divide the audience.
TEST(AGateway, ThatIsPausedWhileItAttachesStaysWithItsService) {
  LateService first;
  LateService spare;
  spare.Answer();
  Process gateway(
      {kGatewayBinary, "--ws-address=127.0.0.1:0",
       absl::StrCat("--service=", first.target(), ",", spare.target())});
  ASSERT_TRUE(WaitUntil([&] { return first.links() == 1; }));

  gateway.Signal(SIGSTOP);
  std::this_thread::sleep_for(Milliseconds(6000));
  gateway.Signal(SIGCONT);
  // Long enough for a wait that has expired to be noticed.
  std::this_thread::sleep_for(Milliseconds(500));
  first.Answer();

  gateway.WaitForLine("link settled");
  EXPECT_EQ(first.links(), 1);
  EXPECT_EQ(spare.links(), 0);
}

}  // namespace
}  // namespace herald::end_to_end
