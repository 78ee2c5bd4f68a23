// SPDX-License-Identifier: Apache-2.0
//
// Bad frames: their sender gets the close code of the contract, and no other
// client notices. Bad messages in good frames are in subscribing_test.cc.

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/herald_world.h"
#include "tests/support/raw_socket.h"

namespace herald::end_to_end {
namespace {

using testing_support::ClientFrame;
using testing_support::Frame;
using testing_support::HeraldWorld;
using testing_support::HttpGet;
using testing_support::kBinary;
using testing_support::kClose;
using testing_support::kContinuation;
using testing_support::kPing;
using testing_support::kPong;
using testing_support::kText;
using testing_support::RawSocket;
using testing_support::ServerFrame;
using testing_support::WebSocketClient;

// One gateway, and a bystander that must not notice anything.
class BadInput : public ::testing::Test {
 protected:
  BadInput() { bystander_.Subscribe("news"); }

  ~BadInput() override {
    EXPECT_TRUE(bystander_.open());
    world_.WaitUntil(
        [&] { return world_.backend().Broadcast("news", "after", "1") == 1; });
    EXPECT_EQ(bystander_.Next().String("event"), "after");
    EXPECT_FALSE(world_.gateway(0).has_ended());
    EXPECT_EQ(HttpGet(world_.gateway_address(0), "/livez").status, 200);
  }

  // The close code that a connection gets which sends `bytes`.
  int CloseCodeAfter(const std::string& bytes) {
    RawSocket socket(world_.gateway_address(0));
    EXPECT_EQ(socket.Upgrade(), 101);
    socket.Send(bytes);
    return socket.ReadUntilClose();
  }

  HeraldWorld world_{{.gateways = 1}};
  WebSocketClient& bystander_ = world_.Open();
};

TEST_F(BadInput, BinaryIsClosedWith1003) {
  EXPECT_EQ(CloseCodeAfter(ClientFrame(kBinary, R"({"type":"ping"})")), 1003);
  EXPECT_EQ(CloseCodeAfter(ClientFrame(kBinary, "x", false)), 1003);
}

TEST_F(BadInput, TextThatIsNotUtf8IsClosedWith1007) {
  const std::string bad[] = {
      "\"\xff\"",              // No such byte.
      "\"\xc0\xaf\"",          // Not the shortest form.
      "\"\xed\xa0\x80\"",      // A surrogate.
      "\"\xf4\x90\x80\x80\"",  // Beyond Unicode.
      "\"\xe2\x82",            // Cut off.
  };
  for (const std::string& text : bad) {
    EXPECT_EQ(CloseCodeAfter(ClientFrame(kText, text)), 1007);
  }
  // Bad over the frames of one message, good in none of them.
  EXPECT_EQ(CloseCodeAfter(ClientFrame(kText, "\"\xe2", false) +
                           ClientFrame(kContinuation, "x\"")),
            1007);
}

TEST_F(BadInput, GoodUtf8MayBeCutByFrames) {
  RawSocket socket(world_.gateway_address(0));
  EXPECT_EQ(socket.Upgrade(), 101);
  EXPECT_EQ(Frame(socket.ReadFrame()->payload).type(), "connected");

  socket.Send(
      ClientFrame(kText, "{\"type\":\"subscribe\",\"x\":\"\xe2\x82", false) +
      ClientFrame(kPing, "in between") +
      ClientFrame(kContinuation, "\xac\",\"channel\":\"a\"}"));

  std::optional<ServerFrame> answer = socket.ReadFrame();
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->opcode, kPong);
  EXPECT_EQ(answer->payload, "in between");
  answer = socket.ReadFrame();
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->payload, R"({"type":"subscribed","channel":"a"})");
}

TEST_F(BadInput, AMessageOverTheLimitIsClosedWith1009) {
  // The payload's limit and 4 KiB for the rest of the message.
  const size_t limit = 65536 + 4096;
  const auto message = [](size_t size) {
    return absl::StrCat(R"({"type":"ping","x":")", std::string(size - 22, 'x'),
                        "\"}");
  };
  RawSocket socket(world_.gateway_address(0));
  socket.Upgrade();
  socket.ReadFrame();
  ASSERT_EQ(message(limit).size(), limit);
  socket.Send(ClientFrame(kText, message(limit)));
  EXPECT_EQ(socket.ReadFrame()->payload, R"({"type":"pong"})");

  EXPECT_EQ(CloseCodeAfter(ClientFrame(kText, message(limit + 1))), 1009);
  EXPECT_EQ(CloseCodeAfter(ClientFrame(kText, message(1 << 20))), 1009);
  // The header of 2^62 bytes is enough to know.
  EXPECT_EQ(CloseCodeAfter(std::string("\x81\xff\x40\0\0\0\0\0\0\0abcd", 14)),
            1009);
  // Many small frames are one large message.
  std::string frames = ClientFrame(kText, message(30000), false);
  for (int i = 0; i < 3; ++i) {
    frames += ClientFrame(kContinuation, std::string(30000, 'x'), false);
  }
  EXPECT_EQ(CloseCodeAfter(frames), 1009);
}

TEST_F(BadInput, BrokenFramingIsClosedWith1002) {
  std::string unmasked = "\x81\x02{}";
  std::string reserved = ClientFrame(kText, "{}");
  reserved[0] = static_cast<char>(0xC1);
  std::string unknown = ClientFrame(kText, "{}");
  unknown[0] = static_cast<char>(0x83);
  EXPECT_EQ(CloseCodeAfter(unmasked), 1002);
  EXPECT_EQ(CloseCodeAfter(reserved), 1002);
  EXPECT_EQ(CloseCodeAfter(unknown), 1002);
  EXPECT_EQ(CloseCodeAfter(ClientFrame(kContinuation, "{}")), 1002);
  EXPECT_EQ(
      CloseCodeAfter(ClientFrame(kText, "{", false) + ClientFrame(kText, "}")),
      1002);
  EXPECT_EQ(CloseCodeAfter(ClientFrame(kPing, "x", false)), 1002);
  EXPECT_EQ(CloseCodeAfter(ClientFrame(kPing, std::string(126, 'x'))), 1002);
  EXPECT_EQ(CloseCodeAfter(ClientFrame(kClose, "x")), 1002);
}

TEST_F(BadInput, ACloseIsAnsweredAndTheConnectionEnds) {
  RawSocket socket(world_.gateway_address(0));
  socket.Upgrade();
  socket.Send(ClientFrame(kClose, "\x03\xe8"));
  EXPECT_EQ(socket.ReadUntilClose(), 1000);
  EXPECT_TRUE(socket.WaitForEnd());
}

TEST_F(BadInput, AFloodOfPingsIsAnsweredOrCutButNeverKept) {
  RawSocket socket(world_.gateway_address(0));
  socket.Upgrade();
  // Nothing is read, so that the pongs pile up.
  const std::string ping = ClientFrame(kPing, std::string(125, 'x'));
  std::string pings;
  for (int i = 0; i < 1000; ++i) pings += ping;
  // No more than fits between the two, for it is read at 200 in a second.
  for (int i = 0; i < 20; ++i) {
    if (!socket.Send(pings)) break;
    EXPECT_EQ(bystander_.Ping().type(), "pong");
  }
}

TEST_F(BadInput, RubbishBeforeTheUpgradeEndsTheConnection) {
  const std::string requests[] = {
      "\x16\x03\x01\x02rubbish\r\n\r\n",
      "GET /ws HTTP/1.1\r\n" + std::string(1 << 17, 'h') + "\r\n\r\n",
      "GET /ws HTTP/9.9\r\n\r\n",
      "GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n"
      "X: y\r\nContent-Length: 99999999999999999999\r\n\r\n",
  };
  for (const std::string& request : requests) {
    RawSocket socket(world_.gateway_address(0));
    socket.Send(request);
    EXPECT_TRUE(socket.WaitForEnd()) << request.substr(0, 40);
  }
  RawSocket version(world_.gateway_address(0));
  version.Send(
      "GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n"
      "Connection: Upgrade, close\r\nSec-WebSocket-Version: 7\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  const std::string answer = version.ReadToEnd();
  EXPECT_THAT(answer, ::testing::ContainsRegex("^HTTP/1.1 4(00|26) "))
      << answer;
}

TEST(HalfAFrame, IsNoSignOfLifeAndDelaysNoOther) {
  HeraldWorld world(
      {.gateways = 1,
       .service_flags = {"--heartbeat_interval=1", "--client_timeout=2"}});
  WebSocketClient& ada = world.Open();
  ada.Subscribe("news");
  RawSocket half(world.gateway_address(0));
  half.Upgrade();
  const std::string frame = ClientFrame(kText, R"({"type":"ping"})");
  half.Send(frame.substr(0, 9));

  EXPECT_EQ(world.backend().Broadcast("news", "e", "1"), 1);
  EXPECT_EQ(ada.Next().type(), "event");

  EXPECT_EQ(half.ReadUntilClose(), 4002);
}

TEST(HalfAFrame, ThenTheEndOfTheConnectionLeavesNothingBehind) {
  HeraldWorld world({.gateways = 1});
  {
    RawSocket half(world.gateway_address(0));
    half.Upgrade();
    half.Send(ClientFrame(kText, R"({"type":"subscribe","channel":"a"})"));
    half.ReadFrame();
    EXPECT_EQ(half.ReadFrame()->payload,
              R"({"type":"subscribed","channel":"a"})");
    half.Send(ClientFrame(kText, R"({"type":"ping"})").substr(0, 5));
  }
  world.WaitUntil(
      [&] { return world.backend().Broadcast("a", "e", "1") == 0; });
}

TEST(HalfAnUpgrade, IsNotWaitedForForever) {
  HeraldWorld world({.gateways = 1});
  RawSocket half(world.gateway_address(0));
  half.Send("GET /ws HTTP/1.1\r\nHost: h\r\n");
  // The gateway gives a handshake some time, but not all.
  EXPECT_TRUE(half.WaitForEnd(std::chrono::seconds(45)));
  EXPECT_EQ(HttpGet(world.gateway_address(0), "/livez").status, 200);
}

}  // namespace
}  // namespace herald::end_to_end
