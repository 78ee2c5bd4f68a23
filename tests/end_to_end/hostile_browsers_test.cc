// SPDX-License-Identifier: Apache-2.0
//
// Hostile browsers, and their effect on a polite client beside them.

#include <atomic>
#include <csignal>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/support/canary.h"
#include "tests/support/herald_world.h"
#include "tests/support/raw_socket.h"
#include "tests/support/resident_bytes.h"
#include "tests/support/scripted_authorizer.h"

namespace herald::end_to_end {
namespace {

using testing_support::Canary;
using testing_support::ClientFrame;
using testing_support::Clock;
using testing_support::Frame;
using testing_support::HeraldWorld;
using testing_support::HttpGet;
using testing_support::kContinuation;
using testing_support::kMemoryCounts;
using testing_support::kPing;
using testing_support::kPong;
using testing_support::kSlowness;
using testing_support::kText;
using testing_support::kUnnoticed;
using testing_support::Milliseconds;
using testing_support::RawSocket;
using testing_support::ResidentBytes;
using testing_support::RevokeUser;
using testing_support::ScriptedAuthorizer;

using RawSockets = std::vector<std::unique_ptr<RawSocket>>;

// Subscribes to so many channels of its own, and waits for the answers.
void SubscribeTo(RawSocket& socket, absl::string_view name, int channels) {
  constexpr int kAtOnce = 50;
  for (int i = 0; i < channels; i += kAtOnce) {
    std::string asked;
    for (int j = i; j < i + kAtOnce; ++j) {
      asked +=
          ClientFrame(kText, absl::StrCat(R"({"type":"subscribe","channel":")",
                                          name, "-", j, "\"}"));
    }
    socket.Send(asked);
    for (int j = 0; j < kAtOnce; ++j) ASSERT_TRUE(socket.ReadFrame());
  }
}

std::unique_ptr<RawSocket> Connected(const HeraldWorld& world) {
  auto socket = std::make_unique<RawSocket>(world.gateway_address(0));
  EXPECT_EQ(socket->Upgrade(), 101);
  EXPECT_TRUE(socket->ReadFrame());  // connected
  return socket;
}

TEST(SocketsThatLeaveAtOnce, DoNotKeepOthersWaiting) {
  constexpr int kSockets = 10;
  constexpr int kChannels = 10'000;
  HeraldWorld world(
      {.gateways = 1,
       .gateway_flags = {"--gateway_threads=1", "--max_subscriptions=10000"}});
  Canary canary(world.gateway_address(0), world.grpc_address());
  RawSockets sockets;
  for (int i = 0; i < kSockets; ++i) {
    sockets.push_back(Connected(world));
    SubscribeTo(*sockets.back(), absl::StrCat("c-", i), kChannels);
  }
  // Both figures include the other load of the machine.
  const Milliseconds before = canary.TakeWorst();
  for (const auto& socket : sockets) socket->Reset();
  const auto all_have_left = [&] {
    return world.ServiceMetrics().Sum("herald_subscriptions") == 1;
  };
  ASSERT_TRUE(world.WaitUntil(all_have_left));
  // In one turn it took 0.5 to 0.8 s.
  EXPECT_LT(canary.TakeWorst(), before + kUnnoticed);
}

// A message of `type` for each of so many channels with the longest names.
std::string ForEach(absl::string_view type, int first, int channels) {
  std::string frames;
  for (int i = first; i < first + channels; ++i) {
    frames += ClientFrame(
        kText, absl::StrCat(R"({"type":")", type, R"(","channel":")",
                            std::string(157, 'x'), 1'000'000 + i, "\"}"));
  }
  return frames;
}

TEST(ChannelsThatAreLeftAtOnce, DoNotEndTheLinkOfOthers) {
  // The ends have 26 MB; the link's outbox, 16 MiB.
  constexpr int kSockets = 14;
  constexpr int kChannels = 10'000;
  constexpr int kAtOnce = 50;
  HeraldWorld world(
      {.gateways = 1,
       .gateway_flags = {"--gateway_threads=1", "--max_subscriptions=10000"}});
  const Canary canary(world.gateway_address(0), world.grpc_address());
  RawSockets sockets;
  std::vector<std::string> ends;
  for (int i = 0; i < kSockets; ++i) {
    sockets.push_back(Connected(world));
    for (int j = 0; j < kChannels; j += kAtOnce) {
      sockets.back()->Send(ForEach("subscribe", i * kChannels + j, kAtOnce));
      for (int k = 0; k < kAtOnce; ++k) {
        ASSERT_TRUE(sockets.back()->ReadFrame());
      }
    }
    ends.push_back(ForEach("unsubscribe", i * kChannels, kChannels));
  }
  // A link is taken for dead after 3 s.
  world.service().Signal(SIGSTOP);
  const Clock::time_point began = Clock::now();
  for (int i = 0; i < kSockets; ++i) sockets[i]->Send(ends[i]);
  const auto all_are_read = [&] {
    return world.GatewayMetrics(0).Sum("herald_gateway_messages_total") >=
           2.0 * kSockets * kChannels;
  };
  while (Clock::now() - began < Milliseconds(2500) && !all_are_read()) {
  }
  world.service().Signal(SIGCONT);
  ASSERT_TRUE(world.WaitUntil(
      [&] { return world.ServiceMetrics().Sum("herald_subscriptions") == 1; }));
  const auto is_full = [](absl::string_view line) {
    return absl::StrContains(line, "reads too slowly");
  };
  EXPECT_FALSE(world.gateway(0).FindLine(is_full, Milliseconds(0)));
}

// As SubscribeTo(), to private channels as ada.
void SubscribePrivately(RawSocket& socket, absl::string_view name,
                        int channels) {
  constexpr int kAtOnce = 50;
  for (int i = 0; i < channels; i += kAtOnce) {
    std::string asked;
    for (int j = i; j < i + kAtOnce; ++j) {
      asked += ClientFrame(
          kText, absl::StrCat(R"({"type":"subscribe","auth":"user:ada",)",
                              R"("channel":"private-)", name, "-", j, "\"}"));
    }
    socket.Send(asked);
    for (int j = 0; j < kAtOnce; ++j) {
      const auto answer = socket.ReadFrame();
      ASSERT_TRUE(answer.has_value());
      ASSERT_EQ(Frame(answer->payload).type(), "subscribed");
    }
  }
}

TEST(SubscriptionsThatAreRevokedAtOnce, DoNotKeepOthersWaiting) {
  constexpr int kSockets = 20;
  constexpr int kChannels = 5'000;
  ScriptedAuthorizer authorizer;
  HeraldWorld world(
      {.gateways = 1,
       .service_flags = {"--authorizer=" + authorizer.address()},
       .gateway_flags = {"--gateway_threads=1", "--max_subscriptions=5000"}});
  Canary canary(world.gateway_address(0), world.grpc_address());
  RawSockets sockets;
  for (int i = 0; i < kSockets; ++i) {
    sockets.push_back(Connected(world));
    SubscribePrivately(*sockets.back(), absl::StrCat(i), kChannels);
  }
  const Milliseconds before = canary.TakeWorst();
  authorizer.Send(RevokeUser("ada", "", "moved"));
  ASSERT_TRUE(world.WaitUntil(
      [&] { return world.ServiceMetrics().Sum("herald_subscriptions") == 1; }));
  EXPECT_LT(canary.TakeWorst(), before + kUnnoticed);
  for (const auto& socket : sockets) {
    for (int i = 0; i < kChannels; ++i) {
      auto end = socket->ReadFrame();
      // It was idle while the others subscribed.
      while (end.has_value() && end->opcode == testing_support::kPing) {
        end = socket->ReadFrame();
      }
      ASSERT_TRUE(end.has_value()) << i;
      ASSERT_EQ(Frame(end->payload).String("reason"), "moved");
    }
  }
}

// Connects as fast as it can, again and again.
class Storm {
 public:
  Storm(std::string address, std::string source)
      : thread_([this, address = std::move(address),
                 source = std::move(source)] { Run(address, source); }) {}
  ~Storm() {
    stopped_ = true;
    thread_.join();
  }

  int refused() const { return refused_; }

 private:
  void Run(const std::string& address, const std::string& source) {
    while (!stopped_) {
      const int status = RawSocket(address, source).Upgrade();
      refused_ += status == 503;
    }
  }

  std::atomic<bool> stopped_{false};
  std::atomic<int> refused_{0};
  std::thread thread_;
};

TEST(AStormOfConnections, LeavesConnectionsForNewcomers) {
  HeraldWorld world(
      {.gateways = 1, .gateway_flags = {"--max_connect_rate=100"}});
  const std::string& address = world.gateway_address(0);
  Canary canary(address, world.grpc_address());
  const Storm storm(address, "127.0.0.2");
  ASSERT_TRUE(world.WaitUntil([&] { return storm.refused() > 100; }));
  RawSockets newcomers;
  for (int i = 0; i < 40; ++i) {
    newcomers.push_back(
        std::make_unique<RawSocket>(address, absl::StrCat("127.0.1.", i + 1)));
    EXPECT_EQ(newcomers.back()->Upgrade(), 101) << i;
  }
  EXPECT_LT(canary.TakeWorst(), kUnnoticed);
}

// All clients have the proxy's address, so the address that it forwards counts.
TEST(AStormOfConnections, IsOfTheClientBehindATrustedProxy) {
  HeraldWorld world({.gateways = 1,
                     .gateway_flags = {"--max_connect_rate=50",
                                       "--trusted_proxies=127.0.0.1"}});
  const std::string& address = world.gateway_address(0);
  const auto come = [&](absl::string_view client) {
    return RawSocket(address).Upgrade(
        absl::StrCat("X-Forwarded-For: ", client, "\r\n"));
  };
  // Two of one /64 are one.
  const Clock::time_point began = Clock::now();
  int admitted = 0;
  for (int i = 0; i < 300; ++i) {
    admitted += come(absl::StrCat("2001:db8::", i % 2)) == 101;
  }
  const double seconds =
      std::chrono::duration<double>(Clock::now() - began).count();
  EXPECT_LT(admitted, 110 + 50 * seconds);
  for (int i = 1; i <= 15; ++i) {
    EXPECT_EQ(come(absl::StrCat("2001:db8:0:", i, "::1")), 101) << i;
  }
}

TEST(RequestsThatNeverEnd, TakeNeitherTheFilesNorTheTimeOfOthers) {
  HeraldWorld world({.gateways = 1, .gateway_files_max = 400});
  const std::string& address = world.gateway_address(0);
  Canary canary(address, world.grpc_address());
  RawSockets halves;
  for (int i = 0; i < 600; ++i) {
    halves.push_back(std::make_unique<RawSocket>(address, "127.0.0.2"));
    halves.back()->Send("GET /ws HTTP/1.1\r\nHost: x\r\nX-Slow: ");
  }
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(HttpGet(address, "/livez").status, 200);
    EXPECT_EQ(RawSocket(address, "127.0.0.3").Upgrade(), 101);
  }
  const auto metrics = world.GatewayMetrics(0);
  EXPECT_LE(metrics.Sum("herald_gateway_half_open_connections"), 84);
  EXPECT_GE(metrics.Sum("herald_gateway_half_open_connections_cut_total"), 500);
  EXPECT_EQ(metrics.Sum("herald_gateway_accept_errors_total"), 0);
  EXPECT_LT(canary.TakeWorst(), kUnnoticed);
}

TEST(MessagesThatNeverEnd, TakeABoundedMemoryAndHarmTheirSenderOnly) {
  HeraldWorld world({.gateways = 1, .gateway_flags = {"--gateway_threads=1"}});
  const std::string& address = world.gateway_address(0);
  Canary canary(address, world.grpc_address());
  const std::string message = ClientFrame(
      kText,
      absl::StrCat(R"({"type":"ping","x":")", std::string(60'000, 'x'), "\"}"));
  RawSocket slow(address, "127.0.0.3");
  ASSERT_EQ(slow.Upgrade(), 101);
  ASSERT_TRUE(slow.ReadFrame());  // connected
  slow.Send(message.substr(0, 40'000));
  const int64_t before = ResidentBytes(world.gateway(0));
  RawSockets halves;
  for (int i = 0; i < 900; ++i) {
    halves.push_back(std::make_unique<RawSocket>(address, "127.0.0.2"));
    ASSERT_EQ(halves.back()->Upgrade(), 101);
    halves.back()->Send(message.substr(0, 59'000));
  }
  const auto overloaded = [&] {
    return world.GatewayMetrics(0).Sum(
               "herald_gateway_closed_connections_total",
               {{"reason", "overloaded"}}) > 500;
  };
  EXPECT_TRUE(world.WaitUntil(overloaded));
  if (kMemoryCounts) {
    EXPECT_LT(ResidentBytes(world.gateway(0)) - before, 40 << 20);
  }
  slow.Send(message.substr(40'000));
  const auto answer = slow.ReadFrame();
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->payload, R"({"type":"pong"})");
  EXPECT_LT(canary.TakeWorst(), kUnnoticed);
}

// Opens a socket, sends so many pings at once behind `beginning`, and returns
// its id.
std::string FloodWithPings(RawSocket& socket, int count,
                           const std::string& beginning = "") {
  EXPECT_EQ(socket.Upgrade(), 101);
  const auto connected = socket.ReadFrame();
  std::string pings = beginning;
  for (int i = 0; i < count; ++i) pings += ClientFrame(kPing, "");
  EXPECT_TRUE(socket.Send(pings));
  return Frame(connected->payload).String("socket_id");
}

TEST(AFloodOfPings, IsAnsweredAtTheRateOfMessages) {
  HeraldWorld world({.gateways = 1,
                     .gateway_flags = {"--client-message-rate=400",
                                       "--max-subscriptions=50"}});
  Canary canary(world.gateway_address(0), world.grpc_address());
  constexpr int kBurst = 2 * 50;
  constexpr int kAtOnce = 256;  // Of 6 bytes, in a buffer of the gateway.
  constexpr int kPings = kBurst + kAtOnce + 700;
  const std::string beginning = ClientFrame(kText, "{", /*is_final=*/false);
  const std::string end = ClientFrame(kContinuation, R"("type":"ping"})");
  RawSocket between(world.gateway_address(0));
  RawSocket within(world.gateway_address(0));
  const Clock::time_point began = Clock::now();
  FloodWithPings(between, kPings);
  FloodWithPings(within, kPings, beginning);
  for (RawSocket* const socket : {&between, &within}) {
    for (int i = 0; i < kPings; ++i) {
      const auto pong = socket->ReadFrame();
      ASSERT_TRUE(pong.has_value()) << i;
      ASSERT_EQ(pong->opcode, kPong);
    }
    EXPECT_GT(Clock::now() - began, Milliseconds(1500));
  }
  // Their messages are answered as before.
  between.Send(ClientFrame(kText, R"({"type":"ping"})"));
  within.Send(end);
  for (RawSocket* const socket : {&between, &within}) {
    const auto pong = socket->ReadFrame();
    ASSERT_TRUE(pong.has_value());
    EXPECT_EQ(pong->payload, R"({"type":"pong"})");
  }
  EXPECT_LT(canary.TakeWorst(), kUnnoticed);
}

TEST(AFloodOfPings, DoesNotKeepItsSocketFromBeingClosed) {
  HeraldWorld world(
      {.gateways = 1, .gateway_flags = {"--client-message-rate=1"}});
  RawSocket socket(world.gateway_address(0));
  v1::DisconnectRequest request;
  request.set_socket_id(FloodWithPings(socket, 10'000));
  EXPECT_TRUE(world.WaitUntil([&] {
    return world.GatewayMetrics(0).Sum("herald_gateway_rate_limited_total") > 0;
  }));
  EXPECT_TRUE(world.backend()
                  .Call(&testing_support::Stub::Disconnect, request)
                  .status.ok());
  EXPECT_EQ(socket.ReadUntilClose(), 4003);
}

TEST(SlowHttp, KeepsNeitherProbesNorOthersWaiting) {
  HeraldWorld world({.gateways = 1});
  const std::vector<std::string> endpoints = {world.gateway_address(0),
                                              world.metrics_address()};
  Canary canary(world.gateway_address(0), world.grpc_address());
  RawSockets slow;
  for (const std::string& address : endpoints) {
    for (int i = 0; i < 200; ++i) {
      slow.push_back(std::make_unique<RawSocket>(address));
      // Half a request, or many whose answers are not read.
      const std::string half = "GET /metrics HTTP/1.1\r\nHost: x\r\n";
      slow.back()->Send(half);
      for (int j = 0; j < 5 && i % 4 == 0; ++j) {
        slow.back()->Send("\r\n" + half);
      }
    }
  }
  for (int i = 0; i < 10; ++i) {
    // One more byte of each; those that were ended make room for probes.
    for (const auto& socket : slow) socket->Send("x");
    for (const std::string& address : endpoints) {
      for (const char* path : {"/livez", "/readyz"}) {
        const Clock::time_point began = Clock::now();
        EXPECT_EQ(HttpGet(address, path).status, 200) << address << path;
        EXPECT_LT(Clock::now() - began, Milliseconds(500 * kSlowness))
            << address << path;
      }
    }
  }
  EXPECT_LT(canary.TakeWorst(), kUnnoticed);
  // They were there all the time: a probe ends the oldest.
  EXPECT_FALSE(slow.at(199)->WaitForEnd(Milliseconds(1)));
  EXPECT_FALSE(slow.at(399)->WaitForEnd(Milliseconds(1)));
}

}  // namespace
}  // namespace herald::end_to_end
