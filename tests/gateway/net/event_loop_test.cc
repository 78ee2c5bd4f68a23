// SPDX-License-Identifier: Apache-2.0
//
// How a loop passes on the items of the link, and how it drains.

#include "gateway/net/event_loop.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <cstdint>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/gateway/net/test_gateway.h"
#include "tests/support/deadline.h"
#include "tests/support/raw_socket.h"

namespace herald::gateway {
namespace {

using testing_support::ClientFrame;
using testing_support::Clock;
using testing_support::kClose;
using testing_support::kText;
using testing_support::Milliseconds;
using testing_support::RawSocket;
using testing_support::WaitUntil;

using Sockets = std::vector<std::unique_ptr<RawSocket>>;

Sockets ConnectMany(TestGateway& gateway, int count) {
  Sockets sockets;
  for (int i = 0; i < count; ++i) {
    sockets.push_back(std::make_unique<RawSocket>(gateway.address()));
    EXPECT_EQ(sockets.back()->Upgrade(), 101);
    EXPECT_TRUE(sockets.back()->ReadFrame().has_value());  // connected
  }
  return sockets;
}

TEST(ALoop, CountsWaitingBytesOfItsSockets) {
  TestGateway gateway;
  gateway.Settle();
  Sockets sockets = ConnectMany(gateway, 1);
  gateway.Subscribe(*sockets[0], "news");
  const std::string data = absl::StrCat("\"", std::string(30 << 20, 'x'), "\"");
  gateway.Publish("news", data);
  EXPECT_TRUE(WaitUntil(
      [&] { return gateway.Metric("herald_gateway_queue_bytes") > 0; }));
  EXPECT_TRUE(sockets[0]->ReadFrame().has_value());
  EXPECT_TRUE(gateway.WaitForMetric("herald_gateway_queue_bytes", 0));
}

TEST(ALoopThatIsBusy, HasTheLinkNotReadBeyondABound) {
  TestGateway gateway({.threads = 2});
  gateway.Settle();
  Sockets sockets = ConnectMany(gateway, 16);
  for (const auto& socket : sockets) gateway.Subscribe(*socket, "news");
  std::promise<void> done;
  const std::shared_future<void> busy(done.get_future());
  for (const auto& loop : gateway.loops()) {
    net::post(loop->context(), [busy] { busy.wait(); });
  }
  const LinkGate& gate = gateway.state().link_gate;
  const std::string data = absl::StrCat("\"", std::string(64 << 10, 'x'), "\"");
  int published = 0;
  while (gate.is_open() && published < 1000) {
    gateway.Publish("news", data);
    ++published;
  }
  EXPECT_FALSE(gate.is_open());
  EXPECT_GT(published * (64 << 10), kInboxBytesMax - (1 << 20));
  EXPECT_GT(gateway.Metric("herald_gateway_inbox_bytes"), kInboxBytesMax);

  done.set_value();

  EXPECT_TRUE(WaitUntil([&] { return gate.is_open(); }));
  EXPECT_TRUE(gateway.WaitForMetric("herald_gateway_inbox_bytes", 0));
}

// Keeps a loop busy from the constructor to End().
class BusyTurn {
 public:
  explicit BusyTurn(EventLoop* loop) {
    net::post(loop->context(),
              [end = end_.get_future().share()] { end.wait(); });
  }
  void End() { end_.set_value(); }

 private:
  std::promise<void> end_;
};

// The inbox's bytes behind the turn that is due next.
std::future<int64_t> InboxAfterATurn(EventLoop* loop) {
  const auto bytes = std::make_shared<std::promise<int64_t>>();
  net::post(loop->context(),
            [loop, bytes] { bytes->set_value(loop->inbox_bytes()); });
  return bytes->get_future();
}

TEST(ALongInbox, DelaysNoPingAndKeepsItsOrder) {
  constexpr int kReaders = 100;  // A channel that is not a large one.
  constexpr int kEvents = 2000;
  constexpr int kEventsOfATurn = 4096 / kReaders + 1;
  TestGateway gateway;
  gateway.Settle();
  Sockets sockets = ConnectMany(gateway, kReaders);
  for (const auto& socket : sockets) gateway.Subscribe(*socket, "news");
  EventLoop* const loop = gateway.loops()[0].get();
  BusyTurn busy(loop);
  for (int i = 0; i < kEvents; ++i) gateway.Publish("news", absl::StrCat(i));
  std::future<int64_t> left = InboxAfterATurn(loop);
  const int64_t posted = loop->inbox_bytes();
  RawSocket& canary = *sockets[0];
  canary.Send(ClientFrame(kText, R"({"type":"ping"})"));

  busy.End();

  EXPECT_GT(left.get(), posted / kEvents * (kEvents - kEventsOfATurn - 1));
  int received = 0;
  int received_before_pong = kEvents;
  for (int frames = 0; frames < kEvents + 1; ++frames) {
    const auto frame = canary.ReadFrame();
    ASSERT_TRUE(frame.has_value());
    if (absl::StrContains(frame->payload, R"("type":"pong")")) {
      received_before_pong = received;
      continue;
    }
    const std::string data = absl::StrCat("\"data\":", received++, "}");
    ASSERT_TRUE(absl::StrContains(frame->payload, data)) << frame->payload;
  }
  // Its bytes may arrive while the first turns are under way.
  EXPECT_LE(received_before_pong, 4 * kEventsOfATurn);
  EXPECT_TRUE(gateway.WaitForMetric("herald_gateway_inbox_bytes", 0));
}

TEST(ALongInbox, MakesATurnWriteToABoundedNumberOfSockets) {
  constexpr int kSockets = 300;
  TestGateway gateway;
  gateway.Settle();
  Sockets sockets = ConnectMany(gateway, kSockets);
  for (int i = 0; i < kSockets; ++i) {
    gateway.Subscribe(*sockets[static_cast<size_t>(i)], absl::StrCat("c", i));
  }
  EventLoop* const loop = gateway.loops()[0].get();
  BusyTurn busy(loop);
  for (int i = 0; i < kSockets; ++i) {
    gateway.Publish(absl::StrCat("c", i), "1");
  }
  std::future<int64_t> left = InboxAfterATurn(loop);
  busy.End();
  EXPECT_GT(left.get(), 0);
  for (const auto& socket : sockets) {
    EXPECT_TRUE(socket->ReadFrame().has_value());
  }
  EXPECT_TRUE(gateway.WaitForMetric("herald_gateway_inbox_bytes", 0));
}

TEST(Loops, ObserveAPublicationOnceEach) {
  TestGateway gateway({.threads = 2});
  gateway.Settle();
  Sockets sockets = ConnectMany(gateway, 16);
  for (const auto& socket : sockets) gateway.Subscribe(*socket, "news");
  for (int i = 0; i < 10; ++i) gateway.Publish("news", "1");
  EXPECT_TRUE(gateway.WaitForMetric("herald_gateway_deliveries_total", 160));
  const double count =
      gateway.Metric("herald_gateway_publish_to_socket_seconds_count");
  EXPECT_GE(count, 10);
  EXPECT_LE(count, 20);
}

TEST(ADrain, SpreadsTheClosesOverItsTime) {
  TestGateway gateway({.threads = 2});
  Sockets sockets = ConnectMany(gateway, 40);
  std::vector<Clock::duration> closed_after(sockets.size());
  const Clock::time_point start = Clock::now();
  for (const auto& loop : gateway.loops()) loop->StartDrain(absl::Seconds(2));
  std::vector<std::thread> clients;
  for (size_t i = 0; i < sockets.size(); ++i) {
    clients.emplace_back([&, i] {
      EXPECT_EQ(sockets[i]->ReadUntilClose(), 1001);
      closed_after[i] = Clock::now() - start;
      sockets[i]->Send(ClientFrame(kClose, std::string("\x03\xE9", 2)));
      EXPECT_TRUE(sockets[i]->WaitForEnd());
    });
  }
  for (std::thread& client : clients) client.join();
  std::sort(closed_after.begin(), closed_after.end());
  EXPECT_LT(closed_after[0], Milliseconds(1000));
  EXPECT_GT(closed_after[30], Milliseconds(700));
  EXPECT_LT(closed_after[39], Milliseconds(10'000));
  EXPECT_TRUE(
      WaitUntil([&] { return gateway.state().connections.total() == 0; }));
  EXPECT_EQ(gateway.Metric("herald_gateway_closed_connections_total",
                           {{"reason", "going_away"}}),
            40);
}

TEST(ADrain, ClosesLaterConnectionsToo) {
  TestGateway gateway;
  for (const auto& loop : gateway.loops()) {
    loop->StartDrain(absl::Milliseconds(100));
  }
  Sockets sockets = ConnectMany(gateway, 1);
  EXPECT_EQ(sockets[0]->ReadUntilClose(), 1001);
}

}  // namespace
}  // namespace herald::gateway
