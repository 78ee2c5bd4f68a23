// SPDX-License-Identifier: Apache-2.0
//
// Groups 1 to 5 and 10: framing, pings and pongs, reserved bits, opcodes,
// fragmentation.

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/gateway/net/conformance/wire_case.h"

namespace herald::gateway {
namespace {

using testing_support::ClientFrame;
using testing_support::kBinary;
using testing_support::kContinuation;
using testing_support::kPing;
using testing_support::kPong;
using testing_support::kText;
using testing_support::Opcode;

constexpr char kProtocolError[] = "close 1002";
constexpr char kUnsupported[] = "close 1003";

std::string Message() { return ClientFrame(kText, PingText()); }

// The message in two fragments.
std::string First() {
  return ClientFrame(kText, PingText().substr(0, 8), false);
}
std::string Last() { return ClientFrame(kContinuation, PingText().substr(8)); }

constexpr Chops kAllChops[] = {Chops::kNone, Chops::kFrames, Chops::kBytes};

TEST(Rfc6455Group1, AMessageOfAnyLengthIsRead) {
  const TestGateway gateway;
  std::vector<WireCase> cases = {
      {"1.1.1", {ClientFrame(kText, "")}, {kErrorMessage}},
      {"1.1.8, in bytes",
       {ClientFrame(kText, PingText(1000))},
       {kPongMessage},
       Chops::kBytes},
      {"1.2.1", {ClientFrame(kBinary, "")}, {kUnsupported}}};
  for (const size_t bytes : {125, 126, 127, 128, 65535, 65536}) {
    cases.push_back({absl::StrCat("1.1, ", bytes),
                     {ClientFrame(kText, PingText(bytes))},
                     {kPongMessage}});
    cases.push_back({absl::StrCat("1.2, ", bytes),
                     {ClientFrame(kBinary, PingText(bytes))},
                     {kUnsupported}});
  }
  ExpectAnswers(gateway, cases);
}

TEST(Rfc6455Group2, APingIsAnsweredAndAPongIsNot) {
  const TestGateway gateway;
  const std::string binary("\x00\xFF\xFE\xFD\xFC\xFB\x00\xFF", 8);
  const std::string longest(125, '\xFE');
  std::vector<std::string> pings;
  std::vector<std::string> pongs;
  for (int i = 0; i < 10; ++i) {
    pings.push_back(ClientFrame(kPing, absl::StrCat("payload-", i)));
    pongs.push_back(PongOf(absl::StrCat("payload-", i)));
  }
  ExpectAnswers(
      gateway,
      {{"2.1", {ClientFrame(kPing, "")}, {PongOf("")}},
       {"2.2",
        {ClientFrame(kPing, "Hello, world!")},
        {PongOf("Hello, world!")}},
       {"2.3", {ClientFrame(kPing, binary)}, {PongOf(binary)}},
       {"2.4", {ClientFrame(kPing, longest)}, {PongOf(longest)}},
       {"2.5", {ClientFrame(kPing, longest + "\xFE")}, {kProtocolError}},
       {"2.6", {ClientFrame(kPing, longest)}, {PongOf(longest)}, Chops::kBytes},
       {"2.7", {ClientFrame(kPong, "")}, {}},
       {"2.8", {ClientFrame(kPong, "unsolicited pong payload")}, {}},
       {"2.9",
        {ClientFrame(kPong, "unsolicited"), ClientFrame(kPing, "ping payload")},
        {PongOf("ping payload")}},
       {"2.10", pings, pongs},
       {"2.11", pings, pongs, Chops::kBytes}});
}

TEST(Rfc6455Group3, AReservedBitEndsTheConnection) {
  const TestGateway gateway;
  const auto text = [](int reserved) {
    return FrameWith(reserved, kText, PingText());
  };
  const std::vector<std::string> then_error = {kPongMessage, kProtocolError};
  const std::string ping = ClientFrame(kPing, "");
  std::vector<WireCase> cases = {
      {"3.1", {text(1)}, {kProtocolError}},
      {"3.2", {Message(), text(2), ping}, then_error},
      {"3.3", {Message(), text(3), ping}, then_error, Chops::kFrames},
      {"3.4", {Message(), text(4), ping}, then_error, Chops::kBytes},
      {"3.5", {FrameWith(5, kBinary, "*\xFF*")}, {kProtocolError}},
      {"3.6", {FrameWith(6, kPing, "Hello, world!")}, {kProtocolError}},
      {"3.7", {FrameWith(7, testing_support::kClose, "")}, {kProtocolError}}};
  for (int reserved = 1; reserved < 8; ++reserved) {
    cases.push_back({absl::StrCat("any opcode, ", reserved),
                     {First(), FrameWith(reserved, kContinuation, "x")},
                     {kProtocolError}});
  }
  ExpectAnswers(gateway, cases);
}

TEST(Rfc6455Group4, AReservedOpcodeEndsTheConnection) {
  const TestGateway gateway;
  std::vector<WireCase> cases;
  for (const int opcode : {3, 4, 5, 6, 7, 11, 12, 13, 14, 15}) {
    for (const char* const payload : {"", "reserved opcode payload"}) {
      const std::string reserved = FrameWith(0, opcode, payload);
      cases.push_back({absl::StrCat("4, opcode ", opcode, payload),
                       {reserved},
                       {kProtocolError}});
      for (const Chops chops : kAllChops) {
        cases.push_back({absl::StrCat("4, behind a message, opcode ", opcode),
                         {Message(), reserved, ClientFrame(kPing, "")},
                         {kPongMessage, kProtocolError},
                         chops});
      }
    }
  }
  ExpectAnswers(gateway, cases);
}

TEST(Rfc6455Group5, AMessageMayHaveFragmentsInTheirOrder) {
  const TestGateway gateway;
  const std::string ping = ClientFrame(kPing, "ping payload");
  const std::string pong = PongOf("ping payload");
  std::vector<WireCase> cases = {
      {"5.1",
       {ClientFrame(kPing, "frag", false), ClientFrame(kContinuation, "ment")},
       {kProtocolError}},
      {"5.2",
       {ClientFrame(kPong, "frag", false), ClientFrame(kContinuation, "ment")},
       {kProtocolError}},
      {"5.18", {First(), ClientFrame(kText, "fragment2")}, {kProtocolError}}};
  const std::string stray = ClientFrame(kContinuation, "x");
  const std::string open_stray = ClientFrame(kContinuation, "x", false);
  for (const Chops chops : kAllChops) {
    const std::vector<WireCase> chopped = {
        {"5.3 to 5.5", {First(), Last()}, {kPongMessage}, chops},
        {"5.6 to 5.8", {First(), ping, Last()}, {pong, kPongMessage}, chops},
        {"5.9 to 5.11", {stray, Message()}, {kProtocolError}, chops},
        {"5.12 to 5.14", {open_stray, Message()}, {kProtocolError}, chops},
        {"5.15",
         {First(), Last(), open_stray, Message()},
         {kPongMessage, kProtocolError},
         chops},
        {"5.16", {open_stray, First(), Last()}, {kProtocolError}, chops},
        {"5.17", {stray, First(), Last()}, {kProtocolError}, chops}};
    cases.insert(cases.end(), chopped.begin(), chopped.end());
  }
  ExpectAnswers(gateway, cases);
}

// 5.19 and 5.20.
TEST(Rfc6455Group5, APingBetweenFragmentsIsAnsweredAtOnce) {
  const TestGateway gateway;
  testing_support::RawSocket socket(gateway.address());
  ASSERT_NE(Connect(socket), "");
  const std::string message = PingText();
  for (size_t i = 0; i < message.size(); ++i) {
    socket.Send(ClientFrame(i == 0 ? kText : kContinuation,
                            message.substr(i, 1), i + 1 == message.size()));
    if (i % 5 != 1) continue;
    socket.Send(ClientFrame(kPing, absl::StrCat("pongme ", i)));
    const auto pong = socket.ReadFrame();
    ASSERT_TRUE(pong.has_value());
    EXPECT_EQ(pong->opcode, kPong);
    EXPECT_EQ(pong->payload, absl::StrCat("pongme ", i));
  }
  const auto answer = socket.ReadFrame();
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->payload, R"({"type":"pong"})");
}

TEST(Rfc6455Group10, AMessageInEqualFragmentsIsRead) {
  const TestGateway gateway;
  std::vector<WireCase> cases;
  for (const size_t bytes : {1300, 1, 125, 126, 65535, 65536}) {
    const size_t size = bytes == 1 ? 2000 : 65536;
    cases.push_back({absl::StrCat("10.1.1, in fragments of ", bytes),
                     Fragments(kText, PingText(size), bytes),
                     {kPongMessage}});
  }
  ExpectAnswers(gateway, cases);
}

// RFC 6455 section 5.1.
TEST(Rfc6455Masking, AFrameThatIsNotMaskedEndsTheConnection) {
  const TestGateway gateway;
  const auto unmasked = [](Opcode opcode, const std::string& payload) {
    std::string frame(1, static_cast<char>(0x80 | opcode));
    frame += static_cast<char>(payload.size());
    return frame + payload;
  };
  ExpectAnswers(
      gateway,
      {{"text", {unmasked(kText, PingText())}, {kProtocolError}},
       {"ping", {unmasked(kPing, "x")}, {kProtocolError}},
       {"close", {unmasked(testing_support::kClose, "")}, {kProtocolError}}});
}

// RFC 6455 section 5.2: the shortest form of a length is the only one.
TEST(Rfc6455Lengths, ALengthThatIsTooLongIsAProtocolError) {
  const TestGateway gateway;
  const std::string mask(4, '\0');
  const std::string of_2("\x81\xFE\x00\x03", 4);
  const std::string of_8("\x81\xFF\x00\x00\x00\x00\x00\x00\x00\x7E", 10);
  const std::string huge("\x81\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 10);
  ExpectAnswers(gateway, {{"3 in 2 bytes", {of_2 + mask}, {kProtocolError}},
                          {"126 in 8 bytes", {of_8 + mask}, {kProtocolError}},
                          {"2^64 - 1", {huge + mask}, {"close 1009"}}});
}

}  // namespace
}  // namespace herald::gateway
