// SPDX-License-Identifier: Apache-2.0
//
// The same for channels whose rules drop to the latest event for slow
// consumers, or change.

#include <memory>
#include <optional>
#include <string>

#include "gtest/gtest.h"
#include "tests/end_to_end/chaos/channel_view.h"
#include "tests/end_to_end/chaos/channel_view_fixture.h"
#include "tests/end_to_end/chaos/failure.h"

namespace herald::chaos {
namespace {

using Kind = Frame::Kind;

TEST_F(AView, MayBeClosedForReadingTooSlowly) {
  Use(kPrice);
  BeAtThree();
  ledger_.Acknowledge({1, 4}, kPrice, Position{"e", 4});
  Subscribed({"e", 5}, false);
  EXPECT_EQ(view_->losses(), 1);
  EXPECT_THROW(Event(5, 5), Failure) << "reported as lost";
  Event(6, 6);
  EXPECT_THROW(Event(8, 8); ledger_.Judge(), Failure);
}

TEST_F(AView, FindsAnEventThatWasDroppedWithoutNotice) {
  Use(kPrice);
  BeAtThree();
  ledger_.Acknowledge({1, 4}, kPrice, Position{"e", 4});
  EXPECT_THROW(Event(5, 5), Failure);
}

TEST_F(AView, ThatLagsMayLoseEvents) {
  BeAtThree();
  view_->Disconnected();
  view_->Connected("1.2");
  view_->Lags();
  AskSince({"e", 3});
  EXPECT_NO_THROW(Subscribed({"e", 5}, false));
  view_->Disconnected();
  view_->Connected("1.3");
  AskSince({"e", 5});
  EXPECT_THROW(Subscribed({"e", 7}, false), Failure);
}

TEST_F(AView, FollowsAHistoryThatEndsAndBegins) {
  Use(kWhim);
  BeAtThree();
  Event(4, 4);
  SubscribedPlainly();
  EXPECT_EQ(view_->position(), std::nullopt);
  Event(5);
  EXPECT_THROW(Event(5), Failure) << "doubled";
  EXPECT_THROW(Event(6, 5), Failure) << "of an unknown epoch";
  Subscribed({"f", 0});
  Event(7, 1);
  EXPECT_EQ(view_->position(), (Position{"f", 1}));
  EXPECT_NO_THROW(ledger_.Judge());
}

TEST_F(AView, FindsAnEndOfAHistoryThatWasNotAnnounced) {
  Use(kWhim);
  BeAtThree();
  EXPECT_THROW(Event(4), Failure);
}

TEST_F(AView, FindsALossThatTheEndOfAHistoryHides) {
  Use(kWhim);
  BeAtThree();
  ledger_.Acknowledge({1, 4}, kWhim, Position{"e", 4});
  SubscribedPlainly();
  EXPECT_THROW(ledger_.Judge(), Failure);
}

TEST_F(AView, AcceptsThatTheEndOfAHistoryIsALoss) {
  Use(kWhim);
  BeAtThree();
  ledger_.Acknowledge({1, 4}, kWhim, Position{"e", 4});
  Frame frame = Of(Kind::kSubscribed);
  frame.recovered = false;
  view_->Receive(frame);
  EXPECT_EQ(view_->losses(), 1);
  EXPECT_NO_THROW(ledger_.Judge());
}

TEST_F(AView, IsAnsweredWhereThereIsNoHistoryAnyMore) {
  Use(kWhim);
  BeAtThree();
  view_->Disconnected();
  AskSince({"e", 3});
  SubscribedPlainly();
  EXPECT_EQ(view_->position(), std::nullopt);
  Event(4);
  Ask();
  SubscribedPlainly();
  EXPECT_FALSE(view_->waits());
}

}  // namespace
}  // namespace herald::chaos
