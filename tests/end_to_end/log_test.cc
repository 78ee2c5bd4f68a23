// SPDX-License-Identifier: Apache-2.0
//
// The log lines about one socket at the level `debug`, and secrets that are
// never logged.

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/herald_world.h"

namespace herald::end_to_end {
namespace {

using ::testing::AnyOf;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing_support::HeraldWorld;
using testing_support::HeraldWorldOptions;
using testing_support::Process;
using testing_support::WebSocketClient;

constexpr char kData[] = R"({"secret_of":"ada"})";

HeraldWorldOptions WorldWith(const std::string& level) {
  const std::string flag = absl::StrCat("--log-level=", level);
  const std::string format = "--log-format=json";
  return {.gateways = 1,
          .service_flags = {flag, format},
          .gateway_flags = {flag, format, "--allowed-origins=https://a.example",
                            "--max-connections=2", "--max-queue=65536"}};
}

// A line of the log as JSON that holds all these.
void ExpectLine(Process* process, const std::vector<std::string>& parts) {
  const auto line = process->FindLine([&](const std::string& text) {
    for (const std::string& part : parts) {
      if (!absl::StrContains(text, part)) return false;
    }
    return absl::StrContains(text, R"("level":"debug")");
  });
  EXPECT_TRUE(line.has_value()) << ::testing::PrintToString(parts);
}

// One of `"message"`, with the socket.
void ExpectLine(Process* process, const std::string& message,
                const std::string& socket_id, std::vector<std::string> more) {
  more.push_back(absl::StrCat(R"("message":")", message, "\""));
  more.push_back(absl::StrCat(R"("socket_id":")", socket_id, "\""));
  ExpectLine(process, more);
}

// Everything that leaves a line, in this order.
struct Life {
  std::string ada;  // Socket ids.
  std::string bob;
};

Life Live(HeraldWorld* world) {
  WebSocketClient& ada = world->Open();
  WebSocketClient& bob = world->Open(0, {.receive_buffer = 4096});
  EXPECT_EQ(world->OpenRefused(), 503);
  EXPECT_EQ(
      world->OpenRefused(0, {.headers = {{"Origin", "https://b.example"}}}),
      403);
  for (WebSocketClient* client : {&ada, &bob}) {
    EXPECT_EQ(client->Subscribe("news").type(), "subscribed");
  }
  EXPECT_EQ(ada.Subscribe("private-x", "token-of-ada").type(),
            "subscription_error");
  ada.Whisper("news", "typing", kData);
  ada.Whisper("else", "typing", kData);
  EXPECT_EQ(ada.Next().String("code"), "not_subscribed");
  EXPECT_EQ(world->backend().Broadcast("news", "created", kData), 2);
  ada.Unsubscribe("news");
  return {ada.socket_id(), bob.socket_id()};
}

TEST(ALogAtDebug, FollowsASocket) {
  HeraldWorld world(WorldWith("debug"));
  const Life life = Live(&world);
  Process* const gateway = &world.gateway(0);
  Process* const service = &world.service();

  ExpectLine(gateway, "connected", life.ada,
             {R"("remote_address":"127.0.0.1")"});
  ExpectLine(gateway, {R"("message":"upgrade refused")", R"("why":"full")",
                       R"("remote_address":"127.0.0.1")"});
  ExpectLine(gateway, {R"("message":"upgrade refused")", R"("why":"origin")"});
  ExpectLine(gateway, "subscribed", life.ada, {R"("channel":"news")"});
  ExpectLine(gateway, "subscribe refused", life.ada,
             {R"("channel":"private-x")", R"("why":"unauthorized")"});
  ExpectLine(gateway, "whisper published", life.ada,
             {R"("channel":"news")", R"("bytes":19)"});
  ExpectLine(gateway, "message refused", life.ada,
             {R"("channel":"else")", R"("why":"not_subscribed")"});
  ExpectLine(gateway, "unsubscribed", life.ada, {R"("channel":"news")"});

  ExpectLine(service, "subscribe answered", life.bob,
             {R"("channel":"news")", R"("outcome":"allowed")"});
  ExpectLine(service, "subscribe answered", life.ada,
             {R"("channel":"private-x")", R"("outcome":"unauthorized")"});
  ExpectLine(service, "published", life.ada,
             {R"("event":"typing")", R"("subscribers":2)"});
  ExpectLine(service, {R"("message":"published")", R"("event":"created")",
                       R"("bytes":19)"});
}

TEST(ALogAtDebug, ShowsWhyASocketWasClosed) {
  HeraldWorld world(WorldWith("debug"));
  WebSocketClient& deaf = world.Open(0, {.receive_buffer = 4096});
  deaf.Subscribe("news");
  const std::string socket_id = deaf.socket_id();
  deaf.StopReading();
  const std::string data = absl::StrCat("\"", std::string(60'000, 'x'), "\"");
  Process* const gateway = &world.gateway(0);
  world.WaitUntil([&] {
    world.backend().Broadcast("news", "large", data);
    return world.GatewayMetrics(0).Sum("herald_gateway_slow_consumers_total") >
           0;
  });
  ExpectLine(gateway, "slow reader", socket_id, {});

  WebSocketClient& ada = world.Open();
  ada.SendBinary("x");
  EXPECT_EQ(ada.WaitForClose(), 1003);
  ExpectLine(gateway, "closed", ada.socket_id(), {R"("why":"binary")"});
}

TEST(ALog, HasNoPayloadAndNoToken) {
  HeraldWorld world(WorldWith("debug"));
  const Life life = Live(&world);
  ExpectLine(&world.gateway(0), "unsubscribed", life.ada, {});
  for (Process* process : {&world.gateway(0), &world.service()}) {
    EXPECT_THAT(
        process->StandardError(),
        Each(Not(AnyOf(HasSubstr("secret_of"), HasSubstr("token-of-ada")))));
  }
}

TEST(ALog, HasNoLineOfASocketUnlessItIsAtDebug) {
  HeraldWorld world(WorldWith("info"));
  const Life life = Live(&world);
  for (Process* process : {&world.gateway(0), &world.service()}) {
    process->Kill();
    process->WaitForEndOfOutput();
    EXPECT_THAT(process->StandardError(), Not(IsEmpty()));
    EXPECT_THAT(process->StandardError(), Each(Not(HasSubstr(life.ada))));
    EXPECT_THAT(process->StandardError(), Each(Not(HasSubstr("news"))));
  }
}

}  // namespace
}  // namespace herald::end_to_end
