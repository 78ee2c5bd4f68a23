// SPDX-License-Identifier: Apache-2.0
//
// The messages of a browser on one connection and their answers: each test is a
// paragraph of proto/WEBSOCKET.md. Two gateways wherever it must make no
// difference.

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/contract/names.h"
#include "tests/support/herald_world.h"
#include "tests/support/scripted_authorizer.h"

namespace herald::end_to_end {
namespace {

using testing_support::Frame;
using testing_support::HeraldWorld;
using testing_support::kPongText;
using testing_support::ScriptedAuthorizer;
using testing_support::WebSocketClient;

std::string EventOf(absl::string_view channel, absl::string_view event,
                    absl::string_view data) {
  return absl::StrCat(R"({"type":"event","event":")", event, R"(","channel":")",
                      channel, R"(","data":)", data, "}");
}

TEST(Connecting, NamesEachConnectionByDigitsDotDigits) {
  HeraldWorld world;
  WebSocketClient& ada = world.Open(0);
  WebSocketClient& bob = world.Open(0);
  WebSocketClient& eve = world.Open(1);

  std::vector<uint64_t> gateways;
  for (const WebSocketClient* client : {&ada, &bob, &eve}) {
    const auto id = contract::ParseSocketId(client->socket_id());
    ASSERT_TRUE(id.has_value()) << client->socket_id();
    gateways.push_back(id->gateway);
  }

  EXPECT_EQ(gateways[0], gateways[1]) << "the first part names the gateway";
  EXPECT_NE(gateways[0], gateways[2]);
  EXPECT_NE(ada.socket_id(), bob.socket_id());
}

TEST(Subscribing, ToAPublicChannelIsAnsweredAndTwiceChangesNothing) {
  HeraldWorld world;
  WebSocketClient& ada = world.Open();

  const char kSubscribed[] = R"({"type":"subscribed","channel":"news"})";
  EXPECT_EQ(ada.Subscribe("news"), kSubscribed);
  EXPECT_EQ(ada.Subscribe("news"), kSubscribed);

  EXPECT_EQ(world.backend().Broadcast("news", "created", R"({"id":1})"), 1);
  EXPECT_EQ(ada.Next(), EventOf("news", "created", R"({"id":1})"));
  EXPECT_EQ(ada.Ping(), kPongText) << "the event came once";
}

TEST(Subscribing, ToManyChannelsKeepsThemApart) {
  HeraldWorld world;
  WebSocketClient& ada = world.Open(0);
  WebSocketClient& bob = world.Open(1);
  for (const char* channel : {"a", "b", "c"}) ada.Subscribe(channel);
  bob.Subscribe("b");

  EXPECT_EQ(world.backend().Broadcast("c", "e", "3"), 1);
  EXPECT_EQ(world.backend().Broadcast("b", "e", "2"), 2);

  EXPECT_EQ(ada.Next(), EventOf("c", "e", "3"));
  EXPECT_EQ(ada.Next(), EventOf("b", "e", "2"));
  EXPECT_EQ(bob.Next(), EventOf("b", "e", "2"));
}

TEST(Unsubscribing, IsAnsweredAndNothingFollowsIt) {
  HeraldWorld world;
  WebSocketClient& ada = world.Open(0);
  WebSocketClient& bob = world.Open(0);
  ada.Subscribe("news");
  bob.Subscribe("news");

  EXPECT_EQ(ada.Unsubscribe("news"),
            R"({"type":"unsubscribed","channel":"news"})");
  world.WaitUntil(
      [&] { return world.backend().Broadcast("news", "e", "1") == 1; });

  EXPECT_EQ(bob.Next(), EventOf("news", "e", "1"));
  EXPECT_EQ(ada.Ping(), kPongText);
}

TEST(Unsubscribing, FromAChannelWithoutSubscriptionIsNoError) {
  HeraldWorld world({.gateways = 1});
  WebSocketClient& ada = world.Open();
  EXPECT_EQ(ada.Unsubscribe("news"),
            R"({"type":"unsubscribed","channel":"news"})");
}

TEST(Unsubscribing, AndSubscribingAgainListensAgain) {
  HeraldWorld world({.gateways = 1});
  WebSocketClient& ada = world.Open();
  // All in one go, so that the second subscribe may meet the first's remains.
  for (int i = 0; i < 20; ++i) {
    ada.AskToSubscribe("news");
    ada.Send(R"({"type":"unsubscribe","channel":"news"})");
  }
  ada.AskToSubscribe("news");
  ada.Send(R"({"type":"ping"})");
  // Every unsubscribe and the last subscribe have an answer; a subscribe
  // that was taken back at once need not have one. The pong comes before or
  // after it.
  int unsubscribed = 0;
  bool answered = false;
  std::string last;
  while (unsubscribed < 20 || last != "subscribed" || !answered) {
    const Frame frame = ada.Next();
    ASSERT_FALSE(frame.text().empty());
    if (frame.type() == "pong") {
      answered = true;
      continue;
    }
    last = frame.type();
    if (last == "unsubscribed") ++unsubscribed;
  }

  // The gateway sends `unsubscribed` by itself, before the service knows.
  v1::GetChannelRequest request;
  request.set_channel("news");
  EXPECT_TRUE(world.WaitUntil([&] {
    const auto result =
        world.backend().Call(&testing_support::Stub::GetChannel, request);
    return result.response.channel().subscriber_count() == 1;
  }));
  EXPECT_EQ(world.backend().Broadcast("news", "e", "1"), 1);
  EXPECT_EQ(ada.Next().type(), "event");
}

TEST(APing, IsAnsweredWithAPong) {
  HeraldWorld world({.gateways = 1});
  WebSocketClient& ada = world.Open();
  EXPECT_EQ(ada.Ping(), kPongText);
}

TEST(APrivateChannel, IsForUsersThatTheAuthorizerAllows) {
  ScriptedAuthorizer authorizer;
  HeraldWorld world(
      {.service_flags = {"--authorizer=" + authorizer.address()}});
  WebSocketClient& ada = world.Open(0);
  WebSocketClient& eve = world.Open(1);

  EXPECT_EQ(ada.Subscribe("private-x", "yes"),
            R"({"type":"subscribed","channel":"private-x"})");
  EXPECT_EQ(eve.Subscribe("private-x", "no"),
            R"({"type":"subscription_error","channel":"private-x",)"
            R"("error":"not yours","code":"unauthorized"})");
  EXPECT_EQ(eve.Subscribe("private-x").String("code"), "unauthorized");

  EXPECT_EQ(world.backend().Broadcast("private-x", "e", "1"), 1);
  EXPECT_EQ(ada.Next(), EventOf("private-x", "e", "1"));
  EXPECT_EQ(eve.Ping(), kPongText);
}

TEST(APrivateChannel, IsClosedWithoutAnAuthorizer) {
  HeraldWorld world({.gateways = 1});
  WebSocketClient& ada = world.Open();
  for (const char* channel : {"private-x", "presence-x"}) {
    const Frame answer = ada.Subscribe(channel, "yes");
    EXPECT_EQ(answer.type(), "subscription_error");
    EXPECT_EQ(answer.String("channel"), channel);
    EXPECT_EQ(answer.String("code"), "unauthorized");
    EXPECT_NE(answer.String("error"), "");
  }
}

TEST(APublicChannel, NeedsNoAuthorizer) {
  ScriptedAuthorizer authorizer;
  HeraldWorld world(
      {.gateways = 1,
       .service_flags = {"--authorizer=" + authorizer.address()}});
  WebSocketClient& ada = world.Open();

  EXPECT_EQ(ada.Subscribe("news", "no").type(), "subscribed");

  EXPECT_EQ(authorizer.question_count(), 0u);
}

TEST(AnInvalidChannelName, IsRefusedWithItsCodeAndTheConnectionStays) {
  HeraldWorld world({.gateways = 1});
  WebSocketClient& ada = world.Open();
  const std::vector<std::string> names = {
      "",       "with space",         "#server", "a/b", "a\\b\"c",
      "ümläut", std::string(165, 'x')};
  for (const std::string& name : names) {
    const Frame answer = ada.Subscribe(name);
    EXPECT_EQ(answer.type(), "subscription_error") << answer;
    EXPECT_EQ(answer.String("channel"), name);
    EXPECT_EQ(answer.String("code"), "invalid_channel");
    EXPECT_NE(answer.String("error"), "");
  }
  EXPECT_EQ(ada.Subscribe(std::string(164, 'x')).type(), "subscribed");
  EXPECT_EQ(ada.Subscribe("A-z_0=@,.;:9").type(), "subscribed");
}

TEST(AMessageThatIsNotUnderstood, GetsAnErrorAndTheConnectionStays) {
  HeraldWorld world({.gateways = 1});
  WebSocketClient& ada = world.Open();
  WebSocketClient& bob = world.Open();
  bob.Subscribe("news");
  const std::vector<std::string> messages = {
      "",
      "{",
      "nonsense",
      R"([1,,2])",
      R"({"type":"ping","a":nul})",
      R"({"type":"ping"} trailing)",
      R"(["subscribe","news"])",
      R"("ping")",
      "{}",
      R"({"type":"shout"})",
      R"({"type":7})",
      R"({"type":"subscribe"})",
      R"({"type":"subscribe","channel":7})",
      R"({"type":"unsubscribe"})",
      R"({"type":"whisper","channel":"news","event":"e"})",
      R"({"type":"whisper","channel":"news","data":1})",
      R"({"type":"whisper","event":"e","data":1})",
      std::string(5000, '['),
  };
  for (const std::string& message : messages) {
    ada.Send(message);
    const Frame answer = ada.Next();
    EXPECT_EQ(answer.type(), "error") << message << " got " << answer;
    EXPECT_NE(answer.String("message"), "") << message;
    EXPECT_EQ(answer.String("code"), "invalid_message") << message;
  }

  EXPECT_EQ(ada.Ping(), kPongText);
  EXPECT_EQ(world.backend().Broadcast("news", "e", "1"), 1);
  EXPECT_EQ(bob.Next(), EventOf("news", "e", "1"));
}

// By its channel a client knows which of its subscribes has failed.
TEST(ASubscribeThatIsNotUnderstood, IsRefusedAsASubscribe) {
  HeraldWorld world({.gateways = 1});
  WebSocketClient& ada = world.Open();
  const std::string deep = std::string(512, '[') + std::string(512, ']');
  const std::vector<std::string> fields = {
      R"("auth":7)",
      R"("auth":"\ud83d")",
      R"("channel_data":7)",
      R"("channel_data":"[]")",
      R"("channel_data":"")",
      R"("channel_data":"{\"user_id\":")",
      R"("channel_data":"\ud83d")",
      R"("channel_data":{"a":)" + deep + "}",
      R"("recover":7)",
      R"("recover":{"epoch":"e","offset":-1})",
  };
  for (const std::string& field : fields) {
    ada.Send(R"({"type":"subscribe",)" + field + R"(,"channel":"private-x"})");
    const Frame answer = ada.Next();
    EXPECT_EQ(answer.type(), "subscription_error") << field;
    EXPECT_EQ(answer.String("channel"), "private-x") << field;
    EXPECT_EQ(answer.String("code"), "invalid_message") << field;
    EXPECT_NE(answer.String("error"), "") << field;
  }
  EXPECT_EQ(ada.Ping(), kPongText);
}

TEST(AMessage, MayHaveUnknownFieldsAnyOrderAndAnySpacing) {
  HeraldWorld world({.gateways = 1});
  WebSocketClient& ada = world.Open();

  ada.Send(
      " { \"recovery\" : {\"epoch\":\"e\",\"offset\":1} ,\n"
      "\"channel\":\"n\\u0065ws\", \"more\":[{}],\t\"type\":\"subscribe\"}");
  EXPECT_EQ(ada.Next(), R"({"type":"subscribed","channel":"news"})");
}

TEST(ASubscription, EndsWithItsConnection) {
  HeraldWorld world;
  WebSocketClient& ada = world.Open(0);
  WebSocketClient& bob = world.Open(1);
  ada.Subscribe("news");
  bob.Subscribe("news");

  ada.Close();
  EXPECT_EQ(ada.WaitForClose(), 1000);

  world.WaitUntil(
      [&] { return world.backend().Broadcast("news", "e", "1") == 1; });
  bob.Drop();
  world.WaitUntil(
      [&] { return world.backend().Broadcast("news", "e", "1") == 0; });
}

TEST(AHeartbeat, IsSentInSilenceAndItsAnswerIsASignOfLife) {
  HeraldWorld world(
      {.gateways = 1,
       .service_flags = {"--heartbeat_interval=1", "--client_timeout=2"}});
  WebSocketClient& answers = world.Open();
  WebSocketClient& silent = world.Open();
  const auto begin = testing_support::Clock::now();
  silent.Subscribe("news");  // Its last sign of life.
  silent.StopReading();

  // The silent one is sent something all the time: that is no sign of life.
  world.WaitUntil(
      [&] { return world.backend().Broadcast("news", "e", "1") == 0; });
  silent.ResumeReading();
  EXPECT_EQ(silent.WaitForClose(), 4002);

  // A gateway reads its clock once a turn, so the silence may begin with the
  // turn before the sign of life, which a busy machine stretches.
  EXPECT_GE(testing_support::Clock::now() - begin,
            std::chrono::milliseconds(1'800));
  // The other one's pongs have kept it, for longer than the timeout.
  world.WaitUntil([&] {
    return testing_support::Clock::now() - begin > std::chrono::seconds(4);
  });
  EXPECT_TRUE(answers.open());
  EXPECT_EQ(answers.Ping(), kPongText);
}

}  // namespace
}  // namespace herald::end_to_end
