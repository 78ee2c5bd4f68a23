// SPDX-License-Identifier: Apache-2.0
//
// The questions of an authorizer, how long its yes holds, and revocations; and
// signatures, which need no authorizer.

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/herald_world.h"
#include "tests/support/scripted_authorizer.h"

namespace herald::end_to_end {
namespace {

using testing_support::Allow;
using testing_support::AnswerByToken;
using testing_support::Clock;
using testing_support::Deny;
using testing_support::Expiring;
using testing_support::Frame;
using testing_support::HeraldWorld;
using testing_support::JsonString;
using testing_support::kPongText;
using testing_support::Milliseconds;
using testing_support::RevokeSocket;
using testing_support::RevokeUser;
using testing_support::ScriptedAuthorizer;
using testing_support::Sign;
using testing_support::WebSocketClient;
using v1::AuthorizeRequest;

class AnAuthorizer : public ::testing::Test {
 protected:
  ScriptedAuthorizer authorizer_;
  HeraldWorld world_{
      {.service_flags = {"--authorizer=" + authorizer_.address()}}};
};

TEST_F(AnAuthorizer, GetsTheAddressAndHeadersOfTheConnection) {
  WebSocketClient& ada =
      world_.Open(1, {.headers = {{"Origin", "https://app.example"},
                                  {"Cookie", "session=1"},
                                  {"X-Forwarded-For", "203.0.113.7"},
                                  {"X-Twice", "one"},
                                  {"X-Twice", "two"}},
                      .source = "127.0.0.9"});

  ada.AskToSubscribe("private-x", "user:ada", R"({"k":[1, 2]})");
  EXPECT_EQ(ada.Next().type(), "subscribed");

  ASSERT_EQ(authorizer_.question_count(), 1u);
  const AuthorizeRequest question = authorizer_.questions()[0];
  EXPECT_EQ(question.socket_id(), ada.socket_id());
  EXPECT_EQ(question.channel(), "private-x");
  EXPECT_EQ(question.auth_token(), "user:ada");
  EXPECT_EQ(question.channel_data(), R"({"k":[1, 2]})");
  EXPECT_EQ(question.connection().remote_address(), "127.0.0.9");
  EXPECT_EQ(question.connection().origin(), "https://app.example");
  const auto& headers = question.connection().headers();
  ASSERT_TRUE(headers.contains("cookie"));
  EXPECT_EQ(headers.at("cookie"), "session=1");
  EXPECT_EQ(headers.at("x-forwarded-for"), "203.0.113.7");
  EXPECT_EQ(headers.at("x-twice"), "one, two");
  EXPECT_FALSE(headers.contains("origin"));
  for (const auto& [name, value] : headers) {
    EXPECT_FALSE(name.starts_with("sec-websocket-")) << name;
  }
}

TEST_F(AnAuthorizer, GetsChannelDataThatIsAStringAsTheTextInIt) {
  WebSocketClient& ada = world_.Open();
  ada.AskToSubscribe("private-x", "yes", JsonString(R"({"k": 1})"));
  EXPECT_EQ(ada.Next().type(), "subscribed");
  EXPECT_EQ(authorizer_.questions().at(0).channel_data(), R"({"k": 1})");
}

TEST_F(AnAuthorizer, MayAnswerInAnyOrder) {
  // Holds the first answer back until the second question has arrived.
  authorizer_.Answer([held = std::vector<v1::AuthorizeResponse>()](
                         const AuthorizeRequest& question) mutable {
    held.insert(held.begin(), Allow(question));
    return held.size() < 2 ? std::vector<v1::AuthorizeResponse>() : held;
  });
  WebSocketClient& ada = world_.Open(0);
  WebSocketClient& bob = world_.Open(1);
  ada.AskToSubscribe("private-a");
  world_.WaitUntil([&] { return authorizer_.question_count() == 1; });
  bob.AskToSubscribe("private-b");
  EXPECT_EQ(bob.Next(), R"({"type":"subscribed","channel":"private-b"})");
  EXPECT_EQ(ada.Next(), R"({"type":"subscribed","channel":"private-a"})");
}

TEST_F(AnAuthorizer, ThatIsSilentDeniesWithUnavailableAfterItsTimeout) {
  WebSocketClient& ada = world_.Open();
  const auto begin = Clock::now();

  const Frame answer = ada.Subscribe("private-x", "silence");

  EXPECT_EQ(answer.type(), "subscription_error");
  EXPECT_EQ(answer.String("code"), "unavailable");
  EXPECT_GE(Clock::now() - begin, Milliseconds(950));
  EXPECT_EQ(ada.Subscribe("private-x", "yes").type(), "subscribed");
}

// A tenth of it is long enough for a question and its answer.
constexpr Milliseconds kLifetime{3000 * testing_support::kSlowness};

TEST_F(AnAuthorizer, IsAskedAgainNearTheEndOfAGrantAndMayProlongIt) {
  authorizer_.Answer([](const AuthorizeRequest& question) {
    return std::vector{Expiring(Allow(question), kLifetime)};
  });
  WebSocketClient& ada = world_.Open();
  const auto begin = Clock::now();
  ada.Subscribe("private-x", "t");

  // The third question comes from nine tenths of the second grant on.
  ASSERT_TRUE(world_.WaitUntil(
      [&] { return authorizer_.question_count() >= 3; }, 3 * kLifetime));

  EXPECT_GE(Clock::now() - begin, kLifetime * 17 / 10);
  EXPECT_EQ(authorizer_.questions()[2].channel(), "private-x");
  EXPECT_EQ(authorizer_.questions()[2].auth_token(), "t");
  EXPECT_EQ(authorizer_.questions()[2].socket_id(), ada.socket_id());
  EXPECT_EQ(ada.Ping(), kPongText) << "and the client has received nothing";
  EXPECT_EQ(world_.backend().Broadcast("private-x", "e", "1"), 1);
}

TEST_F(AnAuthorizer, EndsAGrantOnTimeUnlessItIsRenewed) {
  authorizer_.Answer([](const AuthorizeRequest& question) {
    if (question.auth_token() == "silent" && question.request_id() > 2) {
      return std::vector<v1::AuthorizeResponse>();
    }
    if (question.auth_token() == "denied" && question.request_id() > 2) {
      return std::vector{Deny(question, "no longer")};
    }
    return std::vector{Expiring(Allow(question), kLifetime)};
  });
  WebSocketClient& silent = world_.Open(0);
  WebSocketClient& denied = world_.Open(1);
  const auto begin = Clock::now();
  EXPECT_EQ(silent.Subscribe("private-x", "silent").type(), "subscribed");
  EXPECT_EQ(denied.Subscribe("private-x", "denied").type(), "subscribed");

  const Frame to_denied = denied.Next();
  EXPECT_EQ(to_denied.type(), "unsubscribed");
  EXPECT_EQ(to_denied.String("reason"), "no longer");
  const Frame to_silent = silent.Next();
  EXPECT_EQ(to_silent.type(), "unsubscribed");
  EXPECT_NE(to_silent.String("reason"), "");

  EXPECT_GE(Clock::now() - begin, kLifetime * 8 / 10);
  world_.WaitUntil(
      [&] { return world_.backend().Broadcast("private-x", "e", "1") == 0; });
}

TEST_F(AnAuthorizer, RevokesAUsersChannelAtOnceOnAllGateways) {
  WebSocketClient& here = world_.Open(0);
  WebSocketClient& there = world_.Open(1);
  WebSocketClient& other = world_.Open(1);
  here.Subscribe("private-x", "user:ada");
  here.Subscribe("private-y", "user:ada");
  there.Subscribe("private-x", "user:ada");
  other.Subscribe("private-x", "user:bob");

  authorizer_.Send(RevokeUser("ada", "private-x", "fired"));

  const char kNotice[] =
      R"({"type":"unsubscribed","channel":"private-x","reason":"fired"})";
  EXPECT_EQ(here.Next(), kNotice);
  EXPECT_EQ(there.Next(), kNotice);
  world_.WaitUntil(
      [&] { return world_.backend().Broadcast("private-x", "e", "1") == 1; });
  EXPECT_EQ(other.Next().type(), "event");
  EXPECT_EQ(world_.backend().Broadcast("private-y", "e", "1"), 1);
  EXPECT_EQ(here.Next().String("channel"), "private-y");
}

TEST_F(AnAuthorizer, RevokesAllChannelsOfASocketButPublicOnes) {
  WebSocketClient& ada = world_.Open(0);
  WebSocketClient& bob = world_.Open(1);
  ada.Subscribe("news");
  ada.Subscribe("private-x", "yes");
  ada.Subscribe("presence-room", "user:ada");
  bob.Subscribe("presence-room", "user:bob");
  EXPECT_EQ(ada.Next().type(), "member_added");

  authorizer_.Send(RevokeSocket(ada.socket_id(), "", ""));

  std::vector<std::string> lost = {ada.Next().text(), ada.Next().text()};
  for (std::string& frame : lost) {
    EXPECT_EQ(Frame(frame).type(), "unsubscribed");
    frame = Frame(frame).String("channel");
  }
  EXPECT_THAT(lost,
              ::testing::UnorderedElementsAre("private-x", "presence-room"));
  EXPECT_EQ(bob.Next().type(), "member_removed");
  EXPECT_EQ(world_.backend().Broadcast("news", "e", "1"), 1);
  EXPECT_EQ(ada.Next().type(), "event");
}

TEST(AnAuthorizerThatIsAway, DeniesNewOnesLetsOldOnesLiveAndIsFoundAgain) {
  ScriptedAuthorizer authorizer;
  HeraldWorld world(
      {.service_flags = {"--authorizer=" + authorizer.address()}});
  WebSocketClient& ada = world.Open(0);
  WebSocketClient& bob = world.Open(1);
  ada.Subscribe("private-x", "yes");
  authorizer.Stop();

  const Frame refused = bob.Subscribe("private-x", "yes");
  EXPECT_EQ(refused.type(), "subscription_error");
  EXPECT_EQ(refused.String("code"), "unavailable");
  EXPECT_EQ(world.backend().Broadcast("private-x", "e", "1"), 1);
  EXPECT_EQ(ada.Next().type(), "event");

  authorizer.Start();
  world.WaitUntil(
      [&] { return bob.Subscribe("private-x", "yes").type() == "subscribed"; });
  EXPECT_EQ(world.backend().Broadcast("private-x", "e", "2"), 2);
}

TEST(AnAuthorizerThatIsAway, IsAskedOpenQuestionsAgainIfItIsBackInTime) {
  ScriptedAuthorizer authorizer;
  HeraldWorld world({.gateways = 1,
                     .service_flags = {"--authorizer=" + authorizer.address(),
                                       "--authorizer_timeout=9"}});
  WebSocketClient& ada = world.Open();
  authorizer.Answer([](const AuthorizeRequest&) {
    return std::vector<v1::AuthorizeResponse>();
  });
  ada.AskToSubscribe("private-x", "yes");
  world.WaitUntil([&] { return authorizer.question_count() == 1; });

  authorizer.Stop();
  authorizer.Answer(AnswerByToken);
  authorizer.Start();

  EXPECT_EQ(ada.Next(), R"({"type":"subscribed","channel":"private-x"})");
}

TEST(AnAuthorizerThatIsAway, DoesNotProlongAGrant) {
  ScriptedAuthorizer authorizer;
  HeraldWorld world(
      {.gateways = 1,
       .service_flags = {"--authorizer=" + authorizer.address()}});
  authorizer.Answer([](const AuthorizeRequest& question) {
    return std::vector{Expiring(Allow(question), Milliseconds(1000))};
  });
  WebSocketClient& ada = world.Open();
  const auto begin = Clock::now();
  EXPECT_EQ(ada.Subscribe("private-x", "t").type(), "subscribed");
  authorizer.Stop();

  EXPECT_EQ(ada.Next().type(), "unsubscribed");

  EXPECT_GE(Clock::now() - begin, Milliseconds(950));
  EXPECT_LT(Clock::now() - begin,
            Milliseconds(2500) * testing_support::kSlowness);
}

class ASignature : public ::testing::Test {
 protected:
  std::string PrivateBy(const WebSocketClient& client, const std::string& key) {
    return Sign(key, client.socket_id() + ":private-x");
  }
};

TEST_F(ASignature, IsEnoughForItsSocketAndChannel) {
  HeraldWorld world({.service_flags = {"--secret=very secret"}});
  WebSocketClient& ada = world.Open(0);
  WebSocketClient& bob = world.Open(1);
  const std::string data = R"({"user_id":"ada", "user_info":{ "name":"Ada"}})";

  EXPECT_EQ(ada.Subscribe("private-x", PrivateBy(ada, "very secret")),
            R"({"type":"subscribed","channel":"private-x"})");
  ada.AskToSubscribe("presence-room",
                     Sign("very secret", absl::StrCat(ada.socket_id(),
                                                      ":presence-room:", data)),
                     JsonString(data));
  EXPECT_EQ(ada.Next(),
            R"({"type":"subscribed","channel":"presence-room","members":)"
            R"([{"user_id":"ada","user_info":{ "name":"Ada"}}]})");

  // A signature is for one socket, one channel, one channel_data, one secret.
  const std::vector<std::string> bad = {
      PrivateBy(ada, "very secret"), PrivateBy(bob, "guess"),
      Sign("very secret", bob.socket_id() + ":private-y"), "",
      PrivateBy(bob, "very secret").substr(0, 63)};
  for (const std::string& auth : bad) {
    const Frame answer = bob.Subscribe("private-x", auth);
    EXPECT_EQ(answer.String("code"), "unauthorized") << answer;
  }
  bob.AskToSubscribe("presence-room",
                     Sign("very secret", absl::StrCat(bob.socket_id(),
                                                      ":presence-room:", data)),
                     JsonString(R"({"user_id":"eve"})"));
  EXPECT_EQ(bob.Next().String("code"), "unauthorized");
}

TEST_F(ASignature, OfPresenceNeedsAUserId) {
  HeraldWorld world({.gateways = 1, .service_flags = {"--secret=s"}});
  WebSocketClient& ada = world.Open();
  for (const char* data : {R"({})", R"({"user_id":""})", R"({"user_id":{}})",
                           R"({"user_id":"\ud83d"})", "[]", "nonsense", ""}) {
    ada.AskToSubscribe(
        "presence-room",
        Sign("s", absl::StrCat(ada.socket_id(), ":presence-room:", data)),
        JsonString(data));
    const Frame answer = ada.Next();
    EXPECT_EQ(answer.type(), "subscription_error") << data;
    EXPECT_EQ(answer.String("channel"), "presence-room") << data;
    EXPECT_EQ(answer.String("code"), "invalid_message") << data << answer;
  }
  EXPECT_EQ(world.backend().Members("presence-room"), "");
}

// Any name of a user that JSON can carry gets into a room.
TEST_F(ASignature, IsEnoughForAnyJsonOfTheRfc) {
  HeraldWorld world({.gateways = 1, .service_flags = {"--secret=s"}});
  WebSocketClient& ada = world.Open();
  const std::string info = R"({"name":"Zoë \ud83d","n":[1e400,-0]})";
  const std::string data = R"({"user_id":"zoe","user_info":)" + info + "}";
  ada.AskToSubscribe(
      "presence-room",
      Sign("s", absl::StrCat(ada.socket_id(), ":presence-room:", data)),
      JsonString(data));
  EXPECT_EQ(ada.Next(),
            R"({"type":"subscribed","channel":"presence-room","members":)"
            R"([{"user_id":"zoe","user_info":)" +
                info + "}]}");
}

TEST_F(ASignature, ThatIsBadIsATokenForTheAuthorizer) {
  ScriptedAuthorizer authorizer;
  HeraldWorld world(
      {.gateways = 1,
       .service_flags = {"--secret=s",
                         "--authorizer=" + authorizer.address()}});
  WebSocketClient& ada = world.Open();

  EXPECT_EQ(ada.Subscribe("private-x", PrivateBy(ada, "s")).type(),
            "subscribed");
  EXPECT_EQ(authorizer.question_count(), 0u);
  EXPECT_EQ(ada.Subscribe("private-y", "yes").type(), "subscribed");
  EXPECT_EQ(ada.Subscribe("private-z", PrivateBy(ada, "s")).String("code"),
            "unauthorized");
  EXPECT_EQ(authorizer.question_count(), 2u);
}

}  // namespace
}  // namespace herald::end_to_end
