// SPDX-License-Identifier: Apache-2.0
//
// An authorizer that breaks the rules of authorizer_service.proto: an answer
// that is not a clear yes is a no, and one bad answer costs no other question.

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/end_to_end/room.h"
#include "tests/support/herald_world.h"
#include "tests/support/scripted_authorizer.h"

namespace herald::end_to_end {
namespace {

using testing_support::Allow;
using testing_support::AllowUser;
using testing_support::AnswerByToken;
using testing_support::Broken;
using testing_support::Deny;
using testing_support::Expiring;
using testing_support::Frame;
using testing_support::HeraldWorld;
using testing_support::Milliseconds;
using testing_support::ScriptedAuthorizer;
using testing_support::WebSocketClient;
using v1::AuthorizeRequest;
using v1::AuthorizeResponse;

// The liar is asked by `ada`; `bob` was allowed before and must stay so.
class ALie : public ::testing::Test {
 protected:
  ALie() { EXPECT_EQ(bob_.Subscribe(kRoom, "user:bob").type(), "subscribed"); }

  ~ALie() override {
    authorizer_.Answer(AnswerByToken);
    EXPECT_EQ(ada_.Subscribe("private-after", "yes").type(), "subscribed");
    EXPECT_EQ(authorizer_.stream_count(), 1) << "the stream goes on";
    EXPECT_EQ(world_.backend().Members(kRoom), "bob (1)");
    world_.backend().Broadcast(kRoom, "e", "1");
    EXPECT_EQ(bob_.Next().type(), "event") << "and nothing came before";
  }

  void ExpectNo(const Frame& answer) {
    EXPECT_EQ(answer.type(), "subscription_error") << answer;
    EXPECT_EQ(answer.String("code"), "unauthorized") << answer;
    EXPECT_NE(answer.String("error"), "");
  }

  void AnswerWithMember(const std::string& user_id, const std::string& info) {
    authorizer_.Answer([=](const AuthorizeRequest& question) {
      return std::vector{AllowUser(question, user_id, info)};
    });
  }

  ScriptedAuthorizer authorizer_;
  HeraldWorld world_{
      {.service_flags = {"--authorizer=" + authorizer_.address()}}};
  WebSocketClient& ada_ = world_.Open(0);
  WebSocketClient& bob_ = world_.Open(1);
};

TEST_F(ALie, AboutAQuestionThatWasNeverAskedIsIgnored) {
  authorizer_.Answer([](const AuthorizeRequest& question) {
    AuthorizeResponse unknown = Allow(question);
    std::vector<AuthorizeResponse> answers;
    for (const int64_t id : {int64_t{0}, int64_t{-1}, int64_t{1} << 62,
                             question.request_id() + 1}) {
      unknown.mutable_decision()->set_request_id(id);
      answers.push_back(unknown);
    }
    answers.push_back(Deny(question, "the true answer"));
    return answers;
  });
  EXPECT_EQ(ada_.Subscribe("private-x").String("error"), "the true answer");
}

TEST_F(ALie, InASecondAnswerIsIgnored) {
  authorizer_.Answer([](const AuthorizeRequest& question) {
    return std::vector{Deny(question, "first"), Allow(question)};
  });
  EXPECT_EQ(ada_.Subscribe("private-x").String("error"), "first");
  authorizer_.Answer([](const AuthorizeRequest& question) {
    return std::vector{Allow(question), Deny(question, "second")};
  });
  EXPECT_EQ(ada_.Subscribe("private-y").type(), "subscribed");
  EXPECT_EQ(world_.backend().Broadcast("private-y", "e", "1"), 1);
  EXPECT_EQ(ada_.Next().type(), "event");
}

TEST_F(ALie, ThatNamesNothingIsIgnored) {
  authorizer_.Answer([](const AuthorizeRequest& question) {
    AuthorizeResponse nobody;
    nobody.mutable_revocation()->set_channel(
        kRoom);  // Without a user or a socket.
    return std::vector{AuthorizeResponse(), nobody, Allow(question)};
  });
  EXPECT_EQ(ada_.Subscribe("private-x").type(), "subscribed");
}

TEST_F(ALie, AboutTheMemberIsARefusalWithAReason) {
  AnswerWithMember("", "{}");
  ExpectNo(ada_.Subscribe(kRoom));
  ExpectNo(ada_.Subscribe("private-x"));
  AnswerWithMember(std::string(129, 'u'), "{}");
  ExpectNo(ada_.Subscribe(kRoom));
  AnswerWithMember("ada", "{not json");
  ExpectNo(ada_.Subscribe(kRoom));
  AnswerWithMember("ada", "[1,,2]");
  ExpectNo(ada_.Subscribe(kRoom));
  AnswerWithMember("ada", absl::StrCat("\"", std::string(16 << 10, 'x'), "\""));
  ExpectNo(ada_.Subscribe(kRoom));
}

TEST_F(ALie, OfTenMegabytesIsANoLikeAnyOther) {
  AnswerWithMember("ada", absl::StrCat("\"", std::string(10 << 20, 'x'), "\""));
  ExpectNo(ada_.Subscribe(kRoom));
}

TEST_F(ALie, ThatIsNotEvenAMessageCostsNoOtherQuestion) {
  authorizer_.Answer([](const AuthorizeRequest& question) {
    if (question.channel() == "private-a") {
      return std::vector{Deny(question, "\xff is not UTF-8")};
    }
    return std::vector{Broken()};
  });
  EXPECT_EQ(ada_.Subscribe("private-a").String("code"), "unavailable");
  EXPECT_EQ(ada_.Subscribe("private-b").String("code"), "unavailable");
  EXPECT_EQ(world_.ServiceMetrics().Sum("herald_authorizer_ignored_total",
                                        {{"reason", "malformed"}}),
            2);
}

TEST_F(ALie, AboutTheLifetimeIsANo) {
  for (const int64_t milliseconds : {0, -1000}) {
    authorizer_.Answer([=](const AuthorizeRequest& question) {
      return std::vector{Expiring(Allow(question), Milliseconds(milliseconds))};
    });
    ExpectNo(ada_.Subscribe("private-x"));
  }
}

TEST_F(ALie, WithAnEndlessReasonIsCut) {
  authorizer_.Answer([](const AuthorizeRequest& question) {
    return std::vector{Deny(question, std::string(100000, 'r'))};
  });
  EXPECT_EQ(ada_.Subscribe("private-x").String("error").size(), 1024u);
}

TEST(ALyingAuthorizer, ThatSendsTooLargeMessagesLosesItsStreamAndIsRedialled) {
  ScriptedAuthorizer authorizer;
  HeraldWorld world(
      {.gateways = 1,
       .service_flags = {"--authorizer=" + authorizer.address()}});
  WebSocketClient& ada = world.Open();
  authorizer.Answer([](const AuthorizeRequest& question) {
    return std::vector{
        AllowUser(question, "ada", std::string(17 << 20, ' ') + "{}")};
  });
  const Frame answer = ada.Subscribe(kRoom, "user:ada");
  EXPECT_EQ(answer.type(), "subscription_error") << answer;

  authorizer.Answer(AnswerByToken);
  world.WaitUntil(
      [&] { return ada.Subscribe(kRoom, "user:ada").type() == "subscribed"; });
}

TEST(AnAuthorizerThatNeverWas, MakesNothingFailOpen) {
  // An address on which no process listens.
  HeraldWorld world(
      {.gateways = 1, .service_flags = {"--authorizer=127.0.0.1:1"}});
  WebSocketClient& ada = world.Open();

  const Frame answer = ada.Subscribe("private-x", "yes");

  EXPECT_EQ(answer.type(), "subscription_error");
  EXPECT_EQ(answer.String("code"), "unavailable");
  EXPECT_EQ(ada.Subscribe("news").type(), "subscribed");
}

}  // namespace
}  // namespace herald::end_to_end
