// SPDX-License-Identifier: Apache-2.0
//
// Groups 9, 12 and 13: large messages, many messages, and compression, which a
// gateway declines.

#include "proto/contract/limits.h"

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/gateway/net/conformance/wire_case.h"

namespace herald::gateway {
namespace {

using testing_support::ClientFrame;
using testing_support::kBinary;
using testing_support::kText;
using testing_support::RawSocket;

constexpr char kTooLarge[] = "close 1009";
constexpr size_t kKib = 1 << 10;
constexpr size_t kMib = 1 << 20;

TestGatewayOptions LargePayloads() {
  TestGatewayOptions options;
  options.settings.set_max_payload(contract::kPayloadBytesLimit);
  return options;
}

TEST(Rfc6455Group9, AMessageMayHaveSixteenMebibytes) {
  TestGateway gateway(LargePayloads());
  gateway.Settle();
  std::vector<WireCase> cases;
  for (const size_t bytes :
       {64 * kKib, 256 * kKib, kMib, 4 * kMib, 8 * kMib, 16 * kMib}) {
    cases.push_back({absl::StrCat("9.1, ", bytes),
                     {ClientFrame(kText, PingText(bytes))},
                     {kPongMessage}});
  }
  // Binary messages are refused before they are whole.
  cases.push_back(
      {"9.2", {ClientFrame(kBinary, std::string(kMib, '*'))}, {"close 1003"}});
  ExpectAnswers(gateway, cases);
}

TEST(Rfc6455Group9, ALargeMessageMayHaveFragmentsOfAnySize) {
  TestGateway gateway(LargePayloads());
  gateway.Settle();
  std::vector<WireCase> cases;
  for (const size_t bytes :
       {64 * size_t{1}, 256 * size_t{1}, kKib, 4 * kKib, 16 * kKib, 64 * kKib,
        256 * kKib, kMib, 4 * kMib}) {
    cases.push_back({absl::StrCat("9.3, in fragments of ", bytes),
                     Fragments(kText, PingText(4 * kMib), bytes),
                     {kPongMessage}});
  }
  ExpectAnswers(gateway, cases);
}

TEST(Rfc6455Group9, ALargeMessageMayComeInPieces) {
  TestGateway gateway(LargePayloads());
  gateway.Settle();
  const std::string frame = ClientFrame(kText, PingText(kMib));
  for (const size_t bytes : {64, 128, 256, 512, 1024, 2048}) {
    RawSocket socket(gateway.address());
    ASSERT_NE(Connect(socket), "");
    for (size_t at = 0; at < frame.size(); at += bytes) {
      ASSERT_TRUE(socket.Send(frame.substr(at, bytes)));
    }
    const auto answer = socket.ReadFrame();
    ASSERT_TRUE(answer.has_value()) << "9.5, in pieces of " << bytes;
    EXPECT_EQ(answer->payload, R"({"type":"pong"})");
  }
}

TEST(Rfc6455Group9, ManyMessagesHaveManyAnswers) {
  const TestGateway gateway;
  constexpr int kMessages = 1000;
  for (const size_t bytes : {15, 16, 64, 256, 1024, 4096}) {
    RawSocket socket(gateway.address());
    ASSERT_NE(Connect(socket), "");
    const std::string frame = ClientFrame(kText, PingText(bytes));
    for (int i = 0; i < kMessages; ++i) {
      ASSERT_TRUE(socket.Send(frame));
      const auto answer = socket.ReadFrame();
      ASSERT_TRUE(answer.has_value()) << "9.7, of " << bytes;
      ASSERT_EQ(answer->payload, R"({"type":"pong"})");
    }
  }
}

TEST(Rfc6455Group9, AMessageBeyondTheLimitEndsTheConnection) {
  const TestGateway gateway;
  // Of the default payload, and of the rest of its message.
  constexpr size_t kBytes = 65'536 + contract::kClientMessageExtraBytes;
  ExpectAnswers(
      gateway,
      {{"the largest", {ClientFrame(kText, PingText(kBytes))}, {kPongMessage}},
       {"in fragments",
        Fragments(kText, PingText(kBytes), 1000),
        {kPongMessage}},
       {"too large", {ClientFrame(kText, PingText(kBytes + 1))}, {kTooLarge}},
       {"too large in fragments",
        Fragments(kText, PingText(kBytes + 1), 1000),
        {kTooLarge}},
       {"only its head",
        {ClientFrame(kText, PingText(kBytes + 1)).substr(0, 14)},
        {kTooLarge}}});
}

TEST(Rfc6455Groups12And13, CompressionIsDeclinedHoweverItIsOffered) {
  const TestGateway gateway;
  for (const std::string offer :
       {"permessage-deflate", "permessage-deflate; client_no_context_takeover",
        "permessage-deflate; server_no_context_takeover",
        "permessage-deflate; client_max_window_bits",
        "permessage-deflate; client_max_window_bits=9; "
        "server_max_window_bits=9",
        "permessage-deflate; server_no_context_takeover; "
        "client_max_window_bits, permessage-deflate",
        "permessage-deflate; nonsense=\"1\"", "x-webkit-deflate-frame"}) {
    RawSocket socket(gateway.address());
    socket.AskToUpgrade(
        absl::StrCat("Sec-WebSocket-Extensions: ", offer, "\r\n"));
    socket.Send(ClientFrame(kText, PingText()) +
                FrameWith(4, kText, "compressed"));
    const std::string all = socket.ReadToEnd();
    EXPECT_TRUE(absl::StartsWith(all, "HTTP/1.1 101 ")) << offer;
    EXPECT_FALSE(absl::StrContains(all, "Sec-WebSocket-Extensions")) << offer;
    EXPECT_TRUE(absl::StrContains(all, R"({"type":"pong"})")) << offer;
    // RSV1 belongs to the extension that was not agreed.
    EXPECT_TRUE(absl::EndsWith(all, "\x88\x02\x03\xEA")) << offer;
  }
}

}  // namespace
}  // namespace herald::gateway
