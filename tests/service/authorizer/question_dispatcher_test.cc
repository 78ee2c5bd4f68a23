// SPDX-License-Identifier: Apache-2.0

#include "service/authorizer/question_dispatcher.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/service/authorizer/dispatcher_world.h"
#include "tests/service/questions/questions.h"

namespace herald::authorizer {
namespace {

using ADispatcher = DispatcherWorld;

TEST(AQueueOfQuestions, IsBoundedInBytesAtTheCostOfTheLargestClient) {
  QuestionDispatcher dispatcher(
      {.timeout = kTimeout, .queue_bytes_max = 100'000});
  dispatcher.OnUp();
  std::vector<Answered> refused;
  const auto admit = [&](const std::string& address, int i, int64_t bytes) {
    QuestionPtr question = Ask(address, absl::StrCat("1.", i), "private-c");
    question->bytes = bytes;
    dispatcher.Admit(std::move(question), At(0), refused);
  };
  for (int i = 0; i < 10; ++i) admit("large", i, 10'000);
  EXPECT_EQ(refused.size(), 0);
  admit("small", 1, 1000);
  EXPECT_EQ(refused.size(), 1) << "of the large one";
  EXPECT_EQ(dispatcher.queued(), 10);
  // A question in flight does not wait.
  StreamQuestions main(1, false);
  while (dispatcher.Next(main, At(0)) != nullptr) {
    dispatcher.OnWritten(main, At(0));
  }
  for (int i = 0; i < 10; ++i) admit("large", i, 10'000);
  EXPECT_EQ(refused.size(), 1);
}

TEST_F(ADispatcher, AsksSuspectsOneAtATimeAndDeniesTheOneThatBreaksAgain) {
  StreamQuestions main(1, /*is_lane=*/false);
  Admit("honest", "a", "1.1");
  Admit("poison", "b", "1.2");
  EXPECT_EQ(Write(main), "honest");
  EXPECT_EQ(Write(main), "poison");
  EXPECT_EQ(End(main, kThrown), 0);
  EXPECT_EQ(dispatcher_.suspects(), 2);
  ASSERT_TRUE(dispatcher_.WantsLane(0));
  EXPECT_FALSE(dispatcher_.WantsLane(1));

  StreamQuestions lane(2, /*is_lane=*/true);
  EXPECT_EQ(Write(lane), "poison") << "the last one first";
  EXPECT_EQ(Write(lane), "") << "one at a time";
  EXPECT_EQ(End(lane, kThrown), 1);
  EXPECT_TRUE(absl::IsUnavailable(results_.at("poison")));
  EXPECT_EQ(results_.at("poison").message(), kThrown.reason);
  StreamQuestions next(3, /*is_lane=*/true);
  EXPECT_EQ(Write(next), "honest");
  Answer(next, 1, true);
  EXPECT_TRUE(results_.at("honest").ok());
}

TEST_F(ADispatcher, AsksFurtherQuestionsOfAPoisonersSocketOnLanes) {
  Poison("1.1");
  StreamQuestions main(11, false);
  StreamQuestions lane(12, true);
  Admit("again");
  Admit("neighbour", "a", "1.7");
  Admit("other", "b", "1.8");
  EXPECT_EQ(Write(main), "neighbour");
  EXPECT_EQ(Write(main), "other");
  EXPECT_EQ(Write(main), "");
  EXPECT_EQ(Write(lane), "again");
  EXPECT_EQ(End(lane, kThrown), 1) << "once is enough there";
}

TEST_F(ADispatcher, WatchesAnAddressThatPoisonsWithOneSocketAfterTheOther) {
  for (int i = 0; i < Quarantine::kSockets; ++i) Poison(absl::StrCat("1.", i));
  StreamQuestions main(11, false);
  StreamQuestions lane(12, true);
  for (const char* socket : {"2.1", "2.2", "2.3", "2.4", "2.5"}) {
    Admit(socket, "a", socket);
  }
  Admit("other", "b", "3.1");
  EXPECT_EQ(Write(main), "other");
  EXPECT_EQ(Write(main), "");
  for (size_t i = 1; i <= QuestionDispatcher::kWatchedMax; ++i) {
    EXPECT_EQ(Write(lane), absl::StrCat("2.", i));
  }
  EXPECT_EQ(Write(lane), "") << "a few at a time";
  Answer(lane, 1, true);
  EXPECT_EQ(Write(lane), "2.5");

  EXPECT_EQ(End(lane, kThrown), 0) << "any of them may have been it";
  StreamQuestions next(13, true);
  EXPECT_EQ(Write(next), "2.5");
  EXPECT_EQ(Write(next), "") << "now each is asked alone";
  EXPECT_EQ(End(next, kThrown), 1);
}

TEST_F(ADispatcher, LetsSuspectsAndWatchedQuestionsTakeTurnsAtLanes) {
  for (int i = 0; i < Quarantine::kSockets; ++i) Poison(absl::StrCat("1.", i));
  Admit("suspect 1", "a", "1.1");
  Admit("suspect 2", "a", "1.2");
  for (const char* socket : {"2.1", "2.2"}) Admit(socket, "a", socket);
  StreamQuestions one(11, true);
  StreamQuestions two(12, true);
  StreamQuestions three(13, true);
  EXPECT_EQ(Write(one), "2.1") << "the last one was a suspect";
  EXPECT_EQ(Write(two), "suspect 1");
  EXPECT_EQ(Write(two), "");
  EXPECT_EQ(Write(one), "2.2");
  EXPECT_EQ(Write(three), "suspect 2") << "none is watched any more";
  EXPECT_EQ(Write(three), "");
}

TEST_F(ADispatcher, AsksAtOnceIfNoQuestionWaits) {
  StreamQuestions main(1, false);
  const auto ask_at_once = [&](const std::string& socket) {
    QuestionPtr question = Ask("a", socket, "x", now_);
    const bool asked =
        dispatcher_.AskAtOnce(question, main, At(now_)) != nullptr;
    EXPECT_EQ(question == nullptr, asked);
    return asked;
  };
  EXPECT_TRUE(ask_at_once("1.1"));
  EXPECT_EQ(dispatcher_.in_flight(), 1);

  Admit("first");
  EXPECT_FALSE(ask_at_once("1.2")) << "it is the turn of another one";
  EXPECT_EQ(Write(main), "first");

  for (int i = 0; i < RefusalPauses::kFree; ++i) {
    Admit("denied", "a", "1.3");
    Write(main);
    Answer(main, main.last_id, false);
  }
  EXPECT_FALSE(ask_at_once("1.3")) << "it has to pause";

  while (dispatcher_.in_flight() < AuthorizerWindow::kFirst) {
    ASSERT_TRUE(ask_at_once("1.4"));
  }
  EXPECT_FALSE(ask_at_once("1.4")) << "the window is full";
}

TEST_F(ADispatcher, AsksAtOnceUnlessThereIsAQuarantine) {
  Poison("1.1");
  StreamQuestions main(11, false);
  QuestionPtr question = Ask("a", "1.2", "x", now_);
  EXPECT_EQ(dispatcher_.AskAtOnce(question, main, At(now_)), nullptr);
  now_ += absl::ToDoubleSeconds(Quarantine::kPeriod);
  EXPECT_NE(dispatcher_.AskAtOnce(question, main, At(now_)), nullptr);
}

TEST_F(ADispatcher, DoesNotSuspectAQuestionThatWasNotDelivered) {
  StreamQuestions main(1, false);
  Admit("x");
  ASSERT_NE(dispatcher_.Next(main, At(0)), nullptr);
  End(main, kCrashed);
  EXPECT_EQ(dispatcher_.suspects(), 0);
  EXPECT_EQ(dispatcher_.queued(), 1);
}

TEST_F(ADispatcher, DoesNotSuspectTheQuestionsOfAStreamThatItCancelled) {
  StreamQuestions main(1, false);
  Admit("x");
  Write(main);
  End(main, {.by_us = true, .reason = ""});
  EXPECT_EQ(dispatcher_.suspects(), 0);
  EXPECT_EQ(dispatcher_.queued(), 1);
}

TEST_F(ADispatcher, ExcusesAQuestionOnceIfOthersMayHaveEndedTheProcess) {
  StreamQuestions main(1, false);
  Admit("honest");
  Write(main);
  End(main, kCrashed);
  StreamQuestions next(2, false);
  StreamQuestions lane(3, true);
  now_ = 0.4;
  Admit("other", "b", "1.2");
  Write(next);
  EXPECT_EQ(Write(lane), "honest");
  EXPECT_EQ(End(lane, kCrashed), 0) << "it may have been the other";
  EXPECT_EQ(End(next, kCrashed), 0);
  now_ = 0.8;
  StreamQuestions again(4, true);
  EXPECT_EQ(Write(again), "honest");
  EXPECT_EQ(End(again, kCrashed), 1) << "now it was alone";
}

TEST_F(ADispatcher, UsesMoreLanesAsTheyProveToWork) {
  StreamQuestions main(1, false);
  for (int i = 0; i < 40; ++i) Admit(absl::StrCat(i), absl::StrCat(i));
  while (!Write(main).empty()) {
  }
  End(main, kThrown);
  StreamQuestions one(2, true);
  StreamQuestions two(3, true);
  EXPECT_FALSE(dispatcher_.WantsLane(1));
  Write(one);
  Answer(one, 1, true);
  EXPECT_TRUE(dispatcher_.WantsLane(1));
  EXPECT_FALSE(dispatcher_.WantsLane(2));
  Write(two);
  Answer(two, 1, true);
  EXPECT_TRUE(dispatcher_.WantsLane(3));
  EXPECT_FALSE(dispatcher_.WantsLane(4));
}

TEST_F(ADispatcher, AsksAnAddressThatHasNoneThoughTheWindowIsFull) {
  StreamQuestions main(1, false);
  for (int i = 0; i < 1000; ++i) {
    Admit(absl::StrCat("h", i), "hostile", absl::StrCat("1.", i % 100));
  }
  while (!Write(main).empty()) {
  }
  EXPECT_EQ(dispatcher_.in_flight(), AuthorizerWindow::kFirst);
  Admit("polite", "polite", "2.1");
  EXPECT_EQ(Write(main), "polite");
  EXPECT_EQ(Write(main), "");
}

// A rogue gateway reports an address of its own for each question.
class ADispatcherWithARogueGateway : public DispatcherWorld {
 protected:
  static constexpr admission::Source kRogue = 1;
  static constexpr admission::Source kHonest = 2;

  void Flood(int questions) {
    for (int i = 0; i < questions; ++i, ++asked_) {
      Admit("rogue", absl::StrCat("r", asked_), absl::StrCat("1.", asked_),
            kRogue);
    }
  }
  void AskHonestly(const std::string& channel) {
    Admit(channel, "one proxy", absl::StrCat("2.", ++asked_), kHonest);
  }

  int asked_ = 0;
};

TEST_F(ADispatcherWithARogueGateway, ExceedsAFullWindowForTheOtherSource) {
  StreamQuestions main(1, false);
  Flood(1000);
  while (!Write(main).empty()) {
  }
  EXPECT_EQ(main.open.size(), AuthorizerWindow::kFirst + 16u)
      << "none of its addresses has asked";
  AskHonestly("first");
  EXPECT_EQ(Write(main), "");
  Answer(main, 1, true);
  EXPECT_EQ(Write(main), "first");
  Answer(main, 2, true);
  EXPECT_EQ(Write(main), "") << "the rogue has more than its share";
  AskHonestly("second");
  EXPECT_EQ(Write(main), "second");
}

TEST_F(ADispatcherWithARogueGateway, RefusesItsQuestionsWhenTheQueueIsFull) {
  Flood(contract::kAuthorizerQueueMax);
  EXPECT_TRUE(results_.empty());
  for (int i = 0; i < 100; ++i) AskHonestly(absl::StrCat("h", i));
  EXPECT_EQ(results_.size(), 1u) << "some of the rogue's, and no other";
  EXPECT_TRUE(absl::IsUnavailable(results_["rogue"]));
  Flood(100);
  EXPECT_EQ(results_.size(), 1u);
  EXPECT_EQ(dispatcher_.queued(), contract::kAuthorizerQueueMax);
}

TEST_F(ADispatcher, HasASocketPauseThatIsDeniedAgainAndAgain) {
  StreamQuestions main(1, false);
  for (int i = 1; i <= RefusalPauses::kFree; ++i) {
    Admit(absl::StrCat(i));
    ASSERT_NE(Write(main), "") << i;
    Answer(main, i, false);
  }
  Admit("late");
  Admit("other", "a", "1.2");
  EXPECT_EQ(Write(main), "other");
  EXPECT_EQ(Write(main), "");
  EXPECT_EQ(dispatcher_.next_unpark(), At(0.1));
  now_ = 0.1;
  EXPECT_EQ(Write(main), "late");
}

TEST_F(ADispatcher, HasASocketPauseThoughItsAddressHasNoneInAFullWindow) {
  StreamQuestions main(1, false);
  for (int i = 1; i <= RefusalPauses::kFree; ++i) {
    Admit(absl::StrCat(i));
    ASSERT_NE(Write(main), "") << i;
    Answer(main, i, false);
  }
  for (int i = 0; i < 1000; ++i) {
    Admit(absl::StrCat("h", i), "hostile", absl::StrCat("1.", 100 + i % 100));
  }
  while (!Write(main).empty()) {
  }
  Admit("late");
  EXPECT_EQ(Write(main), "");
  now_ = 0.1;
  EXPECT_EQ(Write(main), "late");
}

TEST_F(ADispatcher, RefusesLateQuestionsWithTheReasonOfTheOutage) {
  dispatcher_.OnDown(At(0), "UNAVAILABLE: connection refused");
  Admit("x");
  now_ = 1;
  EXPECT_EQ(dispatcher_.TakeLateWaiting(false, At(0.9), answered_), At(1));
  dispatcher_.TakeLateWaiting(false, At(1), answered_);
  Deliver();
  EXPECT_EQ(results_.at("x").message(),
            "the authorizer cannot be reached: UNAVAILABLE: connection "
            "refused");
}

}  // namespace
}  // namespace herald::authorizer
