// SPDX-License-Identifier: Apache-2.0
//
// Client events: which sockets may send and receive them, and that none can
// pass for a backend's event.

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/herald_world.h"
#include "tests/support/scripted_authorizer.h"

namespace herald::end_to_end {
namespace {

using ::testing::HasSubstr;
using testing_support::Frame;
using testing_support::HeraldWorld;
using testing_support::kPongText;
using testing_support::ScriptedAuthorizer;
using testing_support::WebSocketClient;

TEST(AWhisper, IsReceivedByAllOthersOnTheChannelAndMarked) {
  HeraldWorld world;
  WebSocketClient& ada = world.Open(0);
  WebSocketClient& bob = world.Open(0);
  WebSocketClient& eve = world.Open(1);
  for (WebSocketClient* client : {&ada, &bob, &eve}) client->Subscribe("news");

  ada.Whisper("news", "typing", R"({ "on":true })");

  const char kEvent[] = R"({"type":"event","event":"typing","channel":"news",)"
                        R"("data":{ "on":true },"whisper":true})";
  EXPECT_EQ(bob.Next(), kEvent);
  EXPECT_EQ(eve.Next(), kEvent);
  // A broadcast takes the same way behind it: the sender was left out.
  world.backend().Broadcast("news", "e", "1");
  EXPECT_EQ(ada.Next().String("event"), "e");
}

TEST(AWhisper, MayHoldAnyJsonOfTheRfc) {
  HeraldWorld world({.gateways = 1});
  WebSocketClient& ada = world.Open();
  WebSocketClient& bob = world.Open();
  ada.Subscribe("news");
  bob.Subscribe("news");
  const std::string data[] = {R"({"text":"😀\ud83d"})", "1e400",
                              "[99999999999999999999 , -0]",
                              std::string(512, '[') + std::string(512, ']')};
  for (const std::string& one : data) {
    ada.Whisper("news", "e", one);
    EXPECT_EQ(bob.Next(),
              absl::StrCat(R"({"type":"event","event":"e","channel":"news",)",
                           R"("data":)", one, R"(,"whisper":true})"));
  }
  ada.Whisper("news", "e", std::string(513, '[') + std::string(513, ']'));
  const Frame answer = ada.Next();
  EXPECT_EQ(answer.type(), "error");
  EXPECT_EQ(answer.String("channel"), "news");
  EXPECT_EQ(answer.String("code"), "invalid_message");
  // Half of a pair is JSON, but no name.
  ada.Send(R"({"type":"whisper","channel":"news","event":"\ud83d","data":1})");
  EXPECT_EQ(ada.Next().String("code"), "invalid_event");
}

TEST(AWhisper, OnAPresenceChannelNamesTheUserOfTheSubscription) {
  ScriptedAuthorizer authorizer;
  HeraldWorld world(
      {.service_flags = {"--authorizer=" + authorizer.address()}});
  WebSocketClient& ada = world.Open(0);
  WebSocketClient& bob = world.Open(1);
  ada.Subscribe("presence-room", "user:ada");
  bob.Subscribe("presence-room", "user:bob");

  // Claims of the sender about itself are ignored.
  ada.Send(R"({"type":"whisper","channel":"presence-room","event":"e",)"
           R"("data":1,"user_id":"eve","whisper":false})");

  EXPECT_EQ(bob.Next(),
            R"({"type":"event","event":"e","channel":"presence-room",)"
            R"("data":1,"whisper":true,"user_id":"ada"})");
}

TEST(AWhisper, OnAPrivateChannelNamesNoUser) {
  ScriptedAuthorizer authorizer;
  HeraldWorld world(
      {.service_flags = {"--authorizer=" + authorizer.address()}});
  WebSocketClient& ada = world.Open(0);
  WebSocketClient& bob = world.Open(1);
  ada.Subscribe("private-x", "user:ada");
  bob.Subscribe("private-x", "user:bob");

  ada.Whisper("private-x", "e", "1");

  EXPECT_EQ(bob.Next(), R"({"type":"event","event":"e","channel":"private-x",)"
                        R"("data":1,"whisper":true})");
}

TEST(AWhisper, IsRefusedWithAnErrorWhereItBreaksARule) {
  HeraldWorld world({.gateways = 1});
  WebSocketClient& ada = world.Open();
  WebSocketClient& bob = world.Open();
  ada.Subscribe("news");
  bob.Subscribe("news");
  bob.Subscribe("other");
  const std::string large = absl::StrCat("\"", std::string(65536, 'x'), "\"");
  const std::vector<std::vector<std::string>> bad = {
      {"other", "e", "1", "not_subscribed"},
      {"bad name", "e", "1", "invalid_channel"},
      {"news", "", "1", "invalid_event"},
      {"news", "a\nb", "1", "invalid_event"},
      {"news", std::string(201, 'e'), "1", "invalid_event"},
      {"news", "e", large, "payload_too_large"},
  };
  for (const std::vector<std::string>& one : bad) {
    ada.Whisper(one[0], one[1], one[2]);
    const Frame answer = ada.Next();
    EXPECT_EQ(answer.type(), "error") << one[0] << ", " << one[1];
    EXPECT_EQ(answer.String("channel"), one[0]) << answer;
    EXPECT_EQ(answer.String("code"), one[3]) << answer;
  }

  world.backend().Broadcast("news", "e", "1");
  EXPECT_EQ(bob.Next().String("channel"), "news");
  EXPECT_EQ(bob.Ping(), kPongText);
}

TEST(AWhisper, NeedsClientEventsToBeAllowed) {
  HeraldWorld world(
      {.gateways = 1, .service_flags = {"--allow_client_events=false"}});
  WebSocketClient& ada = world.Open();
  WebSocketClient& bob = world.Open();
  ada.Subscribe("news");
  bob.Subscribe("news");

  ada.Whisper("news", "typing", "1");

  const Frame answer = ada.Next();
  EXPECT_EQ(answer.type(), "error");
  EXPECT_EQ(answer.String("channel"), "news");
  EXPECT_EQ(answer.String("code"), "not_allowed");
  EXPECT_THAT(answer.String("message"), HasSubstr("client events"));
  EXPECT_EQ(bob.Ping(), kPongText);
}

TEST(Whispers, KeepTheirOrder) {
  constexpr int kCount = 200;
  HeraldWorld world;
  WebSocketClient& ada = world.Open(0);
  WebSocketClient& bob = world.Open(1);
  ada.Subscribe("news");
  bob.Subscribe("news");

  for (int i = 0; i < kCount; ++i) ada.Whisper("news", "e", absl::StrCat(i));

  for (int i = 0; i < kCount; ++i) {
    ASSERT_EQ(bob.Next(),
              absl::StrCat(R"({"type":"event","event":"e","channel":"news",)",
                           R"("data":)", i, R"(,"whisper":true})"));
  }
}

}  // namespace
}  // namespace herald::end_to_end
