// SPDX-License-Identifier: Apache-2.0
//
// The promise of one process's memory alone: its bound. (The promises of every
// engine's histories are in tests/contract/engine_history_suite.h.)

#include "service/history/history.h"

#include <random>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace herald::core {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class AHistory : public ::testing::Test {
 protected:
  Position Publish(const std::string& channel, const std::string& text,
                   HistoryLimits limits = {10}) {
    const History::Place place = history_.Number(channel, limits, now_);
    given_up_ += place.given_up;
    given_up_ += history_.Keep(channel, place.position,
                               std::make_shared<const std::string>(text), now_);
    return place.position;
  }
  std::vector<std::string> All(const std::string& channel) {
    std::vector<std::string> texts;
    for (const Chunk& chunk :
         history_.Since(channel, std::nullopt, 1000, now_).chunks) {
      texts.push_back(*chunk);
    }
    return texts;
  }

  uint64_t last_epoch_ = 0;
  int64_t given_up_ = 0;
  absl::Time now_ = absl::FromUnixSeconds(1000);
  History history_{10'000, [this] { return ++last_epoch_; }};
};

TEST_F(AHistory, EvictsTheLeastRecentlyUsedChannel) {
  const std::string text(2000, 'x');
  Publish("a", text);
  Publish("b", text);
  Publish("c", text);
  EXPECT_EQ(given_up_, 0);
  const Position a = *history_.Peek("a");
  history_.Since("a", a, 1, now_);  // Reading is using.
  Publish("d", text);
  EXPECT_EQ(given_up_, 1);
  EXPECT_EQ(history_.Peek("b"), std::nullopt);
  EXPECT_EQ(history_.Peek("a"), a);
  EXPECT_LE(history_.bytes(), 10'000);
  EXPECT_EQ(Publish("b", "1").offset, 1) << "a new epoch";
}

TEST_F(AHistory, EvictsEvenTheLastOneToKeepItsBound) {
  Publish("a", std::string(20'000, 'x'));
  EXPECT_EQ(given_up_, 1);
  EXPECT_EQ(history_.bytes(), 0);
  EXPECT_EQ(Publish("a", "1").offset, 1);
}

TEST_F(AHistory, EvictsNoOtherChannelForAnEventThatCannotFit) {
  const Position a = Publish("a", "1");
  Publish("b", "1");
  Publish("b", std::string(20'000, 'x'));
  EXPECT_EQ(given_up_, 1);
  EXPECT_EQ(history_.Peek("a"), a);
  EXPECT_EQ(history_.Peek("b"), std::nullopt);
}

TEST_F(AHistory, EvictsItsOldestEventsWhenItIsAlone) {
  const HistoryLimits many{1000};
  Publish("quiet", "1");
  Position last;
  for (int i = 0; i < 20; ++i) {
    last = Publish("hot", absl::StrCat(i, std::string(1500, 'x')), many);
  }
  EXPECT_EQ(given_up_, 1) << "the quiet one";
  EXPECT_EQ(last.offset, 20);
  EXPECT_EQ(history_.Peek("hot"), last);
  // 10'000 - 1'030 bytes hold 5 of 1'598.
  EXPECT_THAT(All("hot"), SizeIs(5));
  EXPECT_TRUE(
      history_.Since("hot", Position{last.epoch, 15}, 10, now_).available);
  const Missed lost = history_.Since("hot", Position{last.epoch, 14}, 10, now_);
  EXPECT_FALSE(lost.available);
  EXPECT_EQ(lost.available_since, 15);
  EXPECT_LE(history_.bytes(), 10'000);
}

TEST_F(AHistory, ReturnsTheOldestCompletePosition) {
  const std::string epoch = Publish("a", "1", {2}).epoch;
  for (const char* text : {"2", "3", "4"}) Publish("a", text, {2});
  const auto since = [&](const Position& position) {
    return history_.Since("a", position, 10, now_).available_since;
  };
  EXPECT_EQ(since({epoch, 0}), 2);
  EXPECT_EQ(since({epoch, 1}), 2);
  EXPECT_EQ(since({epoch, 5}), 2) << "from the future";
  EXPECT_EQ(since({"another", 1}), 0);
  now_ += absl::Minutes(5);
  EXPECT_EQ(since({epoch, 3}), 4);
}

TEST_F(AHistory, KeepsItsBoundWhenHistoriesBegin) {
  const Position said = Publish("said", std::string(4000, 'x'));
  for (int i = 0; i < 1000; ++i) {
    const History::Place place =
        history_.Find(absl::StrCat("empty.", i), {10}, now_);
    EXPECT_TRUE(place.begun);
    given_up_ += place.given_up;
    ASSERT_LE(history_.bytes(), 10'000);
  }
  EXPECT_EQ(given_up_, 1001 - history_.channel_count());
  EXPECT_EQ(history_.Peek("said"), said) << "though it was used first";
  EXPECT_NE(history_.Peek("empty.999"), std::nullopt);
  EXPECT_EQ(history_.Peek("empty.0"), std::nullopt);
  // A used channel goes to the front, also without a publication.
  history_.Touch("empty.996", now_);
  given_up_ = 0;
  Publish("said", std::string(3000, 'x'));
  EXPECT_GT(given_up_, 0);
  EXPECT_NE(history_.Peek("empty.996"), std::nullopt);
  EXPECT_EQ(history_.Peek("empty.997"), std::nullopt);
}

TEST_F(AHistory, EvictsExpiredEventsBeforeOthers) {
  Publish("old", std::string(2000, 'x'), {10, absl::Seconds(5)});
  now_ += absl::Seconds(4);
  const Position fresh = Publish("fresh", std::string(2000, 'x'));
  now_ += absl::Seconds(1);
  history_.Expire(now_);
  history_.Touch("old", now_);
  Publish("new", std::string(6000, 'x'));
  EXPECT_EQ(history_.Peek("old"), std::nullopt);
  Publish("new", "1");
  EXPECT_EQ(given_up_, 2);
  EXPECT_EQ(history_.Peek("fresh"), std::nullopt);
}

TEST_F(AHistory, KeepsItsBoundUnderAnyPublications) {
  // Memory is short, and each channel evicts another one.
  for (int i = 0; i < 1000; ++i) {
    Publish(absl::StrCat(i % 50), std::string(1500, 'x'));
    ASSERT_LE(history_.bytes(), 10'000);
  }
  EXPECT_LE(history_.channel_count(), 5);
  EXPECT_EQ(given_up_, 1000 - history_.channel_count());
  // And each is checked once.
  now_ += absl::Minutes(5);
  EXPECT_EQ(static_cast<int64_t>(history_.Expire(now_).size()),
            history_.channel_count());
}

TEST_F(AHistory, ForgetsIdleChannelsOnlyIfTheyStillAre) {
  Publish("a", "1");
  Publish("b", "1");
  now_ += absl::Minutes(5);
  EXPECT_THAT(history_.Expire(now_), UnorderedElementsAre("a", "b"));
  const Position again = Publish("a", "2");
  history_.ForgetIfIdle("a", now_);
  history_.ForgetIfIdle("b", now_);
  history_.ForgetIfIdle("unknown", now_);
  EXPECT_EQ(history_.Peek("a"), again);
  EXPECT_EQ(history_.Peek("b"), std::nullopt);
}

TEST_F(AHistory, IsIdleSoonerWithoutAnyPublication) {
  const HistoryLimits hour{10, absl::Hours(1)};
  history_.Find("silent", hour, now_);
  history_.Find("released", hour, now_);
  Publish("said", "1", hour);
  now_ += kUnsaidLife - absl::Seconds(1);
  history_.Touch("released", now_);
  now_ += absl::Seconds(1);
  EXPECT_THAT(history_.Expire(now_), ElementsAre("silent"));
  now_ += kUnsaidLife;
  EXPECT_THAT(history_.Expire(now_),
              UnorderedElementsAre("silent", "released"));
}

TEST_F(AHistory, KeepsNothingOfAnEpochThatWasEvictedMeanwhile) {
  const History::Place place = history_.Number("a", {10}, now_);
  history_.Forget("a");
  Publish("a", "new");
  history_.Keep("a", place.position, std::make_shared<const std::string>("old"),
                now_);
  EXPECT_THAT(All("a"), ElementsAre("new"));
}

TEST_F(AHistory, ShrinksWithItsRule) {
  for (int i = 0; i < 5; ++i) Publish("a", absl::StrCat(i), {5});
  Publish("a", "5", {2});
  EXPECT_THAT(All("a"), ElementsAre("4", "5"));
}

TEST_F(AHistory, LooksSoonerWhenItsTimeBecomesShorter) {
  Publish("a", "1", {10, absl::Hours(1)});
  now_ += absl::Seconds(1);
  history_.Find("a", {10, absl::Seconds(5)}, now_);
  now_ += absl::Seconds(5);
  EXPECT_THAT(history_.Expire(now_), ElementsAre("a"));
  EXPECT_THAT(All("a"), ElementsAre());
}

TEST_F(AHistory, CountsEveryByte) {
  std::mt19937 random(20261126);
  const auto draw = [&](uint32_t end) {
    return static_cast<int64_t>(random() % end);
  };
  for (int step = 0; step < 20'000; ++step) {
    const std::string channel = absl::StrCat(draw(8));
    const HistoryLimits limits{1 + draw(5), absl::Seconds(1 + draw(20))};
    switch (draw(9)) {
      case 0:
        history_.Forget(channel);
        break;
      case 8: {
        const History::Place place = history_.Find(channel, limits, now_);
        given_up_ += place.given_up;
        EXPECT_EQ(history_.Peek(channel), place.position);
        break;
      }
      case 1:
        for (const std::string& idle : history_.Expire(now_)) {
          EXPECT_NE(history_.Peek(idle), std::nullopt);
          history_.ForgetIfIdle(idle, now_);
          EXPECT_EQ(history_.Peek(idle), std::nullopt);
        }
        break;
      case 2:
        now_ += absl::Milliseconds(draw(4000));
        break;
      default: {
        const Position position = Publish(
            channel, std::string(static_cast<size_t>(draw(1500)), 'x'), limits);
        const std::vector<std::string> all = All(channel);
        EXPECT_LE(all.size(), static_cast<size_t>(limits.size));
        EXPECT_LE(static_cast<int64_t>(all.size()), position.offset);
      }
    }
    ASSERT_LE(history_.bytes(), 10'000);
    ASSERT_GE(history_.bytes(), 1000 * history_.channel_count());
  }
  for (int i = 0; i < 8; ++i) history_.Forget(absl::StrCat(i));
  EXPECT_EQ(history_.bytes(), 0);
  EXPECT_EQ(history_.channel_count(), 0);
  EXPECT_GT(given_up_, 0);
}

}  // namespace
}  // namespace herald::core
