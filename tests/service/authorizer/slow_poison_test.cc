// SPDX-License-Identifier: Apache-2.0
//
// Inputs that break a stream so slowly that their question has timed out before
// it could be convicted, and honest questions beside them.

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "service/authorizer/question_dispatcher.h"
#include "service/questions/refusal_pauses.h"
#include "tests/service/authorizer/dispatcher_world.h"

namespace herald::authorizer {
namespace {

using ADispatcher = DispatcherWorld;

TEST_F(ADispatcher, SuspectsTheSocketOfASuspectThatTimedOut) {
  StreamQuestions main(1, false);
  Admit("poison");
  EXPECT_EQ(Write(main), "poison");
  now_ = 0.6;
  EXPECT_EQ(End(main, kThrown), 0);
  StreamQuestions lane(2, true);
  EXPECT_EQ(Write(lane), "poison");
  now_ = 1;
  TimeOut(lane);
  EXPECT_EQ(results_.at("poison").message(),
            "the authorizer did not answer in time");
  EXPECT_EQ(End(lane, kGivenUp), 0);

  StreamQuestions next_main(3, false);
  StreamQuestions next_lane(4, true);
  Admit("again");
  Admit("other", "a", "1.2");
  EXPECT_EQ(Write(next_main), "other");
  EXPECT_EQ(Write(next_main), "");
  EXPECT_EQ(Write(next_lane), "again");
  now_ = 1.6;
  EXPECT_EQ(End(next_lane, kThrown), 1);
  EXPECT_EQ(results_.at("again").message(), kThrown.reason);
  EXPECT_EQ(dispatcher_.poisoned(), 1);
}

TEST_F(ADispatcher, AsksTheOthersOfASocketTogetherWhenItIsCleared) {
  StreamQuestions main(1, false);
  Admit("one");
  EXPECT_EQ(Write(main), "one");
  EXPECT_EQ(End(main, kThrown), 0);
  Admit("two");
  Admit("three");
  StreamQuestions next(2, false);
  StreamQuestions lane(3, true);
  EXPECT_EQ(Write(next), "") << "the socket is suspected";
  EXPECT_EQ(Write(lane), "one");
  Answer(lane, 1, true);
  EXPECT_EQ(Write(next), "two");
  EXPECT_EQ(Write(next), "three");
}

TEST_F(ADispatcher, RenewsNoSuspicionOverAQuestionThatWasNeverAsked) {
  StreamQuestions main(1, false);
  Admit("one");
  Write(main);
  End(main, kThrown);
  Admit("two");
  StreamQuestions lane(2, true);
  EXPECT_EQ(Write(lane), "one");
  now_ = 50;
  TimeOutWaiting();
  EXPECT_FALSE(results_.at("two").ok());
  // A minute after the stream broke.
  now_ = 61;
  Admit("three");
  StreamQuestions next(3, false);
  EXPECT_EQ(Write(next), "three");
}

TEST_F(ADispatcher, LearnsNothingOfLateQuestionsFromADialThatFailed) {
  StreamQuestions main(1, false);
  Admit("slow");
  EXPECT_EQ(Write(main), "slow");
  now_ = 1;
  TimeOut(main);
  End(main, kGivenUp);
  StreamQuestions failed(2, false);
  End(failed, kCrashed);
  Admit("next");
  StreamQuestions next(3, false);
  EXPECT_EQ(Write(next), "next");
}

TEST_F(ADispatcher, ConvictsASuspectThatBreaksItsLaneAfterItsTimeout) {
  StreamQuestions main(1, false);
  Admit("poison");
  Write(main);
  now_ = 0.6;
  End(main, kThrown);
  StreamQuestions lane(2, true);
  Write(lane);
  now_ = 1;
  TimeOut(lane);
  now_ = 1.2;
  EXPECT_EQ(End(lane, kThrown), 0) << "it has been answered";
  EXPECT_EQ(dispatcher_.poisoned(), 1);
}

TEST_F(ADispatcher, SuspectsAQuestionThatTimedOutBeforeItsStreamBroke) {
  StreamQuestions main(1, false);
  Admit("poison");
  EXPECT_EQ(Write(main), "poison");
  now_ = 0.9;
  Admit("honest", "b", "1.2");
  EXPECT_EQ(Write(main), "honest");
  now_ = 1;
  TimeOut(main);
  EXPECT_TRUE(results_.contains("poison"));
  now_ = 1.2;
  EXPECT_EQ(End(main, kThrown), 0);
  StreamQuestions lane(2, true);
  EXPECT_EQ(Write(lane), "honest");
  Answer(lane, 1, true);
  EXPECT_TRUE(results_.at("honest").ok());

  StreamQuestions next(3, false);
  Admit("again");
  Admit("honest again", "b", "1.2");
  EXPECT_EQ(Write(next), "honest again");
  EXPECT_EQ(Write(next), "");
  EXPECT_EQ(Write(lane), "again");
  now_ = 2.3;
  TimeOut(lane);
  now_ = 2.4;
  EXPECT_EQ(End(lane, kThrown), 0);
  EXPECT_EQ(dispatcher_.poisoned(), 1);
}

TEST_F(ADispatcher, AsksAnHonestSocketAloneOnceIfItsQuestionHadTimedOut) {
  StreamQuestions main(1, false);
  Admit("slow");
  Write(main);
  now_ = 1;
  TimeOut(main);
  Admit("poison", "b", "1.2");
  Write(main);
  End(main, kThrown);
  StreamQuestions lane(2, true);
  EXPECT_EQ(Write(lane), "poison");
  EXPECT_EQ(End(lane, kThrown), 1);

  StreamQuestions next_main(3, false);
  StreamQuestions next_lane(4, true);
  Admit("first");
  EXPECT_EQ(Write(next_main), "");
  EXPECT_EQ(Write(next_lane), "first");
  Answer(next_lane, 1, false);
  Admit("second");
  EXPECT_EQ(Write(next_main), "second");
}

TEST_F(ADispatcher, SuspectsNoSocketThatGetsALateAnswer) {
  StreamQuestions main(1, false);
  Admit("slow");
  Write(main);
  now_ = 1;
  TimeOut(main);
  v1::Decision decision;
  decision.set_request_id(1);
  EXPECT_EQ(dispatcher_.OnDecision(main, decision, At(1.1), answered_),
            QuestionDispatcher::DecisionOutcome::kLate);
  now_ = 1.2;
  End(main, kThrown);
  StreamQuestions next(2, false);
  Admit("again");
  EXPECT_EQ(Write(next), "again");
}

TEST_F(ADispatcher, SuspectsNoSocketBecauseTheAuthorizerIsSlow) {
  StreamQuestions main(1, false);
  for (int i = 0; i < 2 * RefusalPauses::kFree; ++i) {
    Admit(absl::StrCat(i));
    EXPECT_EQ(Write(main), absl::StrCat(i));
    now_ += 1;
    TimeOut(main);
  }
  EXPECT_EQ(dispatcher_.suspects(), 0);
}

TEST_F(ADispatcher, ConvictsASocketThoughTheRestartTakesLongerThanATimeout) {
  StreamQuestions main(1, false);
  Admit("killer");
  EXPECT_EQ(Write(main), "killer");
  EXPECT_EQ(End(main, kCrashed), 0);
  Restart();
  EXPECT_TRUE(absl::IsUnavailable(results_.at("killer")));

  StreamQuestions next_main(2, false);
  StreamQuestions lane(3, true);
  Admit("again");
  EXPECT_EQ(Write(next_main), "");
  EXPECT_EQ(Write(lane), "again");
  EXPECT_EQ(End(lane, kCrashed), 1);
  EXPECT_EQ(dispatcher_.poisoned(), 1);
}

TEST_F(ADispatcher, ExcusesASocketOnceThoughItsQuestionsTimeOut) {
  StreamQuestions main(1, false);
  Admit("killer");
  Write(main);
  End(main, kCrashed);
  Restart();
  for (const int64_t round : {1, 2}) {
    StreamQuestions next_main(2 * round, false);
    StreamQuestions lane(2 * round + 1, true);
    Admit(absl::StrCat("honest ", round), "b", absl::StrCat("2.", round));
    Admit(absl::StrCat("killer ", round));
    EXPECT_NE(Write(next_main), "");
    EXPECT_EQ(Write(lane), absl::StrCat("killer ", round));
    EXPECT_EQ(End(lane, kCrashed), round == 1 ? 0 : 1);
    End(next_main, kCrashed);
    Restart();
  }
  EXPECT_EQ(dispatcher_.poisoned(), 1);
}

TEST_F(ADispatcher, HasASuspectPauseThatTimesOutOnLanesAgainAndAgain) {
  StreamQuestions main(next_stream_++, false);
  Admit("0");
  Write(main);
  End(main, kThrown);
  for (int i = 1; i <= RefusalPauses::kFree; ++i) {
    StreamQuestions lane(next_stream_++, true);
    ASSERT_EQ(Write(lane), absl::StrCat(i - 1));
    now_ += 1;
    TimeOut(lane);
    End(lane, kGivenUp);
    Admit(absl::StrCat(i));
  }
  StreamQuestions lane(next_stream_++, true);
  EXPECT_EQ(Write(lane), "");
  EXPECT_EQ(dispatcher_.next_unpark(), At(now_) + RefusalPauses::kPauseMin);
}

}  // namespace
}  // namespace herald::authorizer
