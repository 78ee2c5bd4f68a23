// SPDX-License-Identifier: Apache-2.0
//
// The ends of a WebSocket: by the client, by its mistakes, by the backend, by
// the gateway; and that a client that does not cooperate is cut.

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "proto/contract/address.h"
#include "tests/gateway/net/test_gateway.h"
#include "tests/support/deadline.h"
#include "tests/support/raw_socket.h"

namespace herald::gateway {
namespace {

using testing_support::ClientFrame;
using testing_support::Clock;
using testing_support::kBinary;
using testing_support::kClose;
using testing_support::kPatience;
using testing_support::kPing;
using testing_support::kPong;
using testing_support::kText;
using testing_support::Milliseconds;
using testing_support::Opcode;
using testing_support::RawSocket;
using testing_support::ServerFrame;
using testing_support::WaitUntil;

struct Mistake {
  const char* what;
  std::string bytes;
  int code;
  const char* reason;
};

TEST(AMistake, EndsTheConnectionWithItsCode) {
  TestGateway gateway;
  const std::string large(70'000, ' ');
  const std::vector<Mistake> mistakes = {
      {"binary", ClientFrame(kBinary, "x"), 1003, "binary"},
      {"part of a long binary", ClientFrame(kBinary, large.substr(0, 5000)),
       1003, "binary"},
      {"not UTF-8", ClientFrame(kText, "\xFF\xFE"), 1007, "bad_utf8"},
      {"half a character", ClientFrame(kText, "\xC3"), 1007, "bad_utf8"},
      {"half a character before an empty end",
       ClientFrame(kText, "x\xE2\x82", false) +
           ClientFrame(testing_support::kContinuation, ""),
       1007, "bad_utf8"},
      {"too large", ClientFrame(kText, large), 1009, "too_large"},
      {"too large in fragments",
       ClientFrame(kText, large.substr(0, 40'000), false) +
           ClientFrame(testing_support::kContinuation, large.substr(0, 40'000)),
       1009, "too_large"},
      {"not masked", std::string("\x81\x01x"), 1002, "protocol_error"},
      {"a reserved opcode", ClientFrame(static_cast<Opcode>(3), "x"), 1002,
       "protocol_error"},
      {"a long ping", ClientFrame(kPing, std::string(126, 'x')), 1002,
       "protocol_error"},
      {"a continuation of nothing",
       ClientFrame(testing_support::kContinuation, "x"), 1002,
       "protocol_error"},
  };
  for (const Mistake& mistake : mistakes) {
    const std::map<std::string, std::string> label = {
        {"reason", mistake.reason}};
    const double before =
        gateway.Metric("herald_gateway_closed_connections_total", label);
    {
      RawSocket socket(gateway.address());
      Connect(socket);
      socket.Send(mistake.bytes);
      EXPECT_EQ(socket.ReadUntilClose(), mistake.code) << mistake.what;
      socket.Send(ClientFrame(kClose, ""));
      EXPECT_TRUE(socket.WaitForEnd()) << mistake.what;
    }
    EXPECT_TRUE(gateway.WaitForMetric("herald_gateway_closed_connections_total",
                                      before + 1, label))
        << mistake.what;
  }
}

// The sockets of a loop share streams of Beast.
TEST(AMistake, EndsNoOtherConnection) {
  TestGateway gateway;
  for (int i = 0; i < 3; ++i) {
    RawSocket ada(gateway.address());
    Connect(ada);
    ada.Send(ClientFrame(kText, "\xC3", false) +
             ClientFrame(testing_support::kContinuation, ""));
    EXPECT_EQ(ada.ReadUntilClose(), 1007);
    RawSocket bob(gateway.address());
    Connect(bob);
    bob.Send(ClientFrame(kText, R"({"type":"ping"})"));
    const std::optional<ServerFrame> answer = bob.ReadFrame();
    ASSERT_TRUE(answer.has_value());
    EXPECT_EQ(answer->payload, R"({"type":"pong"})");
  }
}

TEST(AMessageThatIsFarTooLarge, IsAnsweredBeforeTheEndOfTheConnection) {
  TestGateway gateway;
  for (const size_t bytes : {1'000'000, 5'000'000}) {
    RawSocket ada(gateway.address());
    Connect(ada);
    EXPECT_TRUE(ada.Send(ClientFrame(kText, std::string(bytes, ' '))));
    EXPECT_EQ(ada.ReadUntilClose(), 1009) << bytes;
    EXPECT_TRUE(ada.WaitForEnd());
    EXPECT_FALSE(ada.was_reset()) << bytes;
  }
}

TEST(AMistake, IsCountedThoughTheClientBreaksTheConnectionThen) {
  TestGateway gateway;
  {
    RawSocket ada(gateway.address());
    Connect(ada);
    ada.Send(ClientFrame(kPing, std::string(126, 'x')));
    EXPECT_EQ(ada.ReadUntilClose(), 1002);
    ada.Reset();
  }
  EXPECT_TRUE(gateway.WaitForMetric("herald_gateway_closed_connections_total",
                                    1, {{"reason", "protocol_error"}}));
  EXPECT_EQ(gateway.Metric("herald_gateway_closed_connections_total"), 1);
}

TEST(ACloseOfTheClient, IsNormalWithAnyCode) {
  TestGateway gateway;
  {
    RawSocket ada(gateway.address());
    Connect(ada);
    ada.Send(ClientFrame(kClose, std::string("\x03\xF1", 2)));
    EXPECT_EQ(ada.ReadUntilClose(), 1009) << "its own code, echoed";
    EXPECT_TRUE(ada.WaitForEnd());
  }
  EXPECT_TRUE(gateway.WaitForMetric("herald_gateway_closed_connections_total",
                                    1, {{"reason", "normal"}}));
}

TEST(AClient, MayLeave) {
  TestGateway gateway;
  {
    RawSocket polite(gateway.address());
    Connect(polite);
    polite.Send(ClientFrame(kClose, std::string("\x03\xE8", 2) + "bye"));
    EXPECT_EQ(polite.ReadUntilClose(), 1000);
    EXPECT_TRUE(polite.WaitForEnd());
  }
  {
    RawSocket silent(gateway.address());
    Connect(silent);
  }
  {
    RawSocket halfway(gateway.address());
    Connect(halfway);
    halfway.Send(ClientFrame(kText, std::string(1000, ' ')).substr(0, 500));
  }
  {
    RawSocket early(gateway.address());
    early.Send("GET /ws HTTP/1.1\r\n");
  }
  EXPECT_TRUE(gateway.WaitForMetric("herald_gateway_closed_connections_total",
                                    3, {{"reason", "normal"}}));
  EXPECT_TRUE(gateway.WaitForMetric("herald_gateway_connections", 0));
  EXPECT_EQ(gateway.state().connections.total(), 0);
}

// A Disconnect of the backend, as it is on the link.
link::v1::ServiceItem Disconnect(const std::string& socket_id,
                                 const std::string& reason) {
  link::v1::ServiceItem item;
  item.mutable_call()->set_call_id(1);
  item.mutable_call()->mutable_disconnect()->set_socket_id(socket_id);
  item.mutable_call()->mutable_disconnect()->set_reason(reason);
  return item;
}

TEST(ADisconnect, CarriesTheReasonAsFarAsItFits) {
  TestGateway gateway;
  gateway.Settle();
  const std::vector<std::pair<std::string, std::string>> reasons = {
      {"banned", "banned"},
      {"", "disconnected by the backend"},
      {std::string(200, 'x'), std::string(123, 'x')},
      {std::string(122, 'x') + "é", std::string(122, 'x')},
  };
  for (const auto& [reason, shown] : reasons) {
    RawSocket ada(gateway.address());
    gateway.Send(Disconnect(Connect(ada), reason));
    const std::optional<ServerFrame> frame = ada.ReadFrame();
    ASSERT_TRUE(frame.has_value());
    EXPECT_EQ(frame->close_code(), 4003);
    EXPECT_EQ(frame->payload.substr(2), shown);
  }
}

TEST(AClose, DropsLaterMessagesOfTheClient) {
  TestGateway gateway;
  gateway.Settle();
  RawSocket ada(gateway.address());
  gateway.Send(Disconnect(Connect(ada), ""));
  ada.Send(ClientFrame(kText, R"({"type":"ping"})"));
  ada.Send(ClientFrame(kPing, "hello?"));
  ada.Send(ClientFrame(kClose, std::string("\x0F\xA3", 2)));
  EXPECT_EQ(ada.ReadUntilClose(), 4003);
  EXPECT_EQ(ada.ReadToEnd(), "");
  EXPECT_EQ(gateway.Metric("herald_gateway_messages_total"), 0);
}

// Five seconds after the close frame, and not much later.
void ExpectCutAfterTheDeadline(TestGateway& gateway, Clock::time_point start) {
  EXPECT_TRUE(
      WaitUntil([&] { return gateway.state().connections.total() == 0; },
                Milliseconds(15'000)));
  EXPECT_GE(Clock::now() - start, Milliseconds(4'900));
  EXPECT_LE(Clock::now() - start, Milliseconds(12'000));
}

TEST(AClientThatDoesNotCloseBack, IsCut) {
  TestGateway gateway;
  gateway.Settle();
  RawSocket ada(gateway.address());
  const std::string id = Connect(ada);
  const Clock::time_point start = Clock::now();
  gateway.Send(Disconnect(id, ""));
  EXPECT_EQ(ada.ReadUntilClose(), 4003);
  ExpectCutAfterTheDeadline(gateway, start);
  EXPECT_TRUE(ada.WaitForEnd());
}

TEST(AClientThatStaysAfterItsMistake, IsCut) {
  TestGateway gateway;
  RawSocket ada(gateway.address());
  Connect(ada);
  const Clock::time_point start = Clock::now();
  ada.Send(ClientFrame(kText, "\xFF"));
  EXPECT_EQ(ada.ReadUntilClose(), 1007);
  ExpectCutAfterTheDeadline(gateway, start);
}

TEST(ASlowClient, IsCutAloneWithTheReason) {
  TestGateway gateway({.queue_bytes_max = 200'000});
  gateway.Settle();
  std::optional<RawSocket> slow(std::in_place, gateway.address());
  RawSocket quick(gateway.address());
  Connect(*slow);
  Connect(quick);
  gateway.Subscribe(*slow, "news");
  gateway.Subscribe(quick, "news");
  const std::string data = absl::StrCat("\"", std::string(60'000, 'x'), "\"");
  const auto slow_ones = [&] {
    return gateway.Metric("herald_gateway_slow_consumers_total");
  };
  // The size of the kernel's buffers for a socket without a reader is unknown.
  const Clock::time_point deadline = Clock::now() + kPatience;
  while (slow_ones() == 0 && Clock::now() < deadline) {
    gateway.Publish("news", data);
    const std::optional<ServerFrame> frame = quick.ReadFrame();
    ASSERT_TRUE(frame.has_value());
    EXPECT_GT(frame->payload.size(), data.size());
  }
  EXPECT_EQ(slow_ones(), 1);
  // All but the frame that had begun to leave.
  EXPECT_GT(gateway.Metric("herald_gateway_dropped_bytes_total"), 60'000);
  EXPECT_EQ(slow->ReadUntilClose(), 4001);
  slow->Send(ClientFrame(kClose, std::string("\x0F\xA1", 2)));
  EXPECT_TRUE(slow->WaitForEnd());
  slow.reset();
  EXPECT_TRUE(gateway.WaitForMetric("herald_gateway_closed_connections_total",
                                    1, {{"reason", "slow"}}));
  gateway.Publish("news", "1");
  EXPECT_TRUE(quick.ReadFrame().has_value());
  EXPECT_TRUE(gateway.WaitForMetric("herald_gateway_queue_bytes", 0));
}

TEST(ASlowClientThatNeverReads, IsCutAtTheDeadline) {
  TestGateway gateway({.queue_bytes_max = 100'000});
  gateway.Settle();
  RawSocket slow(gateway.address());
  Connect(slow);
  gateway.Subscribe(slow, "news");
  const std::string data = absl::StrCat("\"", std::string(60'000, 'x'), "\"");
  const Clock::time_point deadline = Clock::now() + kPatience;
  Clock::time_point start;
  double published = 0;
  while (gateway.Metric("herald_gateway_slow_consumers_total") == 0 &&
         Clock::now() < deadline) {
    start = Clock::now();
    gateway.Publish("news", data);
    // Delivered, or the socket is cut and is not subscribed any more.
    gateway.WaitForMetric("herald_gateway_publish_to_socket_seconds_count",
                          ++published);
  }
  EXPECT_EQ(gateway.Metric("herald_gateway_slow_consumers_total"), 1);
  ExpectCutAfterTheDeadline(gateway, start);
  EXPECT_TRUE(gateway.WaitForMetric("herald_gateway_queue_bytes", 0));
}

TEST(AClientThatReadsNothing, IsCutAsSlowInSpiteOfItsPongs) {
  // It is not cut for the bound of the queue.
  TestGateway gateway(
      {.queue_bytes_max = 100'000'000, .write_timeout = absl::Seconds(1)});
  gateway.Settle();
  RawSocket idle(gateway.address());
  RawSocket deaf(gateway.address());
  Connect(idle);
  Connect(deaf);
  gateway.Subscribe(deaf, "news");
  const Clock::time_point start = Clock::now();
  // More than the kernel takes.
  const std::string data = absl::StrCat("\"", std::string(100'000, 'x'), "\"");
  for (int i = 0; i < 300; ++i) gateway.Publish("news", data);
  ASSERT_TRUE(WaitUntil([&] {
    deaf.Send(ClientFrame(kPong, ""));
    return gateway.Metric("herald_gateway_slow_consumers_total") == 1;
  }));
  EXPECT_GE(Clock::now() - start, Milliseconds(900));
  EXPECT_EQ(deaf.ReadUntilClose(), 4001);
  deaf.Send(ClientFrame(kClose, std::string("\x0F\xA1", 2)));
  EXPECT_TRUE(deaf.WaitForEnd());
  EXPECT_TRUE(gateway.WaitForMetric("herald_gateway_closed_connections_total",
                                    1, {{"reason", "slow"}}));
  EXPECT_TRUE(gateway.WaitForMetric("herald_gateway_connections", 1))
      << "nothing waits for the idle one";
}

// A connection with small buffers whose client decides when to read.
class Flooder {
 public:
  explicit Flooder(const std::string& address) {
    const auto parts = contract::SplitHostPort(address);
    fd_ = ::socket(AF_INET, SOCK_STREAM, 0);
    const int small = 64 << 10;
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
    sockaddr_in peer{};
    peer.sin_family = AF_INET;
    peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    peer.sin_port = htons(parts->port);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<sockaddr*>(&peer), sizeof(peer)),
              0);
  }
  ~Flooder() { ::close(fd_); }

  // Sends `frame` over and over until the gateway has taken none for a while;
  // returns how often it went out whole.
  int FloodUntilStuck(const std::string& frame, int count_max) {
    for (int count = 0; count < count_max; ++count) {
      absl::string_view rest = frame;
      while (!rest.empty()) {
        pollfd ready{fd_, POLLOUT, 0};
        if (::poll(&ready, 1, 1000) == 0) return count;
        const ssize_t sent =
            ::send(fd_, rest.data(), rest.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent > 0) rest.remove_prefix(static_cast<size_t>(sent));
      }
    }
    return count_max;
  }

  // Reads up to `bytes`.
  size_t Read(size_t bytes) {
    const Clock::time_point deadline = Clock::now() + kPatience;
    std::string buffer(65536, '\0');
    size_t got = 0;
    while (got < bytes && Clock::now() < deadline) {
      pollfd ready{fd_, POLLIN, 0};
      if (::poll(&ready, 1, 100) == 0) continue;
      const ssize_t count = ::recv(fd_, buffer.data(), buffer.size(), 0);
      if (count <= 0) break;
      got += static_cast<size_t>(count);
    }
    return got;
  }

 private:
  int fd_ = -1;
};

TEST(AFloodOfPings, MakesOnePongWaitAndIsNotReadAnyMore) {
  TestGateway gateway;
  Flooder flooder(gateway.address());
  flooder.FloodUntilStuck(
      "GET /ws HTTP/1.1\r\nHost: herald\r\nUpgrade: websocket\r\n"
      "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
      1);
  ASSERT_TRUE(gateway.WaitForMetric("herald_gateway_connections", 1));

  const int floods = flooder.FloodUntilStuck(
      ClientFrame(kPing, std::string(125, 'x')), 1'000'000);
  EXPECT_GT(floods, 100);
  EXPECT_LT(floods, 1'000'000) << "it was read for ever";
  EXPECT_LE(gateway.Metric("herald_gateway_queue_bytes"), 127);
  EXPECT_EQ(gateway.Metric("herald_gateway_connections"), 1);

  // Others are served meanwhile, and reading sets it free.
  RawSocket ada(gateway.address());
  EXPECT_NE(Connect(ada), "");
  const size_t pongs = static_cast<size_t>(floods) * 127;
  EXPECT_GE(flooder.Read(pongs), pongs);
}

}  // namespace
}  // namespace herald::gateway
