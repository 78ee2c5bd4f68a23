// SPDX-License-Identifier: Apache-2.0
//
// The part of the engine's suite (engine_suite.h) that is about histories.

#ifndef HERALD_TESTS_CONTRACT_ENGINE_HISTORY_SUITE_H_
#define HERALD_TESTS_CONTRACT_ENGINE_HISTORY_SUITE_H_

#include "tests/contract/engine_suite.h"

namespace herald::core {

TEST_P(AnEngine, NumbersNothingWithoutHistory) {
  EXPECT_EQ(Publish("a", "1").position, Position());
  EXPECT_EQ(listener_.offset, 0);
  EXPECT_EQ(engine_->Peek("a"), std::nullopt);
  EXPECT_EQ(engine_->HistoryCount(), 0);
}

TEST_P(AnEngine, NumbersFromOneInAnEpochThatItAnnouncesFirst) {
  const HistoryLimits ten{10};
  const Engine::Receipt first = Publish("a", "1", "", ten);
  EXPECT_THAT(Heard(), ::testing::ElementsAre("a begins at 0", "a: 1"));
  EXPECT_EQ(listener_.offset, 1);
  EXPECT_EQ(first.position, (Position{listener_.epoch, 1}));
  EXPECT_THAT(first.position.epoch, ::testing::Not(::testing::IsEmpty()));
  EXPECT_EQ(Publish("a", "2", "", ten).position,
            (Position{first.position.epoch, 2}));
  EXPECT_EQ(engine_->Peek("a"), (Position{first.position.epoch, 2}));
  EXPECT_NE(Publish("b", "1", "", ten).position.epoch, first.position.epoch);
}

TEST_P(AnEngine, BeginsAHistoryForWhoAsksWhereItIs) {
  const Position begun = engine_->PositionOf("a", {10});
  EXPECT_EQ(begun.offset, 0);
  EXPECT_THAT(Heard(), ::testing::ElementsAre("a begins at 0"));
  EXPECT_EQ(Publish("a", "1", "", {10}).position, (Position{begun.epoch, 1}));
  EXPECT_EQ(engine_->PositionOf("a", {10}), (Position{begun.epoch, 1}));
  EXPECT_THAT(Heard(), ::testing::ElementsAre("a: 1"));
}

TEST_P(AnEngine, GivesAllThatFollowedAPositionOrNothing) {
  const HistoryLimits three{3};
  const std::string epoch = engine_->PositionOf("a", three).epoch;
  for (int i = 1; i <= 5; ++i) Publish("a", absl::StrCat(i), "", three);
  using ::testing::ElementsAre;
  EXPECT_THAT(Since("a", Position{epoch, 5}), ::testing::IsEmpty());
  EXPECT_THAT(Since("a", Position{epoch, 4}), ElementsAre("5"));
  EXPECT_THAT(Since("a", Position{epoch, 2}), ElementsAre("3", "4", "5"));
  EXPECT_THAT(Since("a", Position{epoch, 1}), ElementsAre("lost"));
  EXPECT_THAT(Since("a", Position{epoch, 6}), ElementsAre("lost"));
  EXPECT_THAT(Since("a", Position{epoch, -1}), ElementsAre("lost"));
  EXPECT_THAT(Since("a", Position{epoch + "x", 4}), ElementsAre("lost"));
  EXPECT_THAT(Since("a", Position()), ElementsAre("5")) << "the latest";
  EXPECT_THAT(Since("a", std::nullopt), ElementsAre("3", "4", "5"));
  EXPECT_THAT(Since("b", Position()), ElementsAre("lost"));
}

TEST_P(AnEngine, GivesNothingThatIsOutOfTime) {
  const HistoryLimits minute{10, absl::Minutes(1)};
  Publish("a", "1", "", minute);
  timers_.Advance(absl::Seconds(30));
  const Position second = Publish("a", "2", "", minute).position;
  timers_.Advance(absl::Seconds(30));
  EXPECT_THAT(Since("a", std::nullopt), ::testing::ElementsAre("2"));
  timers_.Advance(absl::Seconds(30));
  EXPECT_THAT(Since("a", Position()), ::testing::ElementsAre("lost"));
  EXPECT_THAT(Since("a", second), ::testing::IsEmpty()) << "nothing is missing";
}

TEST_P(AnEngine, SaysWhichHistoriesAreIdle) {
  const HistoryLimits minute{10, absl::Minutes(1)};
  Publish("a", "1", "", minute);
  const int64_t full = engine_->HistoryBytes();
  timers_.Advance(absl::Seconds(40));
  Publish("b", "1", "", minute);
  timers_.Advance(absl::Seconds(21));
  EXPECT_THAT(engine_->Expire(), ::testing::ElementsAre("a"));
  EXPECT_EQ(engine_->HistoryCount(), 2);
  EXPECT_LT(engine_->HistoryBytes(), 2 * full);
  EXPECT_THAT(engine_->HistoryChannels(),
              ::testing::UnorderedElementsAre("a", "b"));
  engine_->ForgetIfIdle("a");
  engine_->ForgetIfIdle("b");
  EXPECT_EQ(engine_->Peek("a"), std::nullopt);
  EXPECT_THAT(engine_->HistoryChannels(), ::testing::ElementsAre("b"));
  EXPECT_EQ(engine_->HistoryBytes(), full);
  timers_.Advance(absl::Seconds(50));
  engine_->PositionOf("b", minute);
  timers_.Advance(absl::Seconds(20));
  EXPECT_THAT(engine_->Expire(), ::testing::IsEmpty()) << "b was used";
}

TEST_P(AnEngine, ForgetsNoHistoryThatWasUsedSinceItWasIdle) {
  const HistoryLimits minute{10, absl::Minutes(1)};
  Publish("a", "1", "", minute);
  Publish("b", "1", "", minute);
  timers_.Advance(absl::Minutes(1));
  EXPECT_THAT(engine_->Expire(), ::testing::UnorderedElementsAre("a", "b"));
  const Position second = Publish("a", "2", "", minute).position;
  engine_->ForgetIfIdle("a");
  EXPECT_EQ(engine_->Peek("a"), second);
  engine_->Release("b");
  engine_->ForgetIfIdle("b");
  EXPECT_EQ(engine_->Peek("b")->offset, 1);
  engine_->Forget("b");
  EXPECT_EQ(engine_->Peek("b"), std::nullopt);
}

TEST_P(AnEngine, DoesNotKeepWhatNothingWasSaidIn) {
  const HistoryLimits hour{10, absl::Hours(1)};
  const std::string epoch = engine_->PositionOf("a", hour).epoch;
  timers_.Advance(kUnsaidLife);
  EXPECT_THAT(engine_->Expire(), ::testing::ElementsAre("a"));
  EXPECT_EQ(engine_->PositionOf("a", hour).epoch, epoch) << "it is used now";
  engine_->ForgetIfIdle("a");
  EXPECT_NE(engine_->Peek("a"), std::nullopt);
  timers_.Advance(kUnsaidLife);
  engine_->ForgetIfIdle("a");
  EXPECT_EQ(engine_->Peek("a"), std::nullopt);
}

TEST_P(AnEngine, RemembersAKeyAsLongAsTheHistoryButFiveMinutesAtLeast) {
  const HistoryLimits hour{10, absl::Hours(1)};
  const Engine::Receipt first = Publish("a", "1", "k", hour);
  timers_.Advance(absl::Minutes(59));
  const Engine::Receipt again = Publish("a", "2", "k", hour);
  EXPECT_TRUE(again.repeated);
  EXPECT_EQ(again.position, first.position);
  const HistoryLimits second{10, absl::Seconds(1)};
  Publish("b", "1", "k", second);
  timers_.Advance(absl::Minutes(4));
  EXPECT_TRUE(Publish("b", "2", "k", second).repeated);
}

}  // namespace herald::core

#endif  // HERALD_TESTS_CONTRACT_ENGINE_HISTORY_SUITE_H_
