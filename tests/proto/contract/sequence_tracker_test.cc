// SPDX-License-Identifier: Apache-2.0

#include "proto/contract/sequence_tracker.h"

#include "gtest/gtest.h"

namespace herald::contract {
namespace {

using Order = SequenceTracker::Order;

TEST(ASequenceTracker, ClassifiesOffsets) {
  const SequenceTracker offsets(5);
  EXPECT_EQ(offsets.OrderOf(4), Order::kRepeat);
  EXPECT_EQ(offsets.OrderOf(5), Order::kRepeat);
  EXPECT_EQ(offsets.OrderOf(6), Order::kNext);
  EXPECT_EQ(offsets.OrderOf(7), Order::kBehindGap);
}

TEST(ASequenceTracker, BeginsBeforeTheFirstElement) {
  SequenceTracker offsets;
  EXPECT_EQ(offsets.OrderOf(0), Order::kRepeat);
  EXPECT_EQ(offsets.OrderOf(1), Order::kNext);
  offsets.Advance();
  EXPECT_EQ(offsets.last(), 1);
  EXPECT_EQ(offsets.OrderOf(1), Order::kRepeat);
}

TEST(ASequenceTracker, OpensAGapOnce) {
  SequenceTracker offsets(5);
  EXPECT_FALSE(offsets.Skip(5)) << "a repeat";
  EXPECT_FALSE(offsets.HasGap());
  EXPECT_TRUE(offsets.Skip(8));
  EXPECT_FALSE(offsets.Skip(9));
  EXPECT_TRUE(offsets.HasGap());
}

TEST(ASequenceTracker, ClosesAGapWhenAnAnswerHasReachedItsEnd) {
  SequenceTracker offsets(5);
  offsets.Skip(8);
  offsets.Ask(5);
  offsets.Skip(7);
  offsets.Advance();
  offsets.Advance();
  offsets.EndAnswer();
  EXPECT_TRUE(offsets.HasGap()) << "7 of 8";
  offsets.Ask(7);
  offsets.Advance();
  EXPECT_TRUE(offsets.HasGap()) << "the question is open";
  offsets.EndAnswer();
  EXPECT_FALSE(offsets.HasGap());
}

TEST(ASequenceTracker, HasOneQuestionAtATime) {
  SequenceTracker offsets(5);
  EXPECT_FALSE(offsets.IsAsking());
  offsets.Ask(3);
  EXPECT_TRUE(offsets.IsAsking());
  EXPECT_EQ(offsets.asked_since(), 3);
  EXPECT_DEATH(offsets.Ask(4), "required");
  offsets.Withdraw();
  EXPECT_FALSE(offsets.IsAsking());
}

TEST(ASequenceTracker, PassesOverAGapThatCannotBeFilled) {
  SequenceTracker offsets(5);
  offsets.Skip(8);
  offsets.Ask(5);
  EXPECT_FALSE(offsets.PassOverGap()) << "it may be filled yet";
  offsets.EndRefusal(5);
  EXPECT_FALSE(offsets.IsAsking());
  EXPECT_TRUE(offsets.PassOverGap());
  EXPECT_EQ(offsets.last(), 8);
  EXPECT_FALSE(offsets.HasGap());
  EXPECT_FALSE(offsets.PassOverGap()) << "once";
}

TEST(ASequenceTracker, KeepsAGapThatIsAvailableThoughOlderElementsAreNot) {
  SequenceTracker offsets(5);
  offsets.Skip(8);
  offsets.Ask(1);
  offsets.EndRefusal(4);
  EXPECT_FALSE(offsets.PassOverGap());
  EXPECT_TRUE(offsets.HasGap());
}

TEST(ASequenceTracker, LosesNothingWithoutAGap) {
  SequenceTracker offsets(5);
  offsets.Ask(1);
  offsets.EndRefusal(9);
  EXPECT_FALSE(offsets.PassOverGap());
  EXPECT_EQ(offsets.last(), 5);
}

TEST(ASequenceTracker, AbandonsQuestionAndGap) {
  SequenceTracker offsets(5);
  offsets.Skip(8);
  offsets.Ask(5);
  offsets.EndRefusal(5);
  offsets.Ask(5);
  offsets.Abandon();
  EXPECT_FALSE(offsets.IsAsking());
  EXPECT_FALSE(offsets.HasGap());
  EXPECT_FALSE(offsets.PassOverGap());
  EXPECT_EQ(offsets.last(), 5);
}

}  // namespace
}  // namespace herald::contract
