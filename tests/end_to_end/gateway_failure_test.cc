// SPDX-License-Identifier: Apache-2.0
//
// A gateway dies, stands still or drains; an authorizer dies; a browser reads
// too slowly: the other rows of DESIGN section 8, with real processes.

#include <signal.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/end_to_end/room.h"
#include "tests/support/herald_world.h"
#include "tests/support/process.h"
#include "tests/support/raw_socket.h"
#include "tests/support/restartable_port.h"
#include "tests/support/scripted_authorizer.h"

namespace herald::end_to_end {
namespace {

using ::testing::Each;
using ::testing::MatchesRegex;
using testing_support::Clock;
using testing_support::Exit;
using testing_support::Frame;
using testing_support::HeraldWorld;
using testing_support::HttpGet;
using testing_support::MakeBroadcast;
using testing_support::Milliseconds;
using testing_support::Process;
using testing_support::PrometheusText;
using testing_support::RawSocket;
using testing_support::ScriptedAuthorizer;
using testing_support::Stub;
using testing_support::WebSocketClient;

class GatewayFailure : public ::testing::Test {
 protected:
  WebSocketClient& Join(size_t gateway, const std::string& user) {
    WebSocketClient& client = world_.Open(gateway);
    EXPECT_EQ(client.Subscribe(kRoom, "user:" + user).type(), "subscribed");
    return client;
  }

  void ExpectNothingFor(WebSocketClient* client) {
    world_.backend().Broadcast(kRoom, "marker", "1");
    EXPECT_EQ(client->Next().String("event"), "marker");
  }

  ScriptedAuthorizer authorizer_;
  HeraldWorld world_{
      {.service_flags = {"--authorizer=" + authorizer_.address()},
       .gateway_flags = {"--drain_time=2"},
       .is_restartable = true}};
};

TEST_F(GatewayFailure, MakesItsMembersLeaveOnceAfterTheLease) {
  WebSocketClient& ada = Join(0, "ada");
  WebSocketClient& bob = Join(1, "bob");
  WebSocketClient& eve_here = Join(0, "eve");
  Join(1, "eve");
  EXPECT_EQ(ada.Next().String("user_id"), "bob");
  EXPECT_EQ(ada.Next().String("user_id"), "eve");
  const Clock::time_point killed = Clock::now();

  world_.gateway(1).Kill();

  EXPECT_EQ(bob.WaitForClose(), 1006);
  EXPECT_EQ(ada.Next(), RemovedOf("bob")) << "eve has another socket";
  EXPECT_GE(Clock::now() - killed, Milliseconds(1900)) << "the lease is 2 s";
  ExpectNothingFor(&ada);
  EXPECT_EQ(eve_here.Next(), RemovedOf("bob"));
  EXPECT_EQ(world_.backend().Members(kRoom), "ada (1), eve (1)");
  EXPECT_EQ(world_.backend().Call(&Stub::GetStats, {}).response.gateways_size(),
            1);

  // Its browsers reconnect to the other gateway, and later to it.
  Join(0, "bob");
  EXPECT_EQ(ada.Next().type(), "member_added");
  world_.StartGateway(1);
  world_.WaitUntilReady();
  Join(1, "pat");
  EXPECT_EQ(ada.Next().String("user_id"), "pat");
}

TEST_F(GatewayFailure, StopsNoBroadcast) {
  WebSocketClient& ada = Join(0, "ada");
  WebSocketClient& bob = Join(1, "bob");
  EXPECT_EQ(ada.Next().type(), "member_added");
  world_.gateway(1).Signal(SIGSTOP);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(world_.backend().Broadcast(kRoom, "e", absl::StrCat(i)), 2);
    EXPECT_EQ(ada.Next().type(), "event");
  }
  world_.gateway(1).Signal(SIGCONT);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(bob.Next().type(), "event");
}

TEST_F(GatewayFailure, ByStandingStillIsFoundAndUndoneWhenItGoesOn) {
  WebSocketClient& ada = Join(0, "ada");
  WebSocketClient& bob = Join(1, "bob");
  EXPECT_EQ(ada.Next().type(), "member_added");

  world_.gateway(1).Signal(SIGSTOP);
  // Keepalive takes 5 s and 8 s, the lease 2 s; RPCs that need it do not wait.
  v1::UnsubscribeRequest request;
  request.set_socket_id(bob.socket_id());
  // It may still be carried out when the gateway goes on, so not of kRoom.
  request.set_channel("news");
  EXPECT_EQ(
      world_.backend().Call(&Stub::Unsubscribe, request).status.error_code(),
      grpc::StatusCode::UNAVAILABLE);
  world_.WaitUntil([&] { return ada.waiting() > 0; }, std::chrono::seconds(30));
  EXPECT_EQ(ada.Next(), RemovedOf("bob"));

  world_.gateway(1).Signal(SIGCONT);
  const Frame back = ada.Next();
  EXPECT_EQ(back.type(), "member_added") << back;
  EXPECT_EQ(back.String("user_id"), "bob");
  EXPECT_EQ(world_.backend().Members(kRoom), "ada (1), bob (1)");
  EXPECT_TRUE(bob.open());
}

TEST_F(GatewayFailure, ByStandingStillTakesNothingBackFromARevocation) {
  WebSocketClient& bob = world_.Open(1);
  WebSocketClient& pat = world_.Open(1);
  for (WebSocketClient* client : {&bob, &pat}) {
    EXPECT_EQ(client->Subscribe("news").type(), "subscribed");
  }
  EXPECT_EQ(bob.Subscribe("private-a", "user:bob").type(), "subscribed");
  EXPECT_EQ(pat.Subscribe("private-a", "user:pat").type(), "subscribed");
  world_.gateway(1).Signal(SIGSTOP);
  EXPECT_TRUE(world_.WaitUntil(
      [&] { return world_.ServiceMetrics().Sum("herald_gateways") == 1; },
      std::chrono::seconds(30)));

  authorizer_.Send(testing_support::RevokeUser("bob", "", "no more"));
  EXPECT_TRUE(world_.WaitUntil([&] {
    return world_.ServiceMetrics().Sum("herald_revocations_total") == 1;
  }));
  v1::DisconnectRequest request;
  request.set_user_id("pat");
  request.set_reason("go");
  EXPECT_EQ(world_.backend()
                .Call(&Stub::Disconnect, request)
                .response.disconnected_count(),
            0)
      << "no reachable subscriber";
  world_.gateway(1).Signal(SIGCONT);

  const Frame taken = bob.Next();
  EXPECT_EQ(taken.type(), "unsubscribed") << taken;
  EXPECT_EQ(taken.String("channel"), "private-a");
  EXPECT_EQ(taken.String("reason"), "no more");
  EXPECT_EQ(pat.WaitForClose(), 4003);
  EXPECT_EQ(pat.close_reason(), "go");
  EXPECT_TRUE(bob.open());
}

TEST_F(GatewayFailure, ByATermSignalIsADrain) {
  constexpr size_t kSockets = 20;
  WebSocketClient& ada = Join(0, "ada");
  WebSocketClient& bob = Join(1, "bob");
  EXPECT_EQ(ada.Next().type(), "member_added");
  std::vector<WebSocketClient*> clients = {&bob};
  while (clients.size() < kSockets) clients.push_back(&world_.Open(1));
  const Clock::time_point begin = Clock::now();

  world_.gateway(1).Signal(SIGTERM);

  // It keeps its port, and announces its end.
  const std::string address = world_.gateway_address(1);
  world_.WaitUntil([&] { return HttpGet(address, "/readyz").status == 503; });
  EXPECT_EQ(HttpGet(address, "/livez").status, 200);
  EXPECT_EQ(world_.OpenRefused(1), 503);
  std::optional<Clock::time_point> first;
  for (size_t closed = 0; closed < kSockets;) {
    ASSERT_TRUE(world_.WaitUntil([&] {
      return static_cast<size_t>(std::count_if(
                 clients.begin(), clients.end(),
                 [](const auto* client) { return !client->open(); })) > closed;
    }));
    if (!first.has_value()) first = Clock::now();
    ++closed;
  }
  const Clock::time_point last = Clock::now();
  std::set<std::string> reasons;
  for (WebSocketClient* client : clients) {
    EXPECT_EQ(client->WaitForClose(), 1001);
    reasons.insert(client->close_reason());
  }
  EXPECT_THAT(reasons,
              Each(MatchesRegex("shutting down, come back in [0-9]{1,4} ms")));
  EXPECT_GT(reasons.size(), 1u) << "not all in the same instant";
  EXPECT_EQ(world_.gateway(1).WaitForExit(), (Exit{0, 0}));

  // Spread over the drain time of 2 s, and not all at one end of it.
  EXPECT_GE(last - *first, Milliseconds(1000));
  EXPECT_LE(last - begin, Milliseconds(3000) * testing_support::kSlowness);
  EXPECT_EQ(ada.Next(), RemovedOf("bob"));
  ExpectNothingFor(&ada);
}

TEST_F(GatewayFailure, OfADrainedOneMakesMembersLeaveAtOnce) {
  WebSocketClient& ada = Join(0, "ada");
  Join(1, "bob");
  EXPECT_EQ(ada.Next().type(), "member_added");
  world_.gateway(1).Signal(SIGTERM);
  EXPECT_EQ(world_.gateway(1).WaitForExit(), (Exit{0, 0}));
  const Clock::time_point ended = Clock::now();

  EXPECT_EQ(ada.Next(), RemovedOf("bob"));

  EXPECT_LT(Clock::now() - ended, Milliseconds(1500)) << "without the lease";
}

TEST(AGatewayThatDrains, GoesOnToReportItsClients) {
  constexpr int64_t kSockets = 20;
  HeraldWorld world({.gateways = 1, .gateway_flags = {"--drain_time=3"}});
  for (int64_t i = 0; i < kSockets; ++i) world.Open();
  const auto clients = [&] {
    return world.backend().Call(&Stub::GetStats, {}).response.client_count();
  };
  world.WaitUntil([&] { return clients() == kSockets; });

  world.gateway(0).Signal(SIGTERM);

  int64_t left = kSockets;
  world.WaitUntil([&] { return (left = clients()) < kSockets; });
  EXPECT_GT(left, 0);
  EXPECT_EQ(world.gateway(0).WaitForExit(), (Exit{0, 0}));
}

// A gateway that may have few files.
std::vector<std::string> GatewayOfFewFiles(const HeraldWorld& world) {
  return {"/bin/sh",
          "-c",
          "ulimit -n 80; exec \"$0\" \"$@\"",
          testing_support::kGatewayBinary,
          "--ws_address=127.0.0.1:0",
          "--service=" + world.grpc_address(),
          "--gateway_threads=1"};
}

TEST(AGatewayWithoutFiles, KeepsEnoughToFindItsServiceAgain) {
  HeraldWorld world({.gateways = 0, .is_restartable = true});
  Process gateway(GatewayOfFewFiles(world));
  const std::string address = gateway.ListeningAddress("ws");
  gateway.WaitForLine("link settled");
  WebSocketClient ada(&world.loop(), {.address = address});
  ASSERT_TRUE(ada.WaitForConnected());
  ada.Subscribe("news");
  std::vector<std::unique_ptr<RawSocket>> sockets;
  for (int i = 0; i < 100; ++i) {
    sockets.push_back(std::make_unique<RawSocket>(address));
    sockets.back()->AskToUpgrade();
  }
  gateway.WaitForLine("accept failed");

  world.service().Kill();
  gateway.WaitForLine("link ended");
  gateway.WaitForLine("cannot be reached");
  world.StartService();

  world.WaitUntil([&] {
    return world.backend()
               .Call(&Stub::Broadcast, MakeBroadcast({"news"}, "e", "1"))
               .response.receipts_size() == 1;
  });
  EXPECT_EQ(ada.Next().type(), "event");
}

TEST(AGatewayWithoutFiles, LogsItOnceAndItsEndOnce) {
  HeraldWorld world({.gateways = 0});
  Process gateway(GatewayOfFewFiles(world));
  const std::string address = gateway.ListeningAddress("ws");
  gateway.WaitForLine("link settled");  // gRPC needs files to dial.
  {
    // The first ones are accepted.
    std::vector<std::unique_ptr<RawSocket>> sockets;
    for (int i = 0; i < 100; ++i) {
      sockets.push_back(std::make_unique<RawSocket>(address));
      if (i > 0) sockets.back()->AskToUpgrade();
    }
    gateway.WaitForLine("accept failed");
    // A listener rests for 100 ms between two attempts.
    EXPECT_TRUE(testing_support::WaitUntil([&] {
      const PrometheusText page(sockets[0]->Get("/metrics").body);
      return page.Sum("herald_gateway_accept_errors_total") >= 5;
    })) << "each is counted";
  }
  gateway.WaitForLine("accept works again");
  int said = 0;
  for (const std::string& line : gateway.StandardError()) {
    said += absl::StrContains(line, "accept failed");
  }
  EXPECT_EQ(said, 1);
  EXPECT_EQ(HttpGet(address, "/livez").status, 200);
}

TEST(AnIdleGateway, DrainsAtOnce) {
  HeraldWorld world({.gateways = 1});
  const Clock::time_point begin = Clock::now();
  world.gateway(0).Signal(SIGINT);
  EXPECT_EQ(world.gateway(0).WaitForExit(), (Exit{0, 0}));
  EXPECT_LT(Clock::now() - begin,
            Milliseconds(3000) * testing_support::kSlowness)
      << "there is no client to spread over 10 s";
}

TEST(AGatewayWithoutAService, StaysUpAndIsReadyWhenTheServiceIs) {
  HeraldWorld world({.gateways = 0, .is_restartable = true});
  world.service().Kill();
  world.AddGateway();
  EXPECT_EQ(HttpGet(world.gateway_address(0), "/livez").status, 200);
  EXPECT_EQ(HttpGet(world.gateway_address(0), "/readyz").status, 503);
  WebSocketClient& ada = world.Open(0);
  EXPECT_EQ(ada.Subscribe("news").String("code"), "unavailable");

  world.StartService();
  world.WaitUntilReady();

  EXPECT_EQ(ada.Subscribe("news").type(), "subscribed");
}

// The example, as a process of its own.
class ExampleAuthorizer {
 public:
  ExampleAuthorizer() { Start(); }

  void Start() {
    process_.emplace(std::vector<std::string>{
        testing_support::kExampleAuthorizerBinary, "--address=" + address_});
    process_->WaitForLine("listening on " + address_);
  }

  const std::string& address() const { return address_; }
  testing_support::Process& process() { return *process_; }

 private:
  const std::string address_ =
      absl::StrCat("127.0.0.1:", testing_support::RestartablePort());
  std::optional<testing_support::Process> process_;
};

TEST(AnAuthorizerThatIsKilled, StopsNewPrivateSubscriptionsUntilItIsBack) {
  ExampleAuthorizer authorizer;
  HeraldWorld world(
      {.service_flags = {"--authorizer=" + authorizer.address()}});
  WebSocketClient& ada = world.Open(0);
  WebSocketClient& bob = world.Open(1);
  EXPECT_EQ(ada.Subscribe(kRoom, "user:ada").type(), "subscribed");

  authorizer.process().Kill();
  EXPECT_EQ(bob.Subscribe(kRoom, "user:bob").String("code"), "unavailable");
  EXPECT_EQ(world.backend().Broadcast(kRoom, "e", "1"), 1);
  EXPECT_EQ(ada.Next().type(), "event");

  authorizer.Start();
  world.WaitUntil(
      [&] { return bob.Subscribe(kRoom, "user:bob").type() == "subscribed"; });
  EXPECT_EQ(ada.Next().String("user_id"), "bob");
}

TEST(AnAuthorizerThatIsFrozen, IsNoticedWhileItIsAskedAndAskedAgainLater) {
  ExampleAuthorizer authorizer;
  HeraldWorld world({.gateways = 1,
                     .service_flags = {"--authorizer=" + authorizer.address(),
                                       "--authorizer_timeout=0.3"}});
  WebSocketClient& ada = world.Open();
  EXPECT_EQ(ada.Subscribe("private-a", "user:ada").type(), "subscribed");

  authorizer.process().Signal(SIGSTOP);
  EXPECT_TRUE(world.WaitUntil([&] {
    EXPECT_EQ(ada.Subscribe("private-b", "user:ada").String("code"),
              "unavailable");
    return world.ServiceMetrics().Sum("herald_authorizer_up") == 0;
  }));

  authorizer.process().Signal(SIGCONT);
  EXPECT_TRUE(world.WaitUntil([&] {
    return ada.Subscribe("private-b", "user:ada").type() == "subscribed";
  }));
}

TEST(ASlowBrowser, AloneIsDroppedAndCounted) {
  HeraldWorld world({.gateway_flags = {"--max_queue=131072"}});
  WebSocketClient& slow = world.Open(0, {.receive_buffer = 4096});
  WebSocketClient& here = world.Open(0);
  WebSocketClient& there = world.Open(1);
  for (WebSocketClient* client : {&slow, &here, &there}) {
    EXPECT_EQ(client->Subscribe("news").type(), "subscribed");
  }
  slow.StopReading();
  const std::string data = absl::StrCat("\"", std::string(16384, 'x'), "\"");

  int published = 0;
  while (world.backend().Broadcast("news", "e", data) == 3) {
    ASSERT_LT(++published, 5000);
    ASSERT_EQ(here.Next().type(), "event");
    ASSERT_EQ(there.Next().type(), "event");
  }

  // The cut is reported to the service first, and counted then.
  EXPECT_TRUE(world.WaitUntil([&] {
    return world.GatewayMetrics(0).Sum("herald_gateway_slow_consumers_total") ==
           1;
  }));
  slow.ResumeReading();
  EXPECT_EQ(slow.WaitForClose(), 4001);
  EXPECT_EQ(here.Next().type(), "event") << "the last one";
  EXPECT_EQ(here.Ping().type(), "pong");
  EXPECT_EQ(there.Next().type(), "event");
  EXPECT_EQ(there.Ping().type(), "pong");
}

}  // namespace
}  // namespace herald::end_to_end
