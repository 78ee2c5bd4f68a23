// SPDX-License-Identifier: Apache-2.0
//
// The limits that an operator sets, and the behaviour at each.

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/support/herald_world.h"
#include "tests/support/scripted_authorizer.h"

namespace herald::end_to_end {
namespace {

using testing_support::Frame;
using testing_support::HeraldWorld;
using testing_support::kPatience;
using testing_support::ScriptedAuthorizer;
using testing_support::WebSocketClient;

TEST(MaxSubscribers, FillsAChannelOverAllGatewaysUntilOneLeaves) {
  HeraldWorld world({.service_flags = {"--max_subscribers=2"}});
  WebSocketClient& ada = world.Open(0);
  WebSocketClient& bob = world.Open(1);
  WebSocketClient& eve = world.Open(1);
  ada.Subscribe("news");
  bob.Subscribe("news");

  const Frame answer = eve.Subscribe("news");
  EXPECT_EQ(answer.type(), "subscription_error");
  EXPECT_EQ(answer.String("code"), "channel_full");
  EXPECT_EQ(bob.Subscribe("news").type(), "subscribed")
      << "a subscriber may ask again";
  EXPECT_EQ(eve.Subscribe("other").type(), "subscribed");

  ada.Drop();
  world.WaitUntil([&] { return eve.Subscribe("news").type() == "subscribed"; });
}

TEST(MaxChannels, BoundsTheChannelsOfAllUntilOneCloses) {
  HeraldWorld world({.service_flags = {"--max_channels=2"}});
  WebSocketClient& ada = world.Open(0);
  WebSocketClient& bob = world.Open(1);
  ada.Subscribe("a");
  ada.Subscribe("b");

  EXPECT_EQ(bob.Subscribe("a").type(), "subscribed");
  const Frame answer = bob.Subscribe("c");
  EXPECT_EQ(answer.type(), "subscription_error");
  EXPECT_EQ(answer.String("code"), "too_many_channels");
  EXPECT_EQ(world.backend().Broadcast("c", "e", "1"), 0)
      << "publishing makes no channel";

  ada.Unsubscribe("b");
  world.WaitUntil([&] { return bob.Subscribe("c").type() == "subscribed"; });
}

TEST(MaxSubscriptions, BoundsOneSocketAndNoOther) {
  HeraldWorld world(
      {.gateways = 1, .gateway_flags = {"--max_subscriptions=3"}});
  WebSocketClient& ada = world.Open();
  WebSocketClient& bob = world.Open();
  for (const char* channel : {"a", "b", "c"}) {
    EXPECT_EQ(ada.Subscribe(channel).type(), "subscribed");
  }

  const Frame answer = ada.Subscribe("d");
  EXPECT_EQ(answer.type(), "subscription_error");
  EXPECT_EQ(answer.String("channel"), "d");
  EXPECT_EQ(answer.String("code"), "too_many_channels");
  EXPECT_EQ(bob.Subscribe("d").type(), "subscribed");
  EXPECT_EQ(ada.Subscribe("a").type(), "subscribed");
  ada.Unsubscribe("a");
  EXPECT_EQ(ada.Subscribe("d").type(), "subscribed");
}

TEST(AThousandSubscriptions, AreTheDefaultForOneSocket) {
  HeraldWorld world({.gateways = 1});
  WebSocketClient& ada = world.Open();
  for (int i = 0; i < 1001; ++i) ada.AskToSubscribe(absl::StrCat("c", i));

  int refused = 0;
  for (int i = 0; i < 1001; ++i) {
    const Frame answer = ada.Next();
    if (answer.type() == "subscribed") continue;
    ++refused;
    EXPECT_EQ(answer.String("channel"), "c1000") << answer;
    EXPECT_EQ(answer.String("code"), "too_many_channels");
  }
  EXPECT_EQ(refused, 1);
  EXPECT_EQ(world.backend().Broadcast("c999", "e", "1"), 1);
}

TEST(AFloodOfSubscribes, PausesItsSocketAtAHundredOpenOnesAndNoOther) {
  constexpr int kFlood = 300;
  ScriptedAuthorizer authorizer;
  // A question with "later" is answered when one with "now" comes.
  std::vector<v1::AuthorizeResponse> held;
  authorizer.Answer([&held](const v1::AuthorizeRequest& question) {
    if (question.auth_token() == "later") {
      held.push_back(testing_support::Allow(question));
      return std::vector<v1::AuthorizeResponse>();
    }
    std::vector<v1::AuthorizeResponse> answers = std::exchange(held, {});
    answers.push_back(testing_support::Allow(question));
    return answers;
  });
  HeraldWorld world({.gateways = 1,
                     .service_flags = {"--authorizer=" + authorizer.address(),
                                       "--authorizer_timeout=60"}});
  WebSocketClient& flooder = world.Open();
  WebSocketClient& other = world.Open();
  other.Subscribe("news");
  for (int i = 0; i < kFlood; ++i) {
    flooder.AskToSubscribe(absl::StrCat("private-", i), "later");
  }
  world.WaitUntil([&] { return authorizer.question_count() == 100; });

  // Others go on: a round trip through the gateway, the service and the
  // authorizer, during which no further question of the flooder arrives.
  EXPECT_EQ(other.Ping().type(), "pong");
  EXPECT_EQ(world.backend().Broadcast("news", "e", "1"), 1);
  EXPECT_EQ(other.Next().type(), "event");
  EXPECT_EQ(authorizer.question_count(), 100u);
  EXPECT_EQ(flooder.waiting(), 0u);

  // Each answer lets one more in; no subscribe was lost.
  int subscribed = 0;
  int asked = 0;
  while (subscribed < kFlood) {
    other.Subscribe(absl::StrCat("private-now-", ++asked), "now");
    while (flooder.waiting() > 0) {
      EXPECT_EQ(flooder.Next().type(), "subscribed");
      ++subscribed;
    }
    ASSERT_LT(asked, 1000);
  }
  EXPECT_EQ(world.backend().Broadcast("private-299", "e", "1"), 1);
}

// Taking a subscribe back frees no place before the authorizer is done with it.
TEST(AFloodOfSubscribesAndUnsubscribes, AsksTheAuthorizerAHundredTimesAtOnce) {
  ScriptedAuthorizer authorizer;
  std::vector<v1::AuthorizeResponse> held;
  authorizer.Answer([&held](const v1::AuthorizeRequest& question) {
    if (question.auth_token() == "later") {
      held.push_back(testing_support::Allow(question));
      return std::vector<v1::AuthorizeResponse>();
    }
    std::vector<v1::AuthorizeResponse> answers = std::exchange(held, {});
    answers.push_back(testing_support::Allow(question));
    return answers;
  });
  HeraldWorld world({.gateways = 1,
                     .service_flags = {"--authorizer=" + authorizer.address(),
                                       "--authorizer_timeout=60"}});
  WebSocketClient& flooder = world.Open();
  WebSocketClient& other = world.Open();
  for (int i = 0; i < 150; ++i) {
    flooder.AskToSubscribe("private-x", "later");
    flooder.Send(R"({"type":"unsubscribe","channel":"private-x"})");
  }
  flooder.Send(R"({"type":"ping"})");
  world.WaitUntil([&] { return authorizer.question_count() == 100; });

  // A round trip of another client, during which no further question arrives.
  EXPECT_EQ(other.Ping().type(), "pong");
  EXPECT_EQ(authorizer.question_count(), 100u);

  // All are answered, and the flooder is read again.
  int asked = 0;
  Frame last;
  while (last.type() != "pong") {
    other.Subscribe(absl::StrCat("private-now-", ++asked), "now");
    while (flooder.waiting() > 0) last = flooder.Next();
    ASSERT_LT(asked, 1000);
  }
  EXPECT_EQ(world.backend().Broadcast("private-x", "e", "1"), 0);
}

TEST(MaxQueue, DoesNotCutAReaderForABurst) {
  HeraldWorld world({.gateways = 1, .gateway_flags = {"--max_queue=65536"}});
  WebSocketClient& ada = world.Open();
  ada.Subscribe("news");
  ada.Subscribe("sports");
  const std::string data = absl::StrCat("\"", std::string(40'000, 'x'), "\"");

  // Both events are in one frame of the link, and so in one turn.
  for (int i = 0; i < 20; ++i) {
    const auto sent = world.backend().Call(
        &testing_support::Stub::Broadcast,
        testing_support::MakeBroadcast({"news", "sports"}, "e", data));
    ASSERT_TRUE(sent.status.ok()) << sent.status.error_message();
    EXPECT_EQ(ada.Next().type(), "event");
    EXPECT_EQ(ada.Next().type(), "event");
  }
  EXPECT_TRUE(ada.open());
}

TEST(MaxQueue, BoundsTheLagOfAReader) {
  HeraldWorld world({.gateways = 1, .gateway_flags = {"--max_queue=65536"}});
  WebSocketClient& slow = world.Open(0, {.receive_buffer = 4096});
  WebSocketClient& quick = world.Open();
  slow.Subscribe("news");
  quick.Subscribe("news");
  slow.StopReading();
  const std::string data = absl::StrCat("\"", std::string(60'000, 'x'), "\"");

  // Until the system's buffers, however large, and the queue are full.
  const auto deadline = testing_support::Clock::now() + kPatience;
  while (world.backend().Broadcast("news", "e", data) == 2) {
    ASSERT_LT(testing_support::Clock::now(), deadline);
    ASSERT_EQ(quick.Next().type(), "event");
  }

  EXPECT_TRUE(quick.open());
  EXPECT_TRUE(world.WaitUntil([&] {
    return world.GatewayMetrics(0).Sum("herald_gateway_slow_consumers_total") ==
           1;
  }));
  slow.ResumeReading();
  EXPECT_EQ(slow.WaitForClose(), 4001);
}

}  // namespace
}  // namespace herald::end_to_end
