// SPDX-License-Identifier: Apache-2.0
//
// Messages that begin and do not end: their time, the memory of all together,
// and the sockets that are closed for it.

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/gateway/net/test_gateway.h"
#include "tests/support/deadline.h"
#include "tests/support/raw_socket.h"

namespace herald::gateway {
namespace {

using testing_support::ClientFrame;
using testing_support::Clock;
using testing_support::kContinuation;
using testing_support::kPing;
using testing_support::kPong;
using testing_support::kText;
using testing_support::Milliseconds;
using testing_support::RawSocket;
using testing_support::WaitUntil;

using RawSockets = std::vector<std::unique_ptr<RawSocket>>;

constexpr char kBytes[] = "herald_gateway_unfinished_bytes";
constexpr char kClosed[] = "herald_gateway_closed_connections_total";
const std::string kMessage = ClientFrame(kText, R"({"type":"ping"})");
constexpr char kPongText[] = R"({"type":"pong"})";

// With the second for 64 KiB, a message has a bit more than one.
TestGatewayOptions Quick() { return {.message_time = absl::Milliseconds(200)}; }

void ExpectConnected(RawSocket& socket) {
  ASSERT_EQ(socket.Upgrade(), 101);
  ASSERT_TRUE(socket.ReadFrame().has_value());
}

TEST(AMessageThatDoesNotEnd, CostsItsSocketInSpiteOfPongs) {
  const std::vector<std::string> beginnings = {
      kMessage.substr(0, 1), kMessage.substr(0, 10),
      ClientFrame(kText, "", /*is_final=*/false),
      ClientFrame(kText, "{", /*is_final=*/false) + ClientFrame(kPing, ""),
      ClientFrame(kPing, "half").substr(0, 3)};
  for (size_t i = 0; i < beginnings.size(); ++i) {
    TestGateway gateway(Quick());
    RawSocket socket(gateway.address());
    ExpectConnected(socket);
    const Clock::time_point began = Clock::now();
    socket.Send(beginnings[i]);
    // Between two frames a pong may come; within one nothing else may.
    if (i == 2 || i == 3) {
      for (int pongs = 0; pongs < 5; ++pongs) {
        socket.Send(ClientFrame(kPong, ""));
      }
    }
    EXPECT_EQ(socket.ReadUntilClose(), 4004) << i;
    EXPECT_GE(Clock::now() - began, Milliseconds(1000)) << i;
    EXPECT_TRUE(gateway.WaitForMetric(kClosed, 1, {{"reason", "unfinished"}}));
    EXPECT_TRUE(gateway.WaitForMetric(kBytes, 0));
    EXPECT_TRUE(socket.WaitForEnd());
  }
}

TEST(AMessageThatDoesNotEnd, IsNoneIfItEndsInTime) {
  TestGateway gateway({.message_time = absl::Milliseconds(1500)});
  RawSocket socket(gateway.address());
  ExpectConnected(socket);
  const Clock::time_point end = Clock::now() + Milliseconds(4000);
  int answers = 0;
  // Each piece has the end of one message and the beginning of the next.
  socket.Send(kMessage.substr(0, 5));
  while (Clock::now() < end) {
    socket.Send(kMessage.substr(5) + kMessage.substr(0, 5));
    const auto frame = socket.ReadFrame();
    ASSERT_TRUE(frame.has_value());
    ASSERT_EQ(frame->payload, kPongText) << "after " << answers;
    ++answers;
    std::this_thread::sleep_for(Milliseconds(100));
  }
  EXPECT_GT(answers, 3);
}

TEST(AMessageThatDoesNotEnd, LeavesTheIdleSocketsAlone) {
  TestGateway gateway(Quick());
  RawSocket idle(gateway.address());
  ExpectConnected(idle);
  RawSocket fragments(gateway.address());
  ExpectConnected(fragments);
  // One that begins with nothing, and ends.
  fragments.Send(ClientFrame(kText, "", false) +
                 ClientFrame(kContinuation, R"({"type":"ping"})"));
  EXPECT_EQ(fragments.ReadFrame()->payload, kPongText);
  RawSocket hostile(gateway.address());
  ExpectConnected(hostile);
  hostile.Send(kMessage.substr(0, 5));
  EXPECT_EQ(hostile.ReadUntilClose(), 4004);
  for (RawSocket* const socket : {&idle, &fragments}) {
    socket->Send(kMessage);
    EXPECT_EQ(socket->ReadFrame()->payload, kPongText);
  }
}

// The beginning of a message, and a frame that floods behind it.
struct Flood {
  std::string beginning;
  std::string frame;
  std::string end;  // Of the message.
};

std::vector<Flood> Floods() {
  const std::string beginning = ClientFrame(kText, "{", /*is_final=*/false);
  const std::string end = ClientFrame(kContinuation, R"("type":"ping"})");
  return {
      {beginning, ClientFrame(kPong, ""), end},
      {beginning, ClientFrame(kPing, ""), end},
      {beginning, ClientFrame(kContinuation, "", /*is_final=*/false), end},
      {beginning, ClientFrame(kContinuation, " ", /*is_final=*/false), end},
      // Between two messages; a read seldom ends with a frame.
      {"", ClientFrame(kPong, "x"), kMessage},
  };
}

std::string Repeat(const std::string& frame, int count) {
  std::string all;
  for (int i = 0; i < count; ++i) all += frame;
  return all;
}

// Its deadline goes on, so a pause that it has not caused would close it.
TEST(AMessageThatDoesNotEnd, IsReadToItsEndWhileItsSocketIsNotRead) {
  TestGatewayOptions options = Quick();
  options.client_rates.answer_bytes = {/*per_second=*/1, /*burst=*/1};
  TestGateway gateway(options);
  gateway.Settle();
  RawSocket socket(gateway.address());
  ExpectConnected(socket);
  socket.Send(ClientFrame(kText, R"({"type":"subscribe","channel":"news"})") +
              ClientFrame(kText, "{", /*is_final=*/false));
  const int64_t ticket = gateway.WaitForSubscribe("news").ticket();
  ASSERT_TRUE(WaitUntil([&] { return gateway.Metric(kBytes) > 0; }));
  link::v1::ServiceItem yes;
  yes.mutable_subscribed()->set_ticket(ticket);
  gateway.Send(std::move(yes));
  ASSERT_TRUE(socket.ReadFrame().has_value());  // subscribed
  EXPECT_EQ(gateway.Metric("herald_gateway_rate_limited_total",
                           {{"limit", "answers"}}),
            1);
  socket.Send(ClientFrame(kContinuation, " ", /*is_final=*/false) +
              ClientFrame(kContinuation, R"("type":"ping"})"));
  const auto answer = socket.ReadFrame();
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->payload, kPongText);
  // The pause lasts longer than a message may, and there is none.
  EXPECT_FALSE(socket.ReadFrame(Milliseconds(1500)).has_value());
  EXPECT_EQ(gateway.Metric("herald_gateway_connections"), 1);
}

TEST(AFloodOfFrames, IsReadAtTheRateOfMessagesAndOthersAtOnce) {
  constexpr int kFrames = 600;
  // Of 50 at once. The last read brings up to 256 of the smallest.
  const ClientRates rates(/*message_rate=*/300, /*whisper_rate=*/0,
                          /*subscriptions_max=*/25);
  const auto at_least = Milliseconds(1000 * (kFrames - 50 - 256) / 300 - 100);
  TestGateway gateway({.client_rates = rates});
  const auto ask = [](RawSocket& socket) {
    const Clock::time_point asked = Clock::now();
    socket.Send(kMessage);
    const auto answer = socket.ReadFrame();
    EXPECT_EQ(answer ? answer->payload : "", kPongText);
    return Clock::now() - asked;
  };
  RawSocket polite(gateway.address());
  ExpectConnected(polite);
  RawSockets hostile;
  const Clock::time_point began = Clock::now();
  for (const Flood& flood : Floods()) {
    hostile.push_back(std::make_unique<RawSocket>(gateway.address()));
    ExpectConnected(*hostile.back());
    hostile.back()->Send(flood.beginning + Repeat(flood.frame, kFrames) +
                         flood.end);
  }
  for (int i = 0; i < 20; ++i) EXPECT_LT(ask(polite), at_least);
  for (const auto& socket : hostile) {
    auto frame = socket->ReadFrame();
    while (frame.has_value() && frame->opcode == kPong) {
      frame = socket->ReadFrame();
    }
    ASSERT_TRUE(frame.has_value());
    EXPECT_EQ(frame->payload, kPongText) << "its message is read";
    EXPECT_GE(Clock::now() - began, at_least);
  }
  EXPECT_GE(gateway.Metric("herald_gateway_rate_limited_total",
                           {{"limit", "messages"}}),
            Floods().size());
}

TEST(AFloodOfFrames, DoesNotProlongItsMessage) {
  TestGatewayOptions options = Quick();
  // A token in a second: the pause lasts longer than the message may.
  options.client_rates = ClientRates(1, 0, 1);
  TestGateway gateway(options);
  RawSockets hostile;
  const Clock::time_point began = Clock::now();
  for (const Flood& flood : Floods()) {
    if (flood.beginning.empty()) continue;
    hostile.push_back(std::make_unique<RawSocket>(gateway.address()));
    ExpectConnected(*hostile.back());
    hostile.back()->Send(flood.beginning + Repeat(flood.frame, 1000));
  }
  for (const auto& socket : hostile) {
    EXPECT_EQ(socket->ReadUntilClose(), 4004);
    EXPECT_GE(Clock::now() - began, Milliseconds(1000));
    EXPECT_TRUE(socket->WaitForEnd());
  }
  EXPECT_TRUE(gateway.WaitForMetric(kBytes, 0));
}

TEST(UnfinishedMessages, HaveABoundAndTheSourceWithTheMostPays) {
  TestGateway gateway;
  gateway.Settle();
  const std::string large = ClientFrame(
      kText,
      absl::StrCat(R"({"type":"ping","x":")", std::string(60'000, 'x'), "\"}"));
  RawSocket polite(gateway.address(), "127.0.0.3");
  ExpectConnected(polite);
  polite.Send(large.substr(0, 50'000));
  RawSockets hostile;
  for (int i = 0; i < 500; ++i) {
    hostile.push_back(
        std::make_unique<RawSocket>(gateway.address(), "127.0.0.2"));
    ExpectConnected(*hostile.back());
    hostile.back()->Send(large.substr(0, 59'000));
  }
  EXPECT_TRUE(WaitUntil([&] {
    return gateway.Metric(kClosed, {{"reason", "overloaded"}}) > 200;
  }));
  EXPECT_LE(gateway.Metric(kBytes), 16 << 20);
  // Some of what was sent may not be read yet.
  EXPECT_TRUE(WaitUntil([&] { return gateway.Metric(kBytes) > 8 << 20; }));
  EXPECT_EQ(hostile.front()->ReadUntilClose(), 1013);
  polite.Send(large.substr(50'000));
  const auto answer = polite.ReadFrame();
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->payload, kPongText);
  // Nothing of those that have left is counted any more.
  hostile.clear();
  EXPECT_TRUE(gateway.WaitForMetric(kBytes, 0));
  EXPECT_TRUE(gateway.WaitForMetric("herald_gateway_connections", 1));
}

TEST(UnfinishedMessages, TakeTheirReadersAlongHoweverSmallTheyAre) {
  TestGateway gateway;
  RawSocket socket(gateway.address());
  ExpectConnected(socket);
  socket.Send(kMessage.substr(0, 1));
  EXPECT_TRUE(WaitUntil([&] { return gateway.Metric(kBytes) > 3000; }));
  socket.Send(kMessage.substr(1));
  EXPECT_TRUE(gateway.WaitForMetric(kBytes, 0));
}

// A pong that the client does not take keeps Beast from being left alone.
TEST(UnfinishedMessages, MayBeOfASocketThatIsNotRead) {
  TestGateway gateway(Quick());
  RawSocket socket(gateway.address());
  ExpectConnected(socket);
  std::string pings;
  for (int i = 0; i < 100; ++i) {
    pings += ClientFrame(kPing, std::string(125, 'x'));
  }
  socket.Send(ClientFrame(kText, "{", /*is_final=*/false));
  const Clock::time_point end = Clock::now() + Milliseconds(1500);
  while (Clock::now() < end && socket.Send(pings)) {
    if (gateway.Metric("herald_gateway_connections") == 0) break;
  }
  EXPECT_TRUE(gateway.WaitForMetric("herald_gateway_connections", 0));
}

}  // namespace
}  // namespace herald::gateway
