// SPDX-License-Identifier: Apache-2.0
//
// That a view finds each breach of proto/WEBSOCKET.md that a server could
// commit, and objects to nothing that the page allows.

#include "tests/end_to_end/chaos/channel_view.h"

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/end_to_end/chaos/channel_view_fixture.h"
#include "tests/end_to_end/chaos/failure.h"

namespace herald::chaos {
namespace {

using ::testing::ElementsAre;
using Kind = Frame::Kind;

TEST_F(AView, FollowsEventsFromWhereItWasSubscribed) {
  BeAtThree();
  Event(4, 4);
  Event(5, 5);
  EXPECT_TRUE(view_->active());
  EXPECT_EQ(view_->position(), (Position{"e", 5}));
  EXPECT_NO_THROW(ledger_.Judge());
}

TEST_F(AView, FindsALostEvent) {
  BeAtThree();
  ledger_.Acknowledge({1, 4}, kLog, Position{"e", 4});
  EXPECT_THROW(Event(5, 5), Failure);
}

TEST_F(AView, FindsALostEventThatIsKnownLater) {
  BeAtThree();
  Event(5, 5);
  ledger_.Acknowledge({1, 4}, kLog, Position{"e", 4});
  EXPECT_THROW(ledger_.Judge(), Failure);
}

TEST_F(AView, FindsADoubledEvent) {
  BeAtThree();
  Event(4, 4);
  EXPECT_THROW(Event(4, 4), Failure);
}

TEST_F(AView, FindsAReorderedEvent) {
  BeAtThree();
  Event(5, 5);
  EXPECT_THROW(Event(4, 4), Failure);
}

TEST_F(AView, FindsAnotherEventInAPlace) {
  BeAtThree();
  ledger_.Acknowledge({1, 4}, kLog, Position{"e", 4});
  EXPECT_THROW(Event(5, 4), Failure);
}

TEST_F(AView, FindsAMessageInTwoPlaces) {
  BeAtThree();
  Event(4, 4);
  EXPECT_THROW(Event(4, 5), Failure);
}

TEST_F(AView, SkipsEventsThatExceptItsSocket) {
  BeAtThree();
  Publish(4, "1.1");
  ledger_.Acknowledge({1, 4}, kLog, Position{"e", 4});
  Event(5, 5);
  EXPECT_NO_THROW(ledger_.Judge());
}

TEST_F(AView, FindsAnEventThatExceptedIt) {
  BeAtThree();
  Publish(4, "1.1");
  EXPECT_THROW(Event(4, 4), Failure);
}

TEST_F(AView, RecoversOnANewConnection) {
  BeAtThree();
  Event(4, 4);
  view_->Disconnected();
  EXPECT_FALSE(view_->active());
  view_->Connected("1.2");
  AskSince({"e", 4});
  Subscribed({"e", 6}, true);
  EXPECT_EQ(view_->position(), (Position{"e", 4}));
  Event(5, 5);
  Event(6, 6);
  Event(7, 7);
  EXPECT_EQ(view_->recoveries(), 1);
  EXPECT_EQ(view_->losses(), 0);
}

TEST_F(AView, FindsThatNotAllWasRecovered) {
  BeAtThree();
  for (int64_t i = 4; i <= 6; ++i) {
    ledger_.Acknowledge({1, i}, kLog, Position{"e", i});
  }
  view_->Disconnected();
  AskSince({"e", 3});
  Subscribed({"e", 6}, true);
  EXPECT_THROW(Event(5, 5), Failure);
}

TEST_F(AView, FindsNewEventsBeforeMissedOnes) {
  BeAtThree();
  ledger_.Acknowledge({1, 4}, kLog, Position{"e", 4});
  view_->Disconnected();
  AskSince({"e", 3});
  Subscribed({"e", 4}, true);
  EXPECT_THROW(Event(5, 5), Failure);
}

TEST_F(AView, FindsThatMoreThanWasMissedWasRecovered) {
  BeAtThree();
  Event(4, 4);
  view_->Disconnected();
  AskSince({"e", 4});
  Subscribed({"e", 4}, true);
  EXPECT_THROW(Event(4, 4), Failure);
}

TEST_F(AView, AcceptsALossThatIsAnnounced) {
  BeAtThree();
  view_->Disconnected();
  AskSince({"e", 3});
  Subscribed({"f", 7}, false);
  Event(8, 8);
  EXPECT_EQ(view_->losses(), 1);
  EXPECT_EQ(view_->position(), (Position{"f", 8}));
}

TEST_F(AView, AcceptsALossOfMoreThanIsRemembered) {
  BeAtThree();
  view_->Disconnected();
  AskSince({"e", 3});
  EXPECT_NO_THROW(Subscribed({"e", 14}, false));
}

TEST_F(AView, FindsALossWithoutNeed) {
  BeAtThree();
  view_->Disconnected();
  AskSince({"e", 3});
  EXPECT_THROW(Subscribed({"e", 13}, false), Failure);
}

TEST_F(AView, FindsARecoveryThatCannotBe) {
  BeAtThree();
  view_->Disconnected();
  AskSince({"e", 3});
  EXPECT_THROW(Subscribed({"f", 3}, true), Failure) << "another epoch";
  AskSince({"e", 3});
  EXPECT_THROW(Subscribed({"e", 2}, true), Failure) << "the past";
  Ask({Recover::Kind::kImpossible, {"e", 100}});
  EXPECT_THROW(Subscribed({"e", 4}, true), Failure);
  Ask({Recover::Kind::kImpossible, {"e", 100}});
  EXPECT_NO_THROW(Subscribed({"e", 4}, false));
}

TEST_F(AView, FindsAnAnswerOfAnotherForm) {
  BeAtThree();
  view_->Disconnected();
  AskSince({"e", 3});
  EXPECT_THROW(Subscribed({"e", 3}), Failure) << "no `recovered`";
  view_->Disconnected();
  Ask();
  EXPECT_THROW(Subscribed({"e", 3}, true), Failure) << "one";
  view_->Disconnected();
  Ask();
  EXPECT_THROW(SubscribedPlainly(), Failure) << "no position";
}

TEST_F(AView, OfTheLatestEventBeginsWithThat) {
  BeAtThree();
  view_->Disconnected();
  Ask({Recover::Kind::kLatest, {}});
  Subscribed({"e", 5}, true);
  EXPECT_EQ(view_->position(), std::nullopt);
  Event(5, 5);
  EXPECT_EQ(view_->position(), (Position{"e", 5}));
  Event(6, 6);
  EXPECT_THROW(Event(8, 8); ledger_.Judge(), Failure);
}

TEST_F(AView, FindsThatTheLatestIsNot) {
  BeAtThree();
  Event(4, 4);
  view_->Disconnected();
  Ask({Recover::Kind::kLatest, {}});
  Subscribed({"e", 5}, true);
  EXPECT_THROW(Event(4, 4), Failure);
  view_->Disconnected();
  Ask({Recover::Kind::kLatest, {}});
  EXPECT_THROW(Subscribed({"e", 5}, false), Failure) << "there is one";
}

TEST_F(AView, HasNoLatestEventWithoutAPublication) {
  Ask({Recover::Kind::kLatest, {}});
  Subscribed({"e", 0}, false);
  Publish(1);
  Event(1, 1);
  EXPECT_EQ(view_->position(), (Position{"e", 1}));
}

TEST_F(AView, IsNotifiedOfANewEpoch) {
  BeAtThree();
  Subscribed({"f", 2}, false);
  EXPECT_EQ(view_->losses(), 1);
  Event(4, 3);
  EXPECT_EQ(view_->position(), (Position{"f", 3}));
  EXPECT_NO_THROW(ledger_.Judge());
}

TEST_F(AView, FindsANewEpochThatWasNotAnnounced) {
  BeAtThree();
  Event(4, 4);
  EXPECT_THROW(Event(5, 1), Failure);
}

TEST_F(AView, FindsALossThatANewEpochHides) {
  BeAtThree();
  ledger_.Acknowledge({1, 4}, kLog, Position{"e", 4});
  Subscribed({"f", 0});
  EXPECT_THROW(ledger_.Judge(), Failure);
}

TEST_F(AView, FindsAnUnaskedLossWithoutNeed) {
  BeAtThree();
  EXPECT_THROW(Subscribed({"e", 5}, false), Failure);
}

TEST_F(AView, IsAnsweredAgainAtItsPlace) {
  BeAtThree();
  Ask();
  Subscribed({"e", 3});
  EXPECT_FALSE(view_->waits());
  Ask();
  ledger_.Acknowledge({1, 4}, kLog, Position{"e", 4});
  EXPECT_THROW(Subscribed({"e", 4}), Failure) << "it has not received e#4";
}

TEST_F(AView, AcceptsTheAnswerFromANewEpoch) {
  BeAtThree();
  Ask();
  Subscribed({"f", 0}, false);
  EXPECT_TRUE(view_->waits());
  Subscribed({"f", 0});
  EXPECT_FALSE(view_->waits());
  EXPECT_NO_THROW(ledger_.Judge());
}

TEST_F(AView, FindsAnswersToNothing) {
  EXPECT_THROW(Subscribed({"e", 3}), Failure);
  EXPECT_THROW(Unsubscribed(), Failure);
  EXPECT_THROW(Refused("unavailable"), Failure);
}

TEST_F(AView, MayBeRefusedOnlyWithoutADecision) {
  Ask();
  Refused("unavailable");
  EXPECT_FALSE(view_->waits());
  Ask();
  EXPECT_THROW(Refused("unauthorized"), Failure);
}

TEST_F(AView, EndsWithAnUnsubscribeThatAnswersAllBeforeIt) {
  BeAtThree();
  Ask();
  view_->AskedToLeave();
  AskSince({"e", 3});
  Unsubscribed();
  EXPECT_FALSE(view_->active());
  EXPECT_TRUE(view_->waits());
  EXPECT_THROW(Event(4, 4), Failure) << "it is not subscribed";
  Subscribed({"e", 4}, true);
  Event(4, 4);
  EXPECT_FALSE(view_->waits());
}

TEST_F(AView, IsNotUnsubscribedForAReason) {
  BeAtThree();
  EXPECT_THROW(Unsubscribed("the grant has expired"), Failure);
}

TEST_F(AView, FindsAnEventBeforeItIsSubscribed) {
  Publish(1);
  Ask();
  EXPECT_THROW(Event(1, 1), Failure);
}

TEST_F(AView, WithoutHistoryAcceptsLossButNoRepetition) {
  Use(kNews);
  for (int64_t number = 1; number <= 9; ++number) Publish(number);
  Ask();
  SubscribedPlainly();
  Event(1);
  Event(4);
  EXPECT_EQ(view_->latest(), (MessageId{1, 4}));
  EXPECT_THROW(Event(4), Failure) << "doubled";
  EXPECT_THROW(Event(3), Failure) << "late";
  EXPECT_THROW(Event(5, 1), Failure) << "with an offset";
  view_->Disconnected();
  Ask({Recover::Kind::kSince, {"e", 1}});
  EXPECT_THROW(
      {
        Frame frame = Of(Kind::kSubscribed);
        frame.recovered = true;
        view_->Receive(frame);
      },
      Failure);
}

TEST_F(AView, WithoutHistoryGivesItsOrderToTheBook) {
  Use(kNews);
  for (int64_t number = 1; number <= 2; ++number) Publish(number);
  ledger_.Publish({2, 1}, {"news"});
  Ask();
  SubscribedPlainly();
  Event(1);
  Event(2);
  view_->Disconnected();
  order_.Add("news", {{1, 2}, {1, 1}});
  EXPECT_THROW(order_.Check([](MessageId) { return false; }), Failure);
}

TEST_F(AView, ReceivesAWhisperOnceAndWithoutAPosition) {
  BeAtThree();
  Frame whisper = Of(Kind::kEvent);
  whisper.data = DataOf({1, 9});
  whisper.is_whisper = true;
  view_->Receive(whisper);
  EXPECT_EQ(view_->position(), (Position{"e", 3}));
  EXPECT_THROW(view_->Receive(whisper), Failure);
  whisper.data = DataOf({1, 10});
  whisper.has_offset = true;
  whisper.offset = 4;
  EXPECT_THROW(view_->Receive(whisper), Failure);
}

TEST_F(AView, OfAPresenceChannelFollowsItsMembers) {
  Use(kRoom);
  Ask();
  SubscribedPlainly({"ada", "bob"});
  Member(Kind::kMemberAdded, "eve");
  Member(Kind::kMemberRemoved, "bob");
  EXPECT_THAT(view_->members(), ElementsAre("ada", "eve"));
  EXPECT_THROW(Member(Kind::kMemberAdded, "eve"), Failure);
  EXPECT_THROW(Member(Kind::kMemberRemoved, "bob"), Failure);
  view_->AskedToLeave();
  Unsubscribed();
  EXPECT_THROW(Member(Kind::kMemberAdded, "bob"), Failure);
  Ask();
  EXPECT_THROW(SubscribedPlainly({"ada", "ada"}), Failure);
}

}  // namespace
}  // namespace herald::chaos
