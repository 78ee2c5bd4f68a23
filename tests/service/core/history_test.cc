// SPDX-License-Identifier: Apache-2.0
//
// What only the memory of one process promises: its bound. (What every engine
// promises of histories is in tests/contract/engine_history_suite.h.)

#include "service/core/history.h"

#include <random>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace herald::core {
namespace {

using ::testing::ElementsAre;

class AHistory : public ::testing::Test {
 protected:
  Position Say(const std::string& channel, const std::string& text,
               HistoryLimits limits = {10}) {
    const History::Place place = history_.Number(channel, limits, now_);
    given_up_ += history_.Keep(channel, place.position,
                               std::make_shared<const std::string>(text), now_);
    return place.position;
  }
  std::vector<std::string> All(const std::string& channel) {
    std::vector<std::string> texts;
    for (const Chunk& chunk : history_.All(channel, 1000, now_).chunks) {
      texts.push_back(*chunk);
    }
    return texts;
  }

  uint64_t last_epoch_ = 0;
  int64_t given_up_ = 0;
  absl::Time now_ = absl::FromUnixSeconds(1000);
  History history_{10'000, [this] { return ++last_epoch_; }};
};

TEST_F(AHistory, GivesUpTheChannelThatWasNotUsedForTheLongestTime) {
  const std::string text(2000, 'x');
  Say("a", text);
  Say("b", text);
  Say("c", text);
  EXPECT_EQ(given_up_, 0);
  const Position a = *history_.Peek("a");
  history_.Since("a", a, 1, now_);  // Reading is using.
  Say("d", text);
  EXPECT_EQ(given_up_, 1);
  EXPECT_EQ(history_.Peek("b"), std::nullopt);
  EXPECT_EQ(history_.Peek("a"), a);
  EXPECT_LE(history_.bytes(), 10'000);
  EXPECT_EQ(Say("b", "1").offset, 1) << "a new epoch";
}

TEST_F(AHistory, GivesUpEvenTheLastOneRatherThanItsBound) {
  Say("a", std::string(20'000, 'x'));
  EXPECT_EQ(given_up_, 1);
  EXPECT_EQ(history_.bytes(), 0);
  EXPECT_EQ(Say("a", "1").offset, 1);
}

TEST_F(AHistory, KeepsNothingOfAnEpochThatWasGivenUpMeanwhile) {
  const History::Place place = history_.Number("a", {10}, now_);
  history_.Forget("a");
  Say("a", "new");
  history_.Keep("a", place.position, std::make_shared<const std::string>("old"),
                now_);
  EXPECT_THAT(All("a"), ElementsAre("new"));
}

TEST_F(AHistory, ShrinksWithItsRule) {
  for (int i = 0; i < 5; ++i) Say("a", absl::StrCat(i), {5});
  Say("a", "5", {2});
  EXPECT_THAT(All("a"), ElementsAre("4", "5"));
}

TEST_F(AHistory, LooksSoonerWhenItsTimeBecomesShorter) {
  Say("a", "1", {10, absl::Hours(1)});
  now_ += absl::Seconds(1);
  history_.Find("a", {10, absl::Seconds(5)}, now_);
  now_ += absl::Seconds(5);
  EXPECT_THAT(history_.Expire(now_), ElementsAre("a"));
  EXPECT_THAT(All("a"), ElementsAre());
}

TEST_F(AHistory, CountsEveryByteWhateverHappens) {
  std::mt19937 random(20261126);
  const auto draw = [&](uint32_t end) {
    return static_cast<int64_t>(random() % end);
  };
  for (int step = 0; step < 20'000; ++step) {
    const std::string channel = absl::StrCat(draw(8));
    const HistoryLimits limits{1 + draw(5), absl::Seconds(1 + draw(20))};
    switch (draw(8)) {
      case 0:
        history_.Forget(channel);
        break;
      case 1:
        for (const std::string& idle : history_.Expire(now_)) {
          EXPECT_THAT(All(idle), ElementsAre());
          history_.Forget(idle);
        }
        break;
      case 2:
        now_ += absl::Milliseconds(draw(4000));
        break;
      default: {
        const Position position = Say(
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
