// SPDX-License-Identifier: Apache-2.0
//
// How the service treats each behaviour of a user's authorizer, good and bad.
// The authorizer is a real gRPC server that answers as each test scripts it.

#include "service/rpc/authorizer/authorizer_link.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "proto/contract/names.h"
#include "tests/service/rpc/authorizer/authorizer_link_world.h"

namespace herald::rpc {
namespace {

using testing_support::Allow;
using testing_support::AllowUser;
using testing_support::Broken;
using testing_support::Deny;
using testing_support::RevokeUser;

using AnAuthorizer = AuthorizerLinkWorld;

TEST_F(AnAuthorizer, IsAskedWithAllThatIsKnown) {
  Dial(kLong);
  EXPECT_TRUE(AskAndWait("private-a").decision.status.ok());

  const v1::AuthorizeRequest question = server_.questions().at(0);
  EXPECT_EQ(question.request_id(), 1);
  EXPECT_EQ(question.socket_id(), "1.2");
  EXPECT_EQ(question.channel(), "private-a");
  EXPECT_EQ(question.auth_token(), "yes");
  EXPECT_EQ(question.channel_data(), R"({"a":1})");
  EXPECT_EQ(question.connection().origin(), "https://example.com");
  EXPECT_EQ(question.connection().headers().at("cookie"), "id=7");
  EXPECT_TRUE(link_->connected());
  EXPECT_EQ(observer_["up"], 1);
  EXPECT_EQ(observer_["allowed"], 1);
  EXPECT_EQ(observer_["latency"], 1);
}

TEST_F(AnAuthorizer, AllowsWithAMemberAndForAWhile) {
  Dial(kLong);
  server_.Answer([](const v1::AuthorizeRequest& question) {
    return Responses{testing_support::Expiring(
        AllowUser(question, "ada", "{}"), testing_support::Milliseconds(1500))};
  });

  const core::Verdict decision = AskAndWait("presence-a").decision;

  ASSERT_TRUE(decision.status.ok());
  ASSERT_TRUE(decision.member.has_value());
  EXPECT_EQ(decision.member->user_id(), "ada");
  EXPECT_EQ(decision.expires_after, absl::Milliseconds(1500));
}

TEST_F(AnAuthorizer, DeniesAndItsReasonIsCutBetweenCharacters) {
  Dial(kLong);
  std::string reason(contract::kReasonBytesMax - 1, 'a');
  reason += "é";
  server_.Answer([reason](const v1::AuthorizeRequest& question) {
    return Responses{Deny(question, reason)};
  });

  const core::Verdict decision = AskAndWait("private-a").decision;

  EXPECT_TRUE(absl::IsPermissionDenied(decision.status));
  EXPECT_EQ(decision.status.message(), reason.substr(0, reason.size() - 2));
  EXPECT_EQ(observer_["denied"], 1);
}

TEST_F(AnAuthorizer, ThatIsSilentIsUnavailableAtTheDeadline) {
  Dial(kShort);

  const Result result = AskAndWait("private-a", "silence");

  EXPECT_TRUE(absl::IsUnavailable(result.decision.status));
  EXPECT_GE(result.after, kShort);
  EXPECT_LT(result.after, kSlowness * absl::Seconds(2));
  EXPECT_EQ(observer_["unavailable"], 1);
  EXPECT_EQ(observer_["latency"], 0);
}

TEST_F(AnAuthorizer, ThatIsAwayIsUnavailableAfterOneTimeout) {
  server_.Stop();
  Dial(kShort);

  const Result result = AskAndWait("private-a");

  EXPECT_TRUE(absl::IsUnavailable(result.decision.status));
  EXPECT_GE(result.after, kShort);
  EXPECT_LT(result.after, kSlowness * absl::Seconds(2));
  EXPECT_FALSE(link_->connected());
  EXPECT_EQ(observer_["down"], 1);  // However often it is dialled.
}

TEST_F(AnAuthorizer, ThatReturnsIsAskedAtOnce) {
  server_.Stop();
  Dial(kLong);
  Ask("private-a");
  server_.Start();

  EXPECT_TRUE(results_.Wait("private-a").decision.status.ok());
}

TEST_F(AnAuthorizer, IsAskedAgainUnderANewIdWhenItsStreamBreaks) {
  Dial(kLong);
  EXPECT_TRUE(AskAndWait("private-first").decision.status.ok());
  Ask("private-a", "silence");
  Ask("private-b", "silence");
  ASSERT_TRUE(WaitUntil([&] { return server_.question_count() == 3; }));
  server_.Stop();
  server_.Answer([](const v1::AuthorizeRequest& question) {
    return Responses{Allow(question)};
  });
  server_.Start();

  EXPECT_TRUE(results_.Wait("private-a").decision.status.ok());
  EXPECT_TRUE(results_.Wait("private-b").decision.status.ok());
  const auto questions = server_.questions();
  ASSERT_EQ(questions.size(), 5u);
  // Ids are of their stream; the last one comes first. The other one follows
  // on the same lane, or on a second lane if the first one's answer was read
  // before the end of its write was noticed.
  EXPECT_EQ(questions[3].channel(), "private-b");
  EXPECT_EQ(questions[3].request_id(), 1);
  EXPECT_EQ(questions[4].channel(), "private-a");
  EXPECT_GE(questions[4].request_id(), 1);
  EXPECT_LE(questions[4].request_id(), 2);
  EXPECT_EQ(observer_["up"], 2);
  EXPECT_EQ(observer_["down"], 1);
}

TEST_F(AnAuthorizer, DoesNotGetMoreTimeByBreakingItsStream) {
  const absl::Duration timeout = kSlowness * absl::Seconds(1);
  Dial(timeout);
  Ask("private-a", "silence");
  ASSERT_TRUE(WaitUntil([&] { return server_.question_count() == 1; }));
  server_.Stop();
  server_.Start();
  ASSERT_TRUE(WaitUntil(
      [&] { return server_.question_count() == 2 || results_.count() == 1; }));

  const Result result = results_.Wait("private-a");

  EXPECT_TRUE(absl::IsUnavailable(result.decision.status));
  EXPECT_GE(result.after, timeout);
  EXPECT_LT(result.after, 2 * timeout);
}

TEST_F(AnAuthorizer, WithAnswersToNoQuestionIsIgnoredAndCounted) {
  Dial(kLong);
  server_.Answer([](const v1::AuthorizeRequest& question) {
    v1::AuthorizeRequest other;
    other.set_request_id(question.request_id() + 1000);
    v1::AuthorizeRequest none;
    none.set_request_id(-1);
    return Responses{Allow(other), Allow(none), v1::AuthorizeResponse(),
                     Deny(question, "the first answer counts"),
                     Allow(question)};
  });

  const core::Verdict decision = AskAndWait("private-a").decision;

  EXPECT_EQ(decision.status.message(), "the first answer counts");
  EXPECT_TRUE(WaitUntil([&] { return observer_["unknown_request"] == 3; }));
  EXPECT_EQ(observer_["empty"], 1);
  EXPECT_EQ(results_.count(), 1u);
}

TEST_F(AnAuthorizer, WithAMalformedMessageKeepsItsStream) {
  Dial(kShort);
  server_.Answer([](const v1::AuthorizeRequest& question) {
    if (question.auth_token() == "yes") return Responses{Allow(question)};
    return Responses{Deny(question, "\xff"), Broken()};
  });
  Ask("private-a", "malformed");

  EXPECT_TRUE(AskAndWait("private-b").decision.status.ok());
  EXPECT_TRUE(absl::IsUnavailable(results_.Wait("private-a").decision.status));
  EXPECT_TRUE(AskAndWait("private-c").decision.status.ok());
  EXPECT_EQ(observer_["malformed"], 2);
  EXPECT_EQ(server_.stream_count(), 1);
}

TEST_F(AnAuthorizer, ThatAnswersTooLateChangesNothing) {
  Dial(kShort);
  AskAndWait("private-a", "silence");
  server_.Send(Allow(server_.questions().at(0)));

  EXPECT_TRUE(WaitUntil([&] { return observer_["late"] == 1; }));
  EXPECT_EQ(results_.count(), 1u);
}

TEST_F(AnAuthorizer, WithOneAbsurdAnswerDoesNotFailTheOthers) {
  Dial(kSlowness * absl::Seconds(2));
  server_.Answer([](const v1::AuthorizeRequest& question) {
    if (question.channel() != "private-evil") return Responses{Allow(question)};
    return Responses{AllowUser(question, "evil", std::string(17 << 20, 'x'))};
  });

  Ask("private-evil");
  EXPECT_TRUE(AskAndWait("private-good").decision.status.ok());
  EXPECT_TRUE(
      absl::IsUnavailable(results_.Wait("private-evil").decision.status));
  EXPECT_TRUE(AskAndWait("private-later").decision.status.ok());
}

TEST_F(AnAuthorizer, RevokesUnaskedIfASubjectIsNamed) {
  Dial(kLong);
  server_.Send(RevokeUser("ada", "private-a", "left the team"));
  server_.Send(v1::AuthorizeResponse());
  v1::AuthorizeResponse no_subject;
  no_subject.mutable_revocation()->set_channel("private-a");
  server_.Send(no_subject);

  EXPECT_TRUE(WaitUntil([&] { return observer_["invalid_revocation"] == 1; }));
  ASSERT_EQ(revocation_count(), 1u);
  EXPECT_EQ(revocations_[0].user_id(), "ada");
  EXPECT_EQ(revocations_[0].channel(), "private-a");
  EXPECT_EQ(revocations_[0].reason(), "left the team");
}

TEST_F(AnAuthorizer, HasNoMoreQuestionsInFlightThanItMay) {
  Dial({.target = "", .timeout = kLong, .in_flight_max = 3, .queue_max = 100});
  for (int i = 0; i < 10; ++i) Ask(absl::StrCat("private-", i), "silence");
  ASSERT_TRUE(WaitUntil([&] { return server_.question_count() == 3; }));

  // Each answer makes room for one.
  for (size_t i = 0; i < 7; ++i) {
    server_.Send(Allow(server_.questions().at(i)));
    ASSERT_TRUE(WaitUntil([&] { return server_.question_count() == 4 + i; }));
    EXPECT_TRUE(
        results_.Wait(absl::StrCat("private-", i)).decision.status.ok());
    EXPECT_EQ(results_.count(), i + 1);
  }
}

TEST_F(AnAuthorizer, WithAFullQueueIsUnavailableAtOnce) {
  Dial({.target = "", .timeout = kLong, .in_flight_max = 2, .queue_max = 5});
  for (int i = 0; i < 2; ++i) Ask(absl::StrCat("private-", i), "silence");
  ASSERT_TRUE(WaitUntil([&] { return server_.question_count() == 2; }));
  for (int i = 2; i < 7; ++i) Ask(absl::StrCat("private-", i), "silence");
  EXPECT_EQ(results_.count(), 0u);

  const Result result = AskAndWait("private-too-many");

  EXPECT_TRUE(absl::IsUnavailable(result.decision.status));
  EXPECT_LT(result.after, kLong / 2);
  EXPECT_EQ(results_.count(), 1u);
  EXPECT_EQ(observer_["queue_full"], 1);
}

TEST_F(AnAuthorizer, IsNotAskedMoreWhileItWorksOnALateQuestion) {
  const absl::Duration timeout = kSlowness * absl::Seconds(2);
  Dial({.target = "", .timeout = timeout, .in_flight_max = 1, .queue_max = 5});
  Ask("private-a", "silence");
  Ask("private-b");

  EXPECT_TRUE(absl::IsUnavailable(results_.Wait("private-a").decision.status));
  EXPECT_EQ(server_.question_count(), 1u);
  EXPECT_EQ(link_->questions().in_flight, 1);
  EXPECT_EQ(link_->questions().queued, 1);

  server_.Send(Allow(server_.questions().at(0)));
  EXPECT_TRUE(results_.Wait("private-b").decision.status.ok());
  EXPECT_EQ(observer_["late"], 1);
  EXPECT_EQ(link_->questions().in_flight, 0);
}

// 40 threads with lookups of 300 ms decide 320 questions in the timeout of
// 2.4 s, and a burst of 500 comes at once.
TEST_F(AnAuthorizer, HasNoMoreQuestionsInFlightThanItsThreadsDecideInTime) {
  server_.DecideOnThreads(40, kSlowness * testing_support::Milliseconds(300));
  Dial(kSlowness * absl::Milliseconds(2400));
  ASSERT_TRUE(WaitUntil([&] { return link_->connected(); }));
  for (int i = 0; i < 500; ++i) {
    Ask(absl::StrCat("private-", i), "yes", "", absl::StrCat("1.", i));
  }
  for (int i = 0; i < 500; ++i) {
    const Result result = results_.Wait(absl::StrCat("private-", i));
    EXPECT_TRUE(result.decision.status.ok()) << i << result.decision.status;
  }
}

TEST_F(AnAuthorizer, WithAQuestionThatNoMessageCanCarryRefusesThatOnly) {
  Dial(kLong);
  core::Question question{"1.2", "private-x", "yes", "", "no connection"};
  link_->Authorize(std::move(question), results_.Take("private-x"));
  EXPECT_TRUE(
      absl::IsInvalidArgument(results_.Wait("private-x").decision.status));
  EXPECT_TRUE(AskAndWait("private-a").decision.status.ok());
  EXPECT_EQ(server_.question_count(), 1u);
}

TEST_F(AnAuthorizer, ThatIsSilentToAFullWindowIsAskedOnAnotherStream) {
  Dial({.target = "", .timeout = kShort, .in_flight_max = 1, .queue_max = 5});
  Ask("private-a", "silence");
  Ask("private-b");

  EXPECT_TRUE(absl::IsUnavailable(results_.Wait("private-a").decision.status));
  EXPECT_TRUE(absl::IsUnavailable(results_.Wait("private-b").decision.status));
  EXPECT_TRUE(AskAndWait("private-c").decision.status.ok());
  EXPECT_EQ(server_.stream_count(), 2);
}

TEST_F(AnAuthorizer, IsNotFilledWithQuestionsThatItDoesNotAnswer) {
  Dial({.target = "",
        .timeout = kShort,
        .in_flight_max = 1000,
        .queue_max = 1000});
  for (int i = 0; i < authorizer::AuthorizerWindow::kFirst; ++i) {
    Ask(absl::StrCat("private-lost-", i), "silence");
  }
  Ask("private-a");

  EXPECT_TRUE(results_.Wait("private-a").decision.status.ok());
  EXPECT_EQ(server_.stream_count(), 1) << "it answers the others";
}

TEST_F(AnAuthorizer, ThatLosesQuestionsAnswersTheOthers) {
  constexpr int kCount = 20;
  Dial({.target = "", .timeout = kShort, .in_flight_max = 4, .queue_max = 100});
  for (int i = 0; i < kCount; ++i) {
    const std::string lost = absl::StrCat("private-lost-", i);
    Ask(lost, "silence");
    EXPECT_TRUE(AskAndWait(absl::StrCat("private-", i)).decision.status.ok());
    if (i % 2 == 1) results_.Wait(lost);
  }
  EXPECT_EQ(server_.stream_count(), 1);
}

TEST_F(AnAuthorizer, ThatIsStoppedRefusesOpenAndLaterQuestions) {
  Dial({.target = "", .timeout = kLong, .in_flight_max = 2, .queue_max = 100});
  for (int i = 0; i < 5; ++i) Ask(absl::StrCat("private-", i), "silence");
  ASSERT_TRUE(WaitUntil([&] { return server_.question_count() == 2; }));
  EXPECT_EQ(link_->questions().in_flight, 2);
  EXPECT_EQ(link_->questions().queued, 3);

  link_->Stop();

  EXPECT_EQ(results_.count(), 5u);
  EXPECT_TRUE(absl::IsUnavailable(results_.Wait("private-4").decision.status));
  EXPECT_TRUE(absl::IsUnavailable(AskAndWait("private-late").decision.status));
  link_->Stop();  // Twice does no harm.
}

}  // namespace
}  // namespace herald::rpc
