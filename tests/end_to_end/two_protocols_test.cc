// SPDX-License-Identifier: Apache-2.0
//
// Clients of two protocols on the same channels, at real gateways that have
// both: Herald's own on /ws, and lines (line_dialect.h) on /lines.

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/herald_world.h"
#include "tests/support/rules_file.h"
#include "tests/support/scripted_authorizer.h"

namespace herald::end_to_end {
namespace {

using ::testing::HasSubstr;
using testing_support::HeraldWorld;
using testing_support::HeraldWorldOptions;
using testing_support::RulesFile;
using testing_support::ScriptedAuthorizer;
using testing_support::Sign;
using testing_support::WebSocketClient;

constexpr char kLines[] = "/lines";

HeraldWorldOptions WithTwoProtocols(HeraldWorldOptions options = {}) {
  options.gateway_program = HERALD_TWO_PROTOCOL_GATEWAY;
  return options;
}

// A client of lines. OpenOther() has not waited for a first frame of Herald's.
WebSocketClient& OpenLines(HeraldWorld& world, size_t gateway = 0) {
  WebSocketClient& client = world.OpenOther(gateway, {.path = kLines});
  EXPECT_THAT(client.Next().text(), HasSubstr("welcome "));
  return client;
}

WebSocketClient& Joined(HeraldWorld& world, const std::string& channel,
                        size_t gateway = 0, const std::string& auth = "") {
  WebSocketClient& client = OpenLines(world, gateway);
  client.Send(absl::StrCat("join ", channel, " ", auth));
  EXPECT_EQ(client.Next().text(), "joined " + channel);
  EXPECT_EQ(client.Next().text(), "go " + channel);
  return client;
}

TEST(TwoProtocols, HaveOneChannel) {
  HeraldWorld world(WithTwoProtocols());
  WebSocketClient& ada = Joined(world, "news", 0);
  WebSocketClient& bob = Joined(world, "news", 1);
  WebSocketClient& carl = world.Open(0);
  carl.Subscribe("news");
  world.backend().Broadcast("news", "created", R"({"id": 1})");
  EXPECT_EQ(ada.Next().text(), R"(news: "{\"id\": 1}")");
  EXPECT_EQ(bob.Next().text(), R"(news: "{\"id\": 1}")");
  EXPECT_EQ(carl.Next().text(),
            R"({"type":"event","event":"created","channel":"news",)"
            R"("data":{"id": 1}})");
  ada.Send("leave news");
  ada.Send("hello");
  EXPECT_EQ(ada.Next().text(), "hello") << "an unsubscribe is not answered";
}

TEST(TwoProtocols, HaveALargeChannelToo) {
  constexpr int kEach = 300;
  HeraldWorld world(WithTwoProtocols(
      {.gateway_flags = {"--gateway_threads=1", "--max_connect_rate=0"}}));
  std::vector<WebSocketClient*> lines, natives;
  for (int i = 0; i < kEach; ++i) {
    lines.push_back(&Joined(world, "news"));
    natives.push_back(&world.Open(0));
    natives.back()->Subscribe("news");
  }
  for (int i = 1; i <= 3; ++i) {
    world.backend().Broadcast("news", "e", absl::StrCat(i));
  }
  for (int i = 1; i <= 3; ++i) {
    for (WebSocketClient* const one : lines) {
      EXPECT_EQ(one->Next().text(), absl::StrCat("news: \"", i, "\""));
    }
    for (WebSocketClient* const one : natives) {
      EXPECT_THAT(one->Next().text(), HasSubstr(absl::StrCat("\"data\":", i)));
    }
  }
}

TEST(TwoProtocols, HaveHistoryAndPresenceWhereTheyHaveThem) {
  const RulesFile rules(R"({"pattern": "*", "historySize": 10})");
  ScriptedAuthorizer authorizer;
  HeraldWorld world(WithTwoProtocols(
      {.service_flags = {rules.flag(),
                         "--authorizer=" + authorizer.address()}}));
  world.backend().Broadcast("presence-room", "e", "1");
  WebSocketClient& ada = world.Open(0);
  EXPECT_TRUE(ada.Subscribe("presence-room", "user:ada").Has("offset"));
  WebSocketClient& bob = Joined(world, "presence-room", 0, "user:bob");
  EXPECT_EQ(ada.Next().type(), "member_added");
  world.backend().Broadcast("presence-room", "e", "2");
  EXPECT_EQ(bob.Next().text(), R"(presence-room: "2")") << "no members before";
  EXPECT_THAT(ada.Next().text(), HasSubstr(R"("offset":2)"));
  WebSocketClient& late = world.Open(1);
  late.Send(R"({"type":"subscribe","channel":"presence-room",)"
            R"("auth":"user:cyd","recover":{"offset":0}})");
  EXPECT_EQ(late.Next().Members().size(), 3u);
  EXPECT_THAT(late.Next().text(), HasSubstr(R"("data":2)"));
}

TEST(TwoProtocols, WhisperToEachOther) {
  ScriptedAuthorizer authorizer;
  HeraldWorld world(WithTwoProtocols(
      {.service_flags = {"--authorizer=" + authorizer.address()}}));
  WebSocketClient& ada = Joined(world, "private-x", 0, "user:ada");
  WebSocketClient& bob = Joined(world, "private-x", 1, "user:bob");
  WebSocketClient& carl = world.Open(0);
  carl.Subscribe("private-x", "user:carl");
  ada.Send("whisper private-x 1");
  EXPECT_EQ(bob.Next().text(), R"(private-x: "1")");
  EXPECT_THAT(carl.Next().text(), HasSubstr(R"("whisper":true)"));
  carl.Whisper("private-x", "typing", "2");
  EXPECT_EQ(ada.Next().text(), R"(private-x: "2")");
  EXPECT_EQ(bob.Next().text(), R"(private-x: "2")");
}

TEST(TwoProtocols, MaySignInWithASignature) {
  HeraldWorld world(WithTwoProtocols({.service_flags = {"--secret=sesame"}}));
  WebSocketClient& client = world.OpenOther(0, {.path = kLines});
  const std::string welcome = client.Next().text();
  const std::string id = welcome.substr(std::string("welcome ").size());
  const std::string data = R"({"id":"ada"})";
  client.Send(absl::StrCat("login wrong ", data));
  EXPECT_EQ(client.Next().text(), "nobody unauthorized");
  client.Send(absl::StrCat(
      "login ", Sign("sesame", absl::StrCat(id, "::user::", data)), " ", data));
  EXPECT_EQ(client.Next().text(), "user " + data);
  const std::string other = R"({"id":"bob"})";
  client.Send(absl::StrCat("login ",
                           Sign("sesame", absl::StrCat(id, "::user::", other)),
                           " ", other));
  EXPECT_EQ(client.Next().text(), "nobody unauthorized") << "ada stays";
}

TEST(TwoProtocols, RefuseAndEndEachInItsOwnWay) {
  HeraldWorld world(WithTwoProtocols(
      {.gateway_flags = {"--allowed_origins=https://a.example"}}));
  WebSocketClient& refused = world.OpenOther(0, {.path = "/lines?key=x"});
  EXPECT_EQ(refused.Next().text(), "not here");
  EXPECT_EQ(refused.WaitForClose(), 4900);
  EXPECT_EQ(refused.close_reason(), "refused");
  WebSocketClient& foreign = world.OpenOther(
      0, {.path = kLines, .headers = {{"Origin", "https://b.example"}}});
  EXPECT_EQ(foreign.Next().text(), "not here");
  EXPECT_EQ(foreign.WaitForClose(), 4900);
  EXPECT_EQ(
      world.OpenRefused(0, {.headers = {{"Origin", "https://b.example"}}}),
      403);

  WebSocketClient& ada = Joined(world, "news");
  WebSocketClient& bob = world.Open(0);
  ada.SendBinary("x");
  EXPECT_EQ(ada.Next().text(), "bye");
  EXPECT_EQ(ada.WaitForClose(), 4999);
  bob.SendBinary("x");
  EXPECT_EQ(bob.WaitForClose(), 1003);
}

}  // namespace
}  // namespace herald::end_to_end
