// SPDX-License-Identifier: Apache-2.0
//
// The part of the engine's suite (engine_suite.h) that is about histories, and
// keys that are repeated.

#ifndef HERALD_TESTS_CONTRACT_ENGINE_HISTORY_SUITE_H_
#define HERALD_TESTS_CONTRACT_ENGINE_HISTORY_SUITE_H_

#include "service/history/history.h"
#include "tests/contract/engine_suite.h"

namespace herald::core {

TEST_P(AnEngine, AnswersARepeatedKeyWithTheFirstReceipt) {
  for (const char* channel : {"a", "b"}) OpenOnce(channel);
  Subscribe("a");
  EXPECT_FALSE(Publish("a", "1", "k").repeated);
  Subscribe("a");
  const ChannelLog::PublishResult again = Publish("a", "2", "k");
  EXPECT_TRUE(again.repeated);
  EXPECT_EQ(again.subscribers, 1);
  EXPECT_FALSE(Publish("b", "3", "k").repeated);
  EXPECT_THAT(Received(), ::testing::ElementsAre("a: 1", "b: 3"));
  Pass(absl::Minutes(6));
  EXPECT_FALSE(Publish("a", "4", "k").repeated);
}

TEST_P(AnEngine, NumbersNothingWithoutHistory) {
  Open("a", {});
  EXPECT_EQ(Publish("a", "1").position, Position());
  EXPECT_EQ(listener_.offset, 0);
  EXPECT_EQ(At("a").epoch, "none");
  EXPECT_EQ(engine_.Counts().histories, 0);
}

TEST_P(AnEngine, NumbersFromOneInAnEpochThatItAnnouncesFirst) {
  const HistoryLimits ten{10};
  Open("a", ten);
  const ChannelLog::PublishResult first = Publish("a", "1", "", ten);
  EXPECT_THAT(Received(), ::testing::ElementsAre("a begins at 0", "a: 1"));
  EXPECT_EQ(listener_.offset, 1);
  EXPECT_EQ(first.position, (Position{listener_.epoch, 1}));
  EXPECT_THAT(first.position.epoch, ::testing::Not(::testing::IsEmpty()));
  EXPECT_EQ(Publish("a", "2", "", ten).position,
            (Position{first.position.epoch, 2}));
  Open("a", ten);
  EXPECT_EQ(At("a"), (Position{first.position.epoch, 2}));
  EXPECT_NE(Publish("b", "1", "", ten).position.epoch, first.position.epoch);
}

TEST_P(AnEngine, BeginsAHistoryWhenAChannelIsOpened) {
  Open("a", {10});
  const Position begun = At("a");
  EXPECT_EQ(begun.offset, 0);
  EXPECT_THAT(Received(), ::testing::ElementsAre("a begins at 0"));
  EXPECT_EQ(Publish("a", "1", "", {10}).position, (Position{begun.epoch, 1}));
  Open("a", {20});
  EXPECT_EQ(At("a"), (Position{begun.epoch, 1})) << "opened again";
  EXPECT_THAT(Received(), ::testing::ElementsAre("a: 1"));
}

TEST_P(AnEngine, BeginsAHistoryThatTheRulesGiveAnOpenChannelLater) {
  Open("a", {});
  EXPECT_EQ(At("a").epoch, "none");
  Open("a", {10});
  EXPECT_EQ(At("a").offset, 0);
  EXPECT_THAT(Received(), ::testing::ElementsAre("a begins at 0"));
}

TEST_P(AnEngine, GivesAllThatFollowedAPositionOrNothing) {
  const HistoryLimits three{3};
  Open("a", three);
  Open("b", {});
  const std::string epoch = At("a").epoch;
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

TEST_P(AnEngine, AnswersOnceIfTheChannelIsClosedMeanwhile) {
  Open("a", {10});
  Publish("a", "1", "", {10});
  int answers = 0;
  Locked("a", [&] {
    engine_.Since("a", std::nullopt, 1000, [&](const auto& answer) {
      EXPECT_EQ(listener_.locked, "a");
      EXPECT_TRUE(answer.ok() || absl::IsUnavailable(answer.status()));
      ++answers;
    });
    engine_.Close("a");
  });
  world_->Settle();
  EXPECT_EQ(answers, 1);
}

TEST_P(AnEngine, FetchesOfClosedChannelsToo) {
  for (int i = 1; i <= 5; ++i) Publish("a", absl::StrCat(i), "", {3});
  const auto all = Fetch("a", std::nullopt);
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_THAT(Words(*all), ::testing::ElementsAre("3", "4", "5"));
  EXPECT_EQ(all->position.offset, 5);
  EXPECT_THAT(Words(*Fetch("a", Position{all->position.epoch, 3}, 1)),
              ::testing::ElementsAre("4"));
  EXPECT_THAT(Words(*Fetch("b", std::nullopt)), ::testing::ElementsAre("lost"));
  listener_.rules.history_size = 0;
  EXPECT_THAT(Words(*Fetch("a", std::nullopt)), ::testing::ElementsAre("lost"))
      << "it may have holes";
}

TEST_P(AnEngine, GivesNothingThatIsOutOfTime) {
  const HistoryLimits minute{10, absl::Minutes(1)};
  Open("a", minute);
  Publish("a", "1", "", minute);
  Pass(absl::Seconds(30));
  const Position second = Publish("a", "2", "", minute).position;
  Pass(absl::Seconds(30));
  EXPECT_THAT(Since("a", std::nullopt), ::testing::ElementsAre("2"));
  Pass(absl::Seconds(30));
  EXPECT_THAT(Since("a", Position()), ::testing::ElementsAre("lost"));
  EXPECT_THAT(Since("a", second), ::testing::IsEmpty()) << "nothing is missing";
}

TEST_P(AnEngine, EvictsIdleHistories) {
  const HistoryLimits minute{10, absl::Minutes(1)};
  Publish("a", "1", "", minute);
  const int64_t full = engine_.Counts().history_bytes;
  Pass(absl::Seconds(40));
  Publish("b", "1", "", minute);
  Pass(absl::Seconds(22));
  EXPECT_EQ(engine_.Counts().histories, 1);
  EXPECT_EQ(engine_.Counts().history_bytes, full);
  EXPECT_THAT(Words(*Fetch("a", std::nullopt)), ::testing::ElementsAre("lost"));
  Pass(absl::Seconds(30));
  Publish("b", "2", "", minute);
  Pass(absl::Seconds(20));
  EXPECT_EQ(engine_.Counts().histories, 1) << "b was used";
  Pass(absl::Minutes(2));
  EXPECT_EQ(engine_.Counts().histories, 0);
  EXPECT_EQ(engine_.Counts().history_bytes, 0);
}

TEST_P(AnEngine, KeepsTheHistoryOfAnOpenChannelAndForItsLifeAfterwards) {
  const HistoryLimits minute{10, absl::Minutes(1)};
  Open("a", minute);
  const Position first = Publish("a", "1", "", minute).position;
  Pass(absl::Minutes(10));
  EXPECT_EQ(At("a"), first);
  Close("a");
  Pass(absl::Seconds(50));
  EXPECT_EQ(engine_.Counts().histories, 1) << "closing it was its last use";
  Pass(absl::Minutes(2));
  EXPECT_EQ(engine_.Counts().histories, 0);
  Open("a", minute);
  EXPECT_NE(At("a").epoch, first.epoch);
}

TEST_P(AnEngine, DoesNotKeepAChannelWithoutPublications) {
  const HistoryLimits hour{10, absl::Hours(1)};
  Open("a", hour);
  const std::string epoch = At("a").epoch;
  Pass(2 * kUnsaidLife);
  EXPECT_EQ(At("a").epoch, epoch) << "it is open";
  Close("a");
  Pass(kUnsaidLife / 2);
  EXPECT_EQ(engine_.Counts().histories, 1);
  Pass(2 * kUnsaidLife);
  EXPECT_EQ(engine_.Counts().histories, 0);
}

TEST_P(AnEngine, EvictsBeyondTheRulesSize) {
  Open("a", {10});
  Publish("a", "1", "", {10});
  Publish("b", "1", "", {10});
  engine_.ApplyHistoryRules();
  world_->Settle();
  EXPECT_EQ(engine_.Counts().histories, 2);
  Received();
  Locked("a", [&] { engine_.Forget("a"); });
  EXPECT_THAT(Received(), ::testing::ElementsAre("a ends"));
  EXPECT_EQ(At("a").epoch, "none");
  EXPECT_EQ(engine_.Counts().histories, 1);
  listener_.rules.history_size = 0;
  engine_.ApplyHistoryRules();
  world_->Settle();
  EXPECT_EQ(engine_.Counts().histories, 0);
}

TEST_P(AnEngine, KeepsNoHistoryWithAHole) {
  Open("a", {10});
  Publish("a", "1", "", {10});
  auto whisper = std::make_shared<Publication>();
  whisper->channel = "a";
  whisper->whisper = true;
  Locked("a", [&] { engine_.Publish(whisper, {}, [](const auto&) {}); });
  EXPECT_EQ(At("a").offset, 1) << "whispers are not remembered";
  Received();
  Publish("a", "2");
  EXPECT_THAT(Received(), ::testing::ElementsAre("a ends", "a: 2"));
  EXPECT_EQ(At("a").epoch, "none");
  Open("b", {10});
  Publish("b", "1", "", {10});
  Received();
  Open("b", {});
  EXPECT_THAT(Received(), ::testing::ElementsAre("b ends"));
}

TEST_P(AnEngine, RemembersAKeyAsLongAsTheHistoryButFiveMinutesAtLeast) {
  const HistoryLimits hour{10, absl::Hours(1)};
  const ChannelLog::PublishResult first = Publish("a", "1", "k", hour);
  Pass(absl::Minutes(59));
  const ChannelLog::PublishResult again = Publish("a", "2", "k", hour);
  EXPECT_TRUE(again.repeated);
  EXPECT_EQ(again.position, first.position);
  const HistoryLimits second{10, absl::Seconds(1)};
  Publish("b", "1", "k", second);
  Pass(absl::Minutes(4));
  EXPECT_TRUE(Publish("b", "2", "k", second).repeated);
}

}  // namespace herald::core

#endif  // HERALD_TESTS_CONTRACT_ENGINE_HISTORY_SUITE_H_
