// SPDX-License-Identifier: Apache-2.0
//
// A browser that was away gets the events that it has missed before any new
// one, or the answer that they are lost; and so does a gateway.

#include "gateway/router/router.h"
#include "tests/gateway/router/history_world.h"

namespace herald::gateway {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST_F(ARouterWithHistory, SendsThePositionOfTheChannel) {
  Attach();
  offset_ = 4;
  Browser& ada = Open();
  ada.Received();
  Ask(ada);
  AllowAt(Asked().ticket());
  EXPECT_THAT(ada.Received(), ElementsAre(Subscribed()));
  Publish();
  EXPECT_THAT(ada.Received(), ElementsAre(Event(5)));
  Ask(ada);
  EXPECT_THAT(ada.Received(), ElementsAre(Subscribed()));
}

TEST_F(ARouterWithHistory, AnswersAtOnceIfNothingWasMissed) {
  Attach();
  Listening();
  Publish(3);
  Browser& bob = Returning(3);
  EXPECT_THAT(bob.Received(), ElementsAre(Subscribed("true")));
  EXPECT_THAT(Recovers(), IsEmpty());
  EXPECT_EQ(observer_.recovered, 1);
}

TEST_F(ARouterWithHistory, GivesMissedEventsBeforeNewOnes) {
  Attach();
  Browser& ada = Listening();
  Publish(3);
  Browser& bob = Returning(1, /*shard=*/1);
  EXPECT_THAT(bob.Received(), IsEmpty());
  EXPECT_THAT(Recovers(), ElementsAre(1));
  Publish();  // Before the service has read the question.
  EXPECT_THAT(bob.Received(), IsEmpty());
  Replay(1);
  const std::vector<std::string> heard = bob.Received();
  EXPECT_THAT(heard,
              ElementsAre(Subscribed("true"), Event(2), Event(3), Event(4)));
  Publish();
  EXPECT_THAT(bob.Received(), ElementsAre(Event(5)));
  EXPECT_THAT(ada.Received(),
              ElementsAre(Event(1), Event(2), Event(3), Event(4), Event(5)))
      << "no other socket receives it twice";
}

TEST_F(ARouterWithHistory, ReportsALossAndSendsNothing) {
  Attach();
  Listening();
  Publish(5);
  Browser& far = Returning(1);
  Browser& near = Returning(4);
  EXPECT_THAT(Recovers(), ElementsAre(1));
  Say(Recovery(1, /*available=*/false));
  EXPECT_THAT(far.Received(), ElementsAre(Subscribed("false")));
  EXPECT_THAT(Recovers(), ElementsAre(4));
  Replay(4);
  EXPECT_THAT(near.Received(), ElementsAre(Subscribed("true"), Event(5)));
  Publish();
  EXPECT_THAT(far.Received(), ElementsAre(Event(6)));
}

TEST_F(ARouterWithHistory, DetectsImpossiblePositionsByItself) {
  Attach();
  Listening();
  Publish(2);
  EXPECT_THAT(Returning(3).Received(), ElementsAre(Subscribed("false")))
      << "from the future";
  Browser& other = Open();
  other.Received();
  Ask(other, R"({"epoch":"e0","offset":1})");
  AllowAt(Asked().ticket());
  EXPECT_THAT(other.Received(), ElementsAre(Subscribed("false")));
  EXPECT_THAT(Recovers(), IsEmpty());
  EXPECT_EQ(observer_.lost, 2);
}

TEST_F(ARouterWithHistory, GivesTheLatestEventOnRequest) {
  Attach();
  Listening();
  Browser& early = Open();
  early.Received();
  Ask(early, R"({"offset":0})");
  AllowAt(Asked().ticket());
  EXPECT_THAT(early.Received(), ElementsAre(Subscribed("false")))
      << "nothing was published yet";
  Publish(3);
  Browser& late = Open();
  late.Received();
  Ask(late, R"({"offset":0})");
  AllowAt(Asked().ticket());
  EXPECT_THAT(Recovers(), ElementsAre(kLatest));
  Replay(2);
  EXPECT_THAT(late.Received(), ElementsAre(Subscribed("true"), Event(3)));

  Browser& later = Open();
  later.Received();
  Ask(later, R"({"offset":0})");
  AllowAt(Asked().ticket());
  Publish();  // Before the service has read the question.
  EXPECT_THAT(Recovers(), ElementsAre(kLatest));
  Replay(3);
  EXPECT_THAT(later.Received(), ElementsAre(Subscribed("true"), Event(4)))
      << "only the latest";

  Browser& none = Open();
  none.Received();
  Ask(none, R"({"offset":0})");
  AllowAt(Asked().ticket());
  link::v1::ServiceItem gone = Recovery(0, /*available=*/false);
  gone.mutable_recovery()->mutable_since()->clear_epoch();
  Say(gone);
  EXPECT_THAT(none.Received(), ElementsAre(Subscribed("false")))
      << "its time was over";
}

TEST_F(ARouterWithHistory, ReportsALossOnAChannelWithoutHistory) {
  Attach();
  Browser& ada = Open();
  ada.Received();
  Ask(ada, 7);
  Allow();
  EXPECT_THAT(ada.Received(),
              ElementsAre(R"({"type":"subscribed","channel":"chat",)"
                          R"("recovered":false})"));
}

TEST_F(ARouterWithHistory, UnsubscribesASocketThatClosedWhileItWaited) {
  Attach();
  Listening();
  Publish(2);
  Browser& bob = Returning(1);
  Send(bob, R"({"type":"unsubscribe","channel":"chat"})");
  const int64_t ticket = Asked().ticket();
  Recovers();
  Replay(1);
  EXPECT_EQ(uplink_->items.back().unsubscribe().ticket(), ticket);
  EXPECT_THAT(bob.Received(),
              ElementsAre(R"({"type":"unsubscribed","channel":"chat"})"));
}

TEST_F(ARouterWithHistory, SendsItsPositionsWhenItAttachesAgain) {
  Attach();
  Browser& ada = Listening();
  Publish(2);
  Browser& bob = Returning(1);
  router_.LinkDown("lost");
  Run();
  EXPECT_THAT(bob.Received(), ElementsAre(HasSubstr(R"("code":"unavailable")")))
      << "no question waits for a service that is away";
  Attach(absl::Seconds(1));
  std::vector<v1::Position> held;
  for (const auto& item : attach_items_) {
    if (item.has_held()) held.push_back(item.held().position());
  }
  ASSERT_THAT(held, SizeIs(1));
  EXPECT_EQ(attach_items_.at(1).held().subscription_count(), 1);
  EXPECT_EQ(held[0].epoch(), "e1");
  EXPECT_EQ(held[0].offset(), 2);
  ada.Received();
  Publish();  // Missed events come as any others.
  EXPECT_THAT(ada.Received(), ElementsAre(Event(3)));
}

TEST_F(ARouterWithHistory, NotifiesAllSubscribersOfANewEpoch) {
  Attach();
  Browser& ada = Listening();
  Publish(2);
  ada.Received();
  Move("e2", /*lost=*/true);
  EXPECT_THAT(ada.Received(), ElementsAre(Subscribed("false")));
  Publish();
  EXPECT_THAT(ada.Received(), ElementsAre(Event(1)));
  Move("e3", /*lost=*/false);
  EXPECT_THAT(ada.Received(), ElementsAre(Subscribed()));
}

TEST_F(ARouterWithHistory, EndsAllQuestionsWithAnEpoch) {
  Attach();
  Listening();
  Publish(2);
  Browser& bob = Returning(1);
  EXPECT_THAT(Recovers(), ElementsAre(1));
  const auto stray = Recovery(1, /*available=*/false);
  Move("e2", /*lost=*/false);
  EXPECT_THAT(bob.Received(), ElementsAre(Subscribed("false")));
  Publish(3);
  bob.Received();
  Browser& cyd = Returning(1);
  EXPECT_THAT(Recovers(), ElementsAre(1));
  Say(stray);  // Of the old epoch: answers no request.
  EXPECT_THAT(cyd.Received(), IsEmpty());
  Replay(1);
  EXPECT_THAT(cyd.Received(), SizeIs(3));
  EXPECT_THAT(bob.Received(), IsEmpty());
}

TEST_F(ARouterWithHistory, FillsAGap) {
  Attach();
  Browser& ada = Listening();
  Publish();
  ada.Received();
  offset_ = 3;
  Say(Published(3));  // Where is 2?
  EXPECT_EQ(observer_.gaps, 1);
  EXPECT_THAT(ada.Received(), IsEmpty());
  EXPECT_THAT(Recovers(), ElementsAre(1));
  Publish();
  EXPECT_THAT(ada.Received(), IsEmpty());
  Replay(1);
  EXPECT_THAT(ada.Received(), ElementsAre(Event(2), Event(3), Event(4)));
  Publish();
  EXPECT_THAT(ada.Received(), ElementsAre(Event(5)));
  EXPECT_EQ(observer_.gaps, 1);
  EXPECT_THAT(Recovers(), IsEmpty());
}

TEST_F(ARouterWithHistory, ReportsAGapThatCannotBeFilled) {
  Attach();
  Browser& ada = Listening();
  Publish();
  ada.Received();
  offset_ = 3;
  Say(Published(3));
  Say(Recovery(1, /*available=*/false));
  EXPECT_THAT(ada.Received(), ElementsAre(Subscribed("false")));
  Browser& bob = Returning(3);
  EXPECT_THAT(bob.Received(), ElementsAre(Subscribed("true")));
  Publish();
  EXPECT_THAT(ada.Received(), ElementsAre(Event(4)));
  EXPECT_THAT(bob.Received(), ElementsAre(Event(4)));
}

TEST_F(ARouterWithHistory, ReportsALossIfAnEpochEndsInAGap) {
  Attach();
  Browser& ada = Listening();
  Publish();
  ada.Received();
  offset_ = 3;
  Say(Published(3));
  Move("e2", /*lost=*/false);
  EXPECT_THAT(ada.Received(), ElementsAre(Subscribed("false")));
}

TEST_F(ARouterWithHistory, BeginsAtThePositionOfTheYesWithoutAListener) {
  Attach();
  Browser& ada = Listening();
  Publish();
  Send(ada, R"({"type":"unsubscribe","channel":"chat"})");
  offset_ = 9;  // Published while no link carried it.
  Browser& bob = Returning(7);
  EXPECT_THAT(Recovers(), ElementsAre(7));
  Replay(7);
  EXPECT_THAT(bob.Received(),
              ElementsAre(Subscribed("true"), Event(8), Event(9)));
  EXPECT_EQ(observer_.gaps, 0);
}

// Subscribes while one is open.
}  // namespace
}  // namespace herald::gateway
