// SPDX-License-Identifier: Apache-2.0
//
// Clients that unsubscribe while too much waits for the link.

#include <string>

#include "absl/strings/str_cat.h"
#include "tests/gateway/gateway_world.h"

namespace herald::gateway {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class Unsubscribing : public GatewayWorld {
 protected:
  Unsubscribing() { Attach(); }

  static std::string To(const std::string& type, const std::string& channel) {
    return R"({"type":")" + type + R"(","channel":")" + channel + "\"}";
  }

  void UnsubscribeBesideAFullLink(Browser& browser,
                                  const std::string& channel) {
    uplink_->Take();
    uplink_->waiting_bytes = kEndOutboxBytesMax;
    browser.shard->Receive(browser.session, To("unsubscribe", channel));
    Run(/*turns=*/3);
  }

  void EmptyTheLink() {
    uplink_->waiting_bytes = 0;
    Run();
  }
};

TEST_F(Unsubscribing, WaitsInTurnForALinkThatHasTooMuchToWrite) {
  Browser& ada = Subscribed(Open(), "news");
  UnsubscribeBesideAFullLink(ada, "news");
  EXPECT_THAT(uplink_->items, IsEmpty());
  EXPECT_THAT(ada.Received(), ElementsAre(To("unsubscribed", "news")));
  Publish("news", "1", "", /*turns=*/3);
  EXPECT_THAT(ada.Received(), IsEmpty());
  EmptyTheLink();
  ASSERT_THAT(uplink_->items, SizeIs(1));
  EXPECT_EQ(uplink_->items[0].unsubscribe().channel(), "news");
  EXPECT_THAT(ada.Received(), IsEmpty()) << "it has been notified";
}

TEST_F(Unsubscribing, MayBeRepeatedMeanwhile) {
  Browser& ada = Subscribed(Open(), "news");
  UnsubscribeBesideAFullLink(ada, "news");
  UnsubscribeBesideAFullLink(ada, "news");
  EXPECT_THAT(ada.Received(), ElementsAre(To("unsubscribed", "news"),
                                          To("unsubscribed", "news")));
  EmptyTheLink();
  EXPECT_THAT(uplink_->items, SizeIs(1));
}

TEST_F(Unsubscribing, IsAnsweredBehindTheEventsOfALargeChannel) {
  Browser& ada = Subscribed(Open(), "news");
  for (size_t i = 0; i < kBulkSubscribers; ++i) Subscribed(Open(), "news");
  Publish("news", "1", "", /*turns=*/0);
  UnsubscribeBesideAFullLink(ada, "news");
  Publish("news", "2");
  EXPECT_THAT(ada.Received(),
              ElementsAre(Event("news", "1"), To("unsubscribed", "news")));
}

TEST_F(Unsubscribing, KeepsTheOrderOfASubscribeBehindIt) {
  Browser& ada = Subscribed(Open(), "news");
  UnsubscribeBesideAFullLink(ada, "news");
  ada.Received();
  ada.shard->Receive(ada.session, To("subscribe", "news"));
  Run(/*turns=*/3);
  EXPECT_THAT(ada.Received(), ElementsAre(HasSubstr("unavailable")));
  EXPECT_THAT(uplink_->items, IsEmpty());
  uplink_->waiting_bytes = 0;
  Send(ada, To("subscribe", "news"));
  ASSERT_THAT(uplink_->items, SizeIs(2));
  EXPECT_TRUE(uplink_->items[0].has_unsubscribe());
  EXPECT_TRUE(uplink_->items[1].has_subscribe());
  Allow();
  ada.Received();
  Publish("news", "1");
  EXPECT_THAT(ada.Received(), ElementsAre(Event("news", "1")));
}

TEST_F(Unsubscribing, EndsTheRightToWhisper) {
  Browser& ada = Subscribed(Open(), "news");
  UnsubscribeBesideAFullLink(ada, "news");
  ada.Received();
  ada.shard->Receive(
      ada.session,
      R"({"type":"whisper","channel":"news","event":"e","data":1})");
  Run(/*turns=*/3);
  EXPECT_THAT(ada.Received(), ElementsAre(HasSubstr("not_subscribed")));
}

TEST_F(Unsubscribing, MakesRoomForAnotherChannelInTurn) {
  Browser& ada = Open();
  for (int i = 0; i < 200; ++i) Subscribed(ada, absl::StrCat("c-", i));
  UnsubscribeBesideAFullLink(ada, "c-7");
  ada.Received();
  ada.shard->Receive(ada.session, To("subscribe", "news"));
  EXPECT_THAT(ada.Received(), IsEmpty());
  Run(/*turns=*/1);
  EXPECT_THAT(ada.Received(), ElementsAre(HasSubstr("unavailable")));
  EmptyTheLink();
  Send(ada, To("subscribe", "news"));
  EXPECT_EQ(Asked().channel(), "news");
}

TEST_F(Unsubscribing, TakesThePlaceOfARevocation) {
  Browser& ada = Subscribed(Open(), "private-x", "ada");
  uplink_->waiting_bytes = kEndOutboxBytesMax;
  link::v1::ServiceItem item;
  item.mutable_revocation()->set_user_id("ada");
  Say(item, /*turns=*/3);
  EXPECT_THAT(ada.Received(), IsEmpty());
  UnsubscribeBesideAFullLink(ada, "private-x");
  EXPECT_THAT(ada.Received(), ElementsAre(To("unsubscribed", "private-x")));
  EmptyTheLink();
  EXPECT_THAT(uplink_->items, SizeIs(1));
  EXPECT_THAT(ada.Received(), IsEmpty());
}

TEST_F(Unsubscribing, DoesNotChangeTheReasonOfARevocation) {
  Browser& ada = Subscribed(Open(), "private-x", "ada");
  Subscribed(ada, "news");
  uplink_->waiting_bytes = kEndOutboxBytesMax;
  link::v1::ServiceItem item;
  item.mutable_revocation()->set_user_id("ada");
  item.mutable_revocation()->set_reason("moved");
  Say(item, /*turns=*/3);
  UnsubscribeBesideAFullLink(ada, "news");
  ada.Received();
  uplink_->waiting_bytes = 0;
  ada.shard->Receive(ada.session, To("subscribe", "private-x"));
  Run(/*turns=*/1);
  EXPECT_THAT(ada.Received(), ElementsAre(HasSubstr("moved")));
}

TEST_F(Unsubscribing, OfABackendIsAnsweredBehindTheEnd) {
  Browser& ada = Subscribed(Open(), "news");
  uplink_->Take();
  uplink_->waiting_bytes = kEndOutboxBytesMax;
  link::v1::ServiceItem item;
  item.mutable_call()->set_call_id(5);
  item.mutable_call()->mutable_unsubscribe()->set_socket_id(ada.id);
  item.mutable_call()->mutable_unsubscribe()->set_channel("news");
  Say(item, /*turns=*/3);
  EXPECT_THAT(ada.Received(), ElementsAre(HasSubstr("by the backend")));
  EXPECT_THAT(uplink_->items, IsEmpty());
  EmptyTheLink();
  ASSERT_THAT(uplink_->items, SizeIs(2));
  EXPECT_TRUE(uplink_->items[0].has_unsubscribe());
  EXPECT_EQ(uplink_->items[1].call_result().call_id(), 5);
}

TEST_F(Unsubscribing, MayCloseItsSocketMeanwhile) {
  Browser& ada = Subscribed(Open(), "news");
  Subscribed(ada, "other");
  UnsubscribeBesideAFullLink(ada, "news");
  ada.shard->Closed(std::exchange(ada.session, nullptr));
  EmptyTheLink();
  EXPECT_THAT(uplink_->items, SizeIs(2));
  EXPECT_EQ(loops_[0].shard->session_count(), 0);
}

TEST_F(Unsubscribing, BeforeTheAnswerWaitsForALinkThatIsNearlyFull) {
  Browser& ada = Open();
  Send(ada, To("subscribe", "news"));
  link::v1::ServiceItem yes;
  yes.mutable_subscribed()->set_ticket(Asked().ticket());
  uplink_->Take();
  uplink_->waiting_bytes = kCrossedOutboxBytesMax;
  Send(ada, To("unsubscribe", "news"));
  Say(yes);
  EXPECT_THAT(uplink_->items, IsEmpty());
  uplink_->waiting_bytes = kQuestionOutboxBytesMax;
  Send(ada, To("subscribe", "other"));  // No room for that.
  ASSERT_THAT(uplink_->items, SizeIs(1));
  EXPECT_EQ(uplink_->items[0].unsubscribe().ticket(),
            yes.subscribed().ticket());
}

TEST_F(Unsubscribing, OwesNothingToTheNextLink) {
  Browser& ada = Open();
  Send(ada, To("subscribe", "news"));
  link::v1::ServiceItem yes;
  yes.mutable_subscribed()->set_ticket(Asked().ticket());
  uplink_->waiting_bytes = kCrossedOutboxBytesMax;
  Send(ada, To("unsubscribe", "news"));
  Say(yes);
  router_.LinkDown("test");
  Attach();
  for (const auto& item : attach_items_) {
    EXPECT_FALSE(item.has_held() || item.has_unsubscribe());
  }
}

}  // namespace
}  // namespace herald::gateway
