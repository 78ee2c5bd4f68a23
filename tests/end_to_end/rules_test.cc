// SPDX-License-Identifier: Apache-2.0
//
// Rules for some channels only: from a file, and changed while all processes
// run.

#include <signal.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/herald_world.h"
#include "tests/support/rules_file.h"
#include "tests/support/scripted_authorizer.h"

namespace herald::end_to_end {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing_support::Frame;
using testing_support::HeraldWorld;
using testing_support::MakeBroadcast;
using testing_support::RulesFile;
using testing_support::ScriptedAuthorizer;
using testing_support::Stub;
using testing_support::WebSocketClient;

// The error message of the refused `broadcast`.
std::string Refusal(HeraldWorld& world, const v1::BroadcastRequest& broadcast) {
  const auto result = world.backend().Call(&Stub::Broadcast, broadcast);
  EXPECT_EQ(result.status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  return result.status.error_message();
}

// A gateway has applied all earlier items of its link before it delivers an
// event of a backend.
void ExpectEvent(HeraldWorld& world, WebSocketClient& listener,
                 const std::string& channel) {
  world.backend().Broadcast(channel, "now", "1");
  EXPECT_EQ(listener.Next().String("event"), "now");
}

constexpr char kFirst[] = R"(
  {"pattern": "small.*", "maxSubscribers": 1},
  {"pattern": "*.short", "maxPayload": 5}
)";

TEST(Rules, HoldForTheChannelsTheyMatch) {
  const RulesFile file(kFirst);
  HeraldWorld world({.service_flags = {file.flag()}});
  WebSocketClient& ada = world.Open(0);
  WebSocketClient& bob = world.Open(1);
  EXPECT_EQ(ada.Subscribe("small.1").String("type"), "subscribed");
  const Frame full = bob.Subscribe("small.1");
  EXPECT_EQ(full.String("code"), "channel_full");
  EXPECT_THAT(full.String("error"), HasSubstr("small.*"));
  EXPECT_EQ(bob.Subscribe("small.2").String("type"), "subscribed");

  EXPECT_THAT(
      Refusal(world, MakeBroadcast({"small.1", "a.short"}, "e", "123456")),
      AllOf(HasSubstr("\"a.short\""), HasSubstr("at most 5"),
            HasSubstr("\"*.short\"")));
  // It reached no subscriber; a shorter one does.
  ExpectEvent(world, ada, "small.1");
  EXPECT_EQ(world.backend().Broadcast("a.short", "e", "12345"), 0);

  EXPECT_EQ(bob.Subscribe("b.short").String("type"), "subscribed");
  bob.Whisper("b.short", "typing", "123456");
  EXPECT_THAT(bob.Next().String("message"), HasSubstr("at most 5"));
}

TEST(Rules, LetAUserBeAwayForATime) {
  const RulesFile file(R"(
    {"pattern": "presence-*", "memberGrace": "3600s"}
  )");
  ScriptedAuthorizer authorizer;
  HeraldWorld world(
      {.service_flags = {file.flag(), "--authorizer=" + authorizer.address()}});
  WebSocketClient& ada = world.Open(0);
  WebSocketClient& bob = world.Open(1);
  ada.Subscribe("presence-room", "user:ada");
  bob.Subscribe("presence-room", "user:bob");
  EXPECT_EQ(ada.Next().type(), "member_added");
  bob.Drop();
  EXPECT_TRUE(world.WaitUntil([&] {
    return world.backend().Members("presence-room") == "ada (1), bob (0)";
  }));
  // On another gateway, with the same members as if nothing had been.
  WebSocketClient& again = world.Open(0);
  EXPECT_EQ(again.Subscribe("presence-room", "user:bob").Members().size(), 2u);
  EXPECT_EQ(world.backend().Members("presence-room"), "ada (1), bob (1)");
  ExpectEvent(world, ada, "presence-room");
}

TEST(Rules, HaveAPresenceChannelBeAsAPrivateOne) {
  const RulesFile file(R"(
    {"pattern": "presence-*", "presence": false}
  )");
  ScriptedAuthorizer authorizer;
  HeraldWorld world(
      {.service_flags = {file.flag(), "--authorizer=" + authorizer.address()}});
  WebSocketClient& ada = world.Open(0);
  WebSocketClient& bob = world.Open(1);
  for (WebSocketClient* client : {&ada, &bob}) {
    const Frame yes = client->Subscribe(
        "presence-room", client == &ada ? "user:ada" : "user:bob");
    EXPECT_EQ(yes.type(), "subscribed");
    EXPECT_THAT(yes.Members(), IsEmpty());
  }
  v1::GetMembersRequest request;
  request.set_channel("presence-room");
  EXPECT_EQ(
      world.backend().Call(&Stub::GetMembers, request).status.error_code(),
      grpc::StatusCode::FAILED_PRECONDITION);
  // No member was announced, and a whisper names none.
  ada.Whisper("presence-room", "e", "1");
  EXPECT_EQ(bob.Next(),
            R"({"type":"event","event":"e","channel":"presence-room",)"
            R"("data":1,"whisper":true})");
  ExpectEvent(world, ada, "presence-room");
}

// The number behind `what` in a text.
int64_t NumberAt(const std::string& text, const std::string& what) {
  const size_t at = text.find(what);
  EXPECT_NE(at, std::string::npos) << text;
  return std::strtoll(text.c_str() + at + what.size(), nullptr, 10);
}

// A listener that does not read gets the latest event, and notice of the loss
// if the channel has a history; beside `others`, which do not read either. From
// 129 subscribers of a loop on, a channel is written by its bulk writer.
void ExpectDropToLatest(bool history, int others) {
  // The system's buffers are large.
  constexpr auto kFilled = 4 * testing_support::kPatience;
  const RulesFile file(absl::StrCat(
      R"({"pattern": "ticks", )", history ? R"("historySize": 10000, )" : "",
      R"("slowConsumer": "SLOW_CONSUMER_DROP_TO_LATEST"})"));
  HeraldWorld world(
      {.gateways = 1,
       .service_flags = {file.flag()},
       .gateway_flags = {"--max_queue=300000", "--gateway_threads=1"}});
  WebSocketClient& slow = world.Open(0, {.receive_buffer = 4096});
  slow.Subscribe("ticks");
  slow.StopReading();
  for (int i = 0; i < others; ++i) {
    WebSocketClient& other = world.Open(0, {.receive_buffer = 4096});
    other.Subscribe("ticks");
    other.StopReading();
  }
  const std::string padding(20'000, 'x');
  const auto dropped = [&] {
    return world.GatewayMetrics(0).Sum("herald_gateway_dropped_events_total");
  };
  // Until the system's buffers, however large, and the queue are full.
  int64_t last = 0;
  EXPECT_TRUE(world.WaitUntil(
      [&] {
        for (int i = 0; i < 20; ++i) {
          world.backend().Broadcast(
              "ticks", "e", absl::StrCat("\"", ++last, " ", padding, "\""));
        }
        return dropped() > 0;
      },
      kFilled));

  slow.ResumeReading();
  // Each number is the next one, or the loss of those before it is announced.
  int64_t at = 0;
  int losses = 0;
  while (at < last) {
    const Frame frame = slow.Next();
    if (frame.type() == "subscribed") {
      EXPECT_THAT(frame.text(), HasSubstr(R"("recovered":false)"));
      at = NumberAt(frame.text(), R"("offset":)");
      ++losses;
      continue;
    }
    ASSERT_EQ(frame.type(), "event") << frame.text();
    const int64_t number = NumberAt(frame.text(), R"("data":")");
    if (history) {
      EXPECT_EQ(number, at + 1);
    }
    EXPECT_GT(number, at);
    if (number > at + 1) ++losses;
    at = number;
  }
  EXPECT_GT(losses, 0);
  EXPECT_EQ(slow.Ping().type(), "pong");
  EXPECT_EQ(world.GatewayMetrics(0).Sum("herald_gateway_slow_consumers_total"),
            0);
}

TEST(Rules, LetASlowListenerHaveTheLatest) { ExpectDropToLatest(false, 0); }
TEST(Rules, NotifyASlowListenerOfLostHistory) { ExpectDropToLatest(true, 0); }
TEST(Rules, LetTheSlowListenersOfALargeChannelHaveTheLatest) {
  ExpectDropToLatest(false, 150);
}
TEST(Rules, NotifySlowListenersOfALargeChannelOfLostHistory) {
  ExpectDropToLatest(true, 150);
}

TEST(Rules, ChangeOnSighupForAllSubscribers) {
  RulesFile file(kFirst);
  HeraldWorld world({.service_flags = {file.flag()}});
  WebSocketClient& ada = world.Open(0);
  WebSocketClient& bob = world.Open(1);
  for (WebSocketClient* client : {&ada, &bob}) client->Subscribe("chat.1");
  ada.Whisper("chat.1", "typing", "1");
  EXPECT_EQ(bob.Next().String("event"), "typing");

  file.Write(R"(
    {"pattern": "chat.*", "clientEvents": false, "maxPayload": 3}
  )");
  world.service().Signal(SIGHUP);
  world.service().WaitForLine("rules in force");
  EXPECT_THAT(Refusal(world, MakeBroadcast({"chat.1"}, "e", "1234")),
              HasSubstr("\"chat.*\""));
  world.backend().Broadcast("chat.1", "now", "1");
  for (WebSocketClient* client : {&ada, &bob}) {
    EXPECT_EQ(client->Next().String("event"), "now");
    client->Whisper("chat.1", "typing", "1");
    EXPECT_THAT(client->Next().String("message"),
                HasSubstr("client events are off"));
  }
  // The old ones are gone.
  EXPECT_EQ(ada.Subscribe("small.1").String("type"), "subscribed");
  EXPECT_EQ(bob.Subscribe("small.1").String("type"), "subscribed");

  // A file with a mistake changes nothing, not even by its correct rules.
  file.Write(
      "\n{\"pattern\": \"chat.*\"},\n"
      "{\"pattern\": \"small.*\", \"maxSubscriber\": 1}");
  world.service().Signal(SIGHUP);
  EXPECT_THAT(
      world.service().WaitForLine("rules refused"),
      AllOf(HasSubstr(file.path() + ":3: "), HasSubstr("maxSubscriber")));
  EXPECT_THAT(Refusal(world, MakeBroadcast({"chat.1"}, "e", "1234")),
              HasSubstr("\"chat.*\""));
  ExpectEvent(world, ada, "chat.1");
  ada.Whisper("chat.1", "typing", "1");
  EXPECT_THAT(ada.Next().String("message"), HasSubstr("client events are off"));

  const auto metrics = world.ServiceMetrics();
  constexpr char kReloads[] = "herald_service_config_reloads_total";
  EXPECT_EQ(metrics.Sum(kReloads, {{"result", "ok"}}), 1);
  EXPECT_EQ(metrics.Sum(kReloads, {{"result", "refused"}}), 1);

  // A gateway that attaches later receives the current rules.
  world.AddGateway();
  world.WaitUntilReady();
  WebSocketClient& eve = world.Open(2);
  eve.Subscribe("chat.2");
  eve.Whisper("chat.2", "typing", "1");
  EXPECT_THAT(eve.Next().String("message"), HasSubstr("client events are off"));
}

}  // namespace
}  // namespace herald::end_to_end
