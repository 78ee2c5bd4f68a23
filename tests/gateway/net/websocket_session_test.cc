// SPDX-License-Identifier: Apache-2.0
//
// The promises to a WebSocket client while its connection lives.

#include "gateway/net/websocket_session.h"

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/contract/names.h"
#include "tests/gateway/net/test_gateway.h"
#include "tests/support/deadline.h"
#include "tests/support/raw_socket.h"

namespace herald::gateway {
namespace {

using ::testing::HasSubstr;
using testing_support::ClientFrame;
using testing_support::kContinuation;
using testing_support::kPing;
using testing_support::kPong;
using testing_support::kText;
using testing_support::RawSocket;
using testing_support::ServerFrame;
using testing_support::WaitUntil;

constexpr char kPingMessage[] = R"({"type":"ping"})";
constexpr char kPongMessage[] = R"({"type":"pong"})";

// The payload of the next frame; empty if there is none.
std::string Next(RawSocket& socket) {
  const std::optional<ServerFrame> frame = socket.ReadFrame();
  return frame.has_value() ? frame->payload : "";
}

link::v1::ServiceItem Yes(int64_t ticket) {
  link::v1::ServiceItem item;
  item.mutable_subscribed()->set_ticket(ticket);
  return item;
}

link::v1::ServiceItem Disconnect(const std::string& socket_id) {
  link::v1::ServiceItem item;
  item.mutable_call()->set_call_id(1);
  item.mutable_call()->mutable_disconnect()->set_socket_id(socket_id);
  return item;
}

TEST(AWebSocket, ReceivesItsIdFirst) {
  TestGateway gateway;
  RawSocket ada(gateway.address());
  const std::string id = Connect(ada);
  const std::optional<contract::SocketId> parsed = contract::ParseSocketId(id);
  ASSERT_TRUE(parsed.has_value()) << id;
  EXPECT_EQ(parsed->gateway, 4711u);
}

TEST(AWebSocket, IsFoundByItsNameOnWhicheverLoopItIs) {
  TestGateway gateway({.threads = 4});
  gateway.Settle();
  std::vector<std::unique_ptr<RawSocket>> sockets;
  std::set<uint64_t> shards;
  for (int i = 0; i < 32; ++i) {
    sockets.push_back(std::make_unique<RawSocket>(gateway.address()));
    const std::string id = Connect(*sockets.back());
    shards.insert(contract::ParseSocketId(id)->socket % 4);
    gateway.Send(Disconnect(id));
    EXPECT_EQ(sockets.back()->ReadUntilClose(), 4003);
  }
  EXPECT_GT(shards.size(), 1u) << "all connections came to one loop";
}

TEST(APublication, ReachesEverySubscriberInOrder) {
  TestGateway gateway({.threads = 2});
  gateway.Settle();
  std::vector<std::unique_ptr<RawSocket>> sockets;
  for (int i = 0; i < 10; ++i) {
    sockets.push_back(std::make_unique<RawSocket>(gateway.address()));
    Connect(*sockets.back());
    gateway.Subscribe(*sockets.back(), "news");
  }
  for (int i = 0; i < 200; ++i) gateway.Publish("news", absl::StrCat(i));
  for (const auto& socket : sockets) {
    for (int i = 0; i < 200; ++i) {
      ASSERT_EQ(
          Next(*socket),
          absl::StrCat(R"({"type":"event","event":"said","channel":"news",)",
                       R"("data":)", i, "}"));
    }
  }
  EXPECT_EQ(gateway.Metric("herald_gateway_deliveries_total"), 2000);
}

TEST(APublication, MayBeHuge) {
  TestGateway gateway({.queue_bytes_max = 1024});
  gateway.Settle();
  RawSocket ada(gateway.address());
  Connect(ada);
  gateway.Subscribe(ada, "news");
  const std::string data = absl::StrCat("\"", std::string(8 << 20, 'x'), "\"");
  gateway.Publish("news", data);
  EXPECT_TRUE(absl::StrContains(Next(ada), data));
}

// Events of one turn are no measure of how a client reads.
TEST(ManyPublications, OfOneTurnMayExceedTheBoundOfAQueue) {
  constexpr int kEvents = 110;  // 1.1 MB; the queue may have 1 MiB.
  TestGateway gateway;
  gateway.Settle();
  RawSocket ada(gateway.address());
  Connect(ada);
  gateway.Subscribe(ada, "news");
  const std::string data = absl::StrCat("\"", std::string(10'000, 'x'), "\"");
  link::v1::AttachResponse frame;
  for (int i = 0; i < kEvents; ++i) {
    auto& publication = *frame.add_items()->mutable_publication();
    publication.set_channel("news");
    publication.set_event("said");
    publication.set_data(data);
  }
  ASSERT_TRUE(gateway.router().Receive(std::move(frame)).ok());
  for (int i = 0; i < kEvents; ++i) {
    ASSERT_TRUE(absl::StrContains(Next(ada), data)) << i;
  }
  EXPECT_EQ(gateway.Metric("herald_gateway_slow_consumers_total"), 0);
}

TEST(AMessage, MayHaveAnyLengthUpToTheLimit) {
  TestGateway gateway;
  RawSocket ada(gateway.address());
  Connect(ada);
  // Round the sizes at which the reader changes its buffer.
  for (const size_t bytes : {15, 127, 128, 129, 1535, 1536, 1537, 2175, 2176,
                             2177, 10'000, 65'535, 65'536, 69'632}) {
    std::string message = kPingMessage;
    message.append(bytes - message.size(), ' ');
    ada.Send(ClientFrame(kText, message));
    ASSERT_EQ(Next(ada), kPongMessage) << bytes;
  }
}

TEST(AMessage, MayComeInAnyPieces) {
  TestGateway gateway;
  RawSocket ada(gateway.address());
  Connect(ada);
  for (const char byte : ClientFrame(kText, kPingMessage)) {
    ada.Send(absl::string_view(&byte, 1));
  }
  EXPECT_EQ(Next(ada), kPongMessage);

  std::string fragments = ClientFrame(kText, R"({"ty)", false);
  fragments += ClientFrame(kContinuation, "", false);
  fragments += ClientFrame(kPing, "between");
  fragments += ClientFrame(kContinuation, R"(pe":"pi)", false);
  fragments += ClientFrame(kContinuation, R"(ng"})");
  ada.Send(fragments);
  const std::optional<ServerFrame> pong = ada.ReadFrame();
  ASSERT_TRUE(pong.has_value());
  EXPECT_EQ(pong->opcode, kPong);
  EXPECT_EQ(pong->payload, "between");
  EXPECT_EQ(Next(ada), kPongMessage);
}

TEST(ManyMessages, MayComeAtOnceAndAreAnsweredInOrder) {
  TestGateway gateway;
  RawSocket ada(gateway.address());
  Connect(ada);
  std::string all;
  for (int i = 0; i < 500; ++i) {
    all += ClientFrame(kText, i % 2 == 0 ? kPingMessage : "nonsense");
  }
  ada.Send(all);
  for (int i = 0; i < 500; ++i) {
    ASSERT_THAT(Next(ada), HasSubstr(i % 2 == 0 ? "pong" : "not JSON"));
  }
  EXPECT_EQ(gateway.Metric("herald_gateway_messages_total"), 500);
  EXPECT_EQ(gateway.Metric("herald_gateway_bad_messages_total"), 250);
}

// More sockets than their loop has readers in stock.
TEST(ManySockets, MayAllBeInTheMiddleOfAMessage) {
  constexpr size_t kSockets = 3 * ReaderPool::kIdleMax;
  TestGateway gateway;
  std::vector<std::unique_ptr<RawSocket>> sockets;
  const std::string frame = ClientFrame(kText, kPingMessage);
  for (size_t i = 0; i < kSockets; ++i) {
    sockets.push_back(std::make_unique<RawSocket>(gateway.address()));
    Connect(*sockets.back());
  }
  // Each at another place of its message.
  for (size_t i = 0; i < kSockets; ++i) {
    sockets[i]->Send(frame.substr(0, 1 + i % (frame.size() - 1)));
  }
  for (size_t i = kSockets; i-- > 0;) {
    sockets[i]->Send(frame.substr(1 + i % (frame.size() - 1)) + frame);
    EXPECT_EQ(Next(*sockets[i]), kPongMessage) << i;
    EXPECT_EQ(Next(*sockets[i]), kPongMessage) << i;
  }
}

// Beast reports nothing for a message whose first fragment is empty.
TEST(AMessage, MayBeginEmptyAndIsNotMixedWithOthers) {
  TestGateway gateway;
  RawSocket ada(gateway.address());
  RawSocket bob(gateway.address());
  Connect(ada);
  Connect(bob);
  const std::string nothing = ClientFrame(kText, "", false);
  for (const std::string& before :
       {std::string(), ClientFrame(kText, kPingMessage),
        ClientFrame(kPing, "x"),
        ClientFrame(kText, R"({"ty)", false) +
            ClientFrame(kContinuation, R"(pe":"ping"})")}) {
    ada.Send(before + nothing + ClientFrame(kPing, "seen"));
    std::optional<ServerFrame> frame;
    do {
      frame = ada.ReadFrame();
      ASSERT_TRUE(frame.has_value());
    } while (frame->payload != "seen");
    bob.Send(ClientFrame(kText, kPingMessage));
    EXPECT_EQ(Next(bob), kPongMessage);
    ada.Send(ClientFrame(kContinuation, kPingMessage));
    EXPECT_EQ(Next(ada), kPongMessage);
  }
}

TEST(ASocketThatBreaksTheProtocol, LeavesTheOthersAlone) {
  TestGateway gateway;
  RawSocket ada(gateway.address());
  Connect(ada);
  for (const char* const bad : {"\x81\x01x", "\xFF\x80mask", "\x83\x80mask"}) {
    RawSocket bob(gateway.address());
    Connect(bob);
    bob.Send(bad);
    EXPECT_EQ(bob.ReadUntilClose(), 1002);
    ada.Send(ClientFrame(kText, kPingMessage));
    EXPECT_EQ(Next(ada), kPongMessage);
  }
}

TEST(Silence, IsAnsweredWithAPingAndThenWithTheEnd) {
  link::v1::Settings settings;
  settings.set_heartbeat_interval_ms(300);
  settings.set_client_timeout_ms(900);
  TestGateway gateway({.settings = settings});
  gateway.Settle();
  RawSocket ada(gateway.address());
  Connect(ada);
  const std::optional<ServerFrame> ping = ada.ReadFrame();
  ASSERT_TRUE(ping.has_value());
  EXPECT_EQ(ping->opcode, kPing);
  EXPECT_EQ(ping->payload, "");
  EXPECT_EQ(ada.ReadUntilClose(), 4002);
}

TEST(AnyFrame, IsASignOfLife) {
  link::v1::Settings settings;
  settings.set_heartbeat_interval_ms(1000);
  settings.set_client_timeout_ms(2000);
  TestGateway gateway({.settings = settings});
  gateway.Settle();
  RawSocket ada(gateway.address());
  Connect(ada);
  // Longer in sum than the timeout; each answer keeps it for another round.
  for (int i = 0; i < 4; ++i) {
    const std::optional<ServerFrame> ping = ada.ReadFrame();
    ASSERT_TRUE(ping.has_value());
    ASSERT_EQ(ping->opcode, kPing);
    ada.Send(ClientFrame(i % 2 == 0 ? kPong : kText, "{}"));
    if (i % 2 == 0) continue;
    EXPECT_THAT(Next(ada), HasSubstr("error"));
  }
}

TEST(APartOfAMessage, IsASignOfLife) {
  link::v1::Settings settings;
  settings.set_heartbeat_interval_ms(300);
  settings.set_client_timeout_ms(900);
  TestGateway gateway({.settings = settings});
  gateway.Settle();
  RawSocket ada(gateway.address());
  Connect(ada);
  ada.Send(ClientFrame(kText, " ", false));
  // A ping comes only after a sign of life. Longer in sum than the timeout.
  for (int i = 0; i < 6; ++i) {
    const std::optional<ServerFrame> ping = ada.ReadFrame();
    ASSERT_TRUE(ping.has_value()) << i;
    ASSERT_EQ(ping->opcode, kPing) << i;
    ada.Send(ClientFrame(kContinuation, " ", false));
  }
  ada.Send(ClientFrame(kContinuation, kPingMessage));
  std::optional<ServerFrame> next;
  do {
    next = ada.ReadFrame();
    ASSERT_TRUE(next.has_value());
  } while (next->opcode == kPing);
  EXPECT_EQ(next->payload, kPongMessage);
}

class APausedWebSocket : public ::testing::Test {
 protected:
  // Sends more subscribes than may wait, and returns the tickets of those that
  // were read.
  void Pause() {
    gateway_.Settle();
    id_ = Connect(*ada_);
    std::string all;
    for (int i = 0; i < 150; ++i) {
      all += ClientFrame(
          kText,
          absl::StrCat(R"({"type":"subscribe","channel":"c)", i, R"("})"));
    }
    ada_->Send(all);
    for (int i = 0; i < 100; ++i) {
      tickets_.push_back(
          gateway_.WaitForSubscribe(absl::StrCat("c", i)).ticket());
    }
  }

  TestGateway gateway_;
  std::optional<RawSocket> ada_{std::in_place, gateway_.address()};
  std::string id_;
  std::vector<int64_t> tickets_;
};

TEST_F(APausedWebSocket, GoesOnWhenItsQuestionsAreAnswered) {
  Pause();
  for (const int64_t ticket : tickets_) gateway_.Send(Yes(ticket));
  for (int i = 100; i < 150; ++i) {
    gateway_.Send(
        Yes(gateway_.WaitForSubscribe(absl::StrCat("c", i)).ticket()));
  }
  for (int i = 0; i < 150; ++i) {
    EXPECT_EQ(Next(*ada_),
              absl::StrCat(R"({"type":"subscribed","channel":"c)", i, R"("})"));
  }
}

TEST_F(APausedWebSocket, CanBeClosed) {
  Pause();
  gateway_.Send(Disconnect(id_));
  EXPECT_EQ(ada_->ReadUntilClose(), 4003);
  ada_->Send(ClientFrame(testing_support::kClose, "\x0F\xA3"));
  EXPECT_TRUE(ada_->WaitForEnd());
  ada_.reset();
  EXPECT_TRUE(
      WaitUntil([&] { return gateway_.state().connections.total() == 0; }));
}

TEST_F(APausedWebSocket, IsMissedWhenItHasGone) {
  Pause();
  {
    RawSocket gone(gateway_.address());
    Connect(gone);
    gone.Send(ClientFrame(kText, R"({"type":"subscribe","channel":"d"})"));
    gateway_.WaitForSubscribe("d");
  }
  EXPECT_TRUE(
      WaitUntil([&] { return gateway_.state().connections.total() == 1; }));
}

TEST_F(APausedWebSocket, IsReleasedWithTheGateway) {
  Pause();  // A leak checker would find anything that it still holds.
}

}  // namespace
}  // namespace herald::gateway
