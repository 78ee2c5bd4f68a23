// SPDX-License-Identifier: Apache-2.0
//
// Connections that are no WebSocket yet: their bound, and which are cut beyond
// it.

#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/gateway/net/test_gateway.h"
#include "tests/support/deadline.h"
#include "tests/support/raw_socket.h"

namespace herald::gateway {
namespace {

using testing_support::Milliseconds;
using testing_support::RawSocket;
using testing_support::WaitUntil;

using RawSockets = std::vector<std::unique_ptr<RawSocket>>;

constexpr char kOpen[] = "herald_gateway_half_open_connections";
constexpr char kCut[] = "herald_gateway_half_open_connections_cut_total";
constexpr char kHalf[] = "GET /ws HTTP/1.1\r\nHost: x\r\n";

// `count` requests from there that never end.
RawSockets Halves(const TestGateway& gateway, const std::string& source,
                  int count, const std::string& begin = kHalf) {
  RawSockets sockets;
  for (int i = 0; i < count; ++i) {
    sockets.push_back(std::make_unique<RawSocket>(gateway.address(), source));
    sockets.back()->Send(begin);
  }
  return sockets;
}

int EndedOf(const RawSockets& sockets) {
  int ended = 0;
  for (const auto& socket : sockets) {
    ended += socket->WaitForEnd(Milliseconds(5));
  }
  return ended;
}

TEST(HalfOpenConnections, CostTheSourceThatHasTheMostItsOldest) {
  TestGateway gateway({.half_open_max = 16});
  const RawSockets polite = Halves(gateway, "127.0.0.3", 4);
  const RawSockets hostile = Halves(gateway, "127.0.0.2", 40);
  ASSERT_TRUE(WaitUntil([&] { return EndedOf(hostile) >= 28; }));
  EXPECT_FALSE(hostile.back()->WaitForEnd(Milliseconds(5)));
  for (const auto& socket : polite) {
    socket->Send("\r\n");
    EXPECT_EQ(socket->ReadToEnd().substr(0, 12), "HTTP/1.1 426");
  }
  EXPECT_GE(gateway.Metric(kCut), 28);
  EXPECT_LE(gateway.Metric(kOpen), 16);
}

TEST(HalfOpenConnections, AreNoWebSockets) {
  TestGateway gateway({.half_open_max = 16});
  RawSockets sockets;
  for (int i = 0; i < 40; ++i) {
    sockets.push_back(std::make_unique<RawSocket>(gateway.address()));
    EXPECT_EQ(sockets.back()->Upgrade(), 101);
  }
  EXPECT_EQ(EndedOf(sockets), 0);
  EXPECT_EQ(gateway.Metric(kCut), 0);
}

TEST(HalfOpenConnections, LetAProbeStayThatAsksAgain) {
  TestGateway gateway({.half_open_max = 16});
  RawSocket probe(gateway.address());
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(probe.Get("/livez").status, 200) << i;
    const RawSockets more = Halves(gateway, "127.0.0.2", 5);
    EXPECT_TRUE(more.back()->Send("x"));
  }
  EXPECT_EQ(probe.Get("/livez").status, 200);
}

TEST(HalfOpenConnections, AreOfTheClientThatATrustedProxyNames) {
  TestGateway gateway({.half_open_max = 16,
                       .proxy_protocol = true,
                       .trusted_proxies = {"127.0.0.1"}});
  const auto from = [](const std::string& client) {
    return "PROXY TCP4 " + client + " 127.0.0.1 1 2\r\n" + kHalf;
  };
  const RawSockets polite =
      Halves(gateway, "127.0.0.1", 4, from("203.0.113.1"));
  const RawSockets hostile =
      Halves(gateway, "127.0.0.1", 40, from("203.0.113.2"));
  ASSERT_TRUE(WaitUntil([&] { return EndedOf(hostile) >= 28; }));
  EXPECT_EQ(EndedOf(polite), 0);
}

}  // namespace
}  // namespace herald::gateway
