// SPDX-License-Identifier: Apache-2.0
//
// The router's handling of each item of the service.

#include "gateway/router/router.h"
#include "tests/gateway/gateway_world.h"

namespace herald::gateway {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using ARouter = GatewayWorld;

link::v1::ServiceItem MemberAdded(const std::string& user) {
  link::v1::ServiceItem item;
  item.mutable_member_added()->set_channel("presence-room");
  item.mutable_member_added()->set_user_id(user);
  return item;
}

link::v1::ServiceItem MemberRemoved(const std::string& user) {
  link::v1::ServiceItem item;
  item.mutable_member_removed()->set_channel("presence-room");
  item.mutable_member_removed()->set_user_id(user);
  return item;
}

link::v1::ServiceItem RosterOf(const std::vector<std::string>& users) {
  link::v1::ServiceItem item;
  item.mutable_roster()->set_channel("presence-room");
  for (const std::string& user : users) {
    item.mutable_roster()->add_members()->set_user_id(user);
  }
  return item;
}

std::string Added(const std::string& user) {
  return R"({"type":"member_added","channel":"presence-room","user_id":")" +
         user + R"(","user_info":null})";
}

std::string Removed(const std::string& user) {
  return R"({"type":"member_removed","channel":"presence-room","user_id":")" +
         user + "\"}";
}

TEST_F(ARouter, EndsASubscriptionThatWasCancelledBeforeTheYesCame) {
  Attach();
  Browser& ada = Open();
  Send(ada, R"({"type":"subscribe","channel":"news"})");
  Send(ada, R"({"type":"unsubscribe","channel":"news"})");
  ada.Received();
  const int64_t ticket = Asked().ticket();
  EXPECT_EQ(uplink_->items.back().cancel().ticket(), ticket);
  Allow();
  EXPECT_EQ(uplink_->items.back().unsubscribe().ticket(), ticket);
  EXPECT_EQ(uplink_->items.back().unsubscribe().channel(), "news");
  Publish("news", "1");
  EXPECT_THAT(ada.Received(), IsEmpty());
}

TEST_F(ARouter, AnswersLaterSubscribersFromItsRoster) {
  Attach();
  Subscribed(Open(0), "presence-room", "ada", {"ada", "zoe"});
  Say(MemberAdded("bob"));
  Browser& bob = Open(1);
  bob.Received();
  Send(bob, R"({"type":"subscribe","channel":"presence-room"})");
  Allow("bob");
  EXPECT_THAT(bob.Received(),
              ElementsAre(R"({"type":"subscribed","channel":"presence-room",)"
                          R"("members":[{"user_id":"ada","user_info":null},)"
                          R"({"user_id":"bob","user_info":null},)"
                          R"({"user_id":"zoe","user_info":null}]})"));
}

TEST_F(ARouter, AnnouncesMembersInOrderAndOnce) {
  Attach();
  Browser& ada = Subscribed(Open(0), "presence-room", "ada", {"ada"});
  Say(MemberAdded("bob"));
  Say(MemberAdded("bob"));
  Say(MemberRemoved("bob"));
  Say(MemberRemoved("bob"));
  EXPECT_THAT(ada.Received(), ElementsAre(Added("bob"), Removed("bob")));
}

TEST_F(ARouter, AnnouncesOnlyTheDifferenceToANewRoster) {
  Attach();
  Browser& ada =
      Subscribed(Open(0), "presence-room", "ada", {"ada", "bob", "cyd"});
  router_.LinkDown("the service was restarted");
  Attach(absl::Seconds(1));
  Say(RosterOf({"ada", "cyd", "dan"}));
  EXPECT_THAT(ada.Received(), ElementsAre(Added("dan"), Removed("bob")));
}

TEST_F(ARouter, KeepsTheRosterWhileASubscribeIsOpen) {
  Attach();
  Browser& ada = Subscribed(Open(0), "presence-room", "ada", {"ada"});
  Browser& bob = Open(0);
  bob.Received();
  Send(bob, R"({"type":"subscribe","channel":"presence-room"})");
  const auto asked = Asked();
  Send(ada, R"({"type":"unsubscribe","channel":"presence-room"})");
  // The yes was sent before the service received the unsubscribe, so there is
  // no roster in it.
  Say(MemberAdded("bob"));
  link::v1::ServiceItem yes;
  yes.mutable_subscribed()->set_ticket(asked.ticket());
  yes.mutable_subscribed()->mutable_member()->set_user_id("bob");
  Say(yes);
  EXPECT_THAT(bob.Received(), ElementsAre(HasSubstr(R"("user_id":"ada")")));
  Say(MemberRemoved("ada"));
  EXPECT_THAT(bob.Received(), ElementsAre(Removed("ada")));
}

TEST_F(ARouter, RepeatsSubscribedBehindTheMemberChangesBeforeIt) {
  Attach();
  Browser& ada = Subscribed(Open(0), "presence-room", "ada", {"ada"});
  link::v1::AttachResponse frame;
  *frame.add_items() = MemberAdded("bob");
  ASSERT_TRUE(router_.Receive(std::move(frame)).ok());  // Not yet delivered.
  Send(ada, R"({"type":"subscribe","channel":"presence-room"})");
  EXPECT_THAT(ada.Received(),
              ElementsAre(Added("bob"), HasSubstr(R"("user_id":"bob")")));
}

TEST_F(ARouter, AnswersACallForASocketThatIsNotHere) {
  Attach();
  for (const char* id : {"8.2", "7.999", "nonsense"}) {
    link::v1::ServiceItem item;
    item.mutable_call()->set_call_id(5);
    item.mutable_call()->mutable_unsubscribe()->set_socket_id(id);
    item.mutable_call()->mutable_unsubscribe()->set_channel("news");
    Say(item);
    const auto& result = uplink_->items.back().call_result();
    EXPECT_EQ(result.call_id(), 5) << id;
    EXPECT_EQ(result.code(), 5) << id;
    EXPECT_THAT(result.message(), HasSubstr(id));
  }
}

TEST_F(ARouter, AddsUpADisconnectByUserOverItsShards) {
  Attach();
  Browser& one = Subscribed(Open(0), "private-a", "ada");
  Browser& two = Subscribed(Open(1), "private-b", "ada");
  Browser& other = Subscribed(Open(1), "private-b", "bob");
  uplink_->Take();
  link::v1::ServiceItem item;
  item.mutable_call()->set_call_id(9);
  item.mutable_call()->mutable_disconnect()->set_user_id("ada");
  item.mutable_call()->mutable_disconnect()->set_reason("bye");
  Say(item);
  const auto& result = uplink_->items.back().call_result();
  EXPECT_EQ(result.call_id(), 9);
  EXPECT_EQ(result.disconnected_count(), 2);
  for (const Browser* browser : {&one, &two}) {
    EXPECT_THAT(browser->socket.closed,
                ElementsAre(testing::Pair(contract::CloseReason::kDisconnected,
                                          "bye")));
  }
  EXPECT_THAT(other.socket.closed, IsEmpty());
}

TEST_F(ARouter, DoesNotAnswerACallThatIsNotAwaited) {
  Attach();
  Browser& ada = Subscribed(Open(0), "private-a", "ada");
  uplink_->Take();
  link::v1::ServiceItem item;
  item.mutable_call()->mutable_disconnect()->set_user_id("ada");
  Say(item);
  EXPECT_THAT(ada.socket.closed, SizeIs(1));
  for (const auto& said : uplink_->items) EXPECT_FALSE(said.has_call_result());
}

TEST_F(ARouter, IgnoresItemsOfANewerService) {
  Attach();
  Say(link::v1::ServiceItem());
  link::v1::ServiceItem call;
  call.mutable_call()->set_call_id(1);
  Say(call);
  Publish("nobody-listens", "1");
  EXPECT_TRUE(router_.settled());
}

// The values that are posted to the loop for one item.
class ADroppableEvent : public GatewayWorld {
 protected:
  std::shared_ptr<const Droppable> DroppableIn(
      const link::v1::ServiceItem& item) {
    link::v1::AttachResponse frame;
    *frame.add_items() = item;
    EXPECT_TRUE(router_.Receive(std::move(frame)).ok());
    for (const auto& batch : loops_[0].batches) {
      for (const Delivery& one : batch) {
        const auto* const message = std::get_if<ChannelMessagePtr>(&one);
        if (message == nullptr) continue;
        const auto droppable = (*message)->droppable;
        Run();
        return droppable;
      }
    }
    ADD_FAILURE() << "no message was posted";
    return nullptr;
  }
  static link::v1::ServiceItem Said(const std::string& channel,
                                    int64_t offset = 0) {
    link::v1::ServiceItem item;
    item.mutable_publication()->set_channel(channel);
    item.mutable_publication()->set_event("e");
    item.mutable_publication()->set_data("1");
    item.mutable_publication()->set_offset(offset);
    return item;
  }
};

TEST_F(ADroppableEvent, IsOneOfAChannelWithSuchARule) {
  Attach();
  Say(DropToLatest("ticks"));
  Subscribed(Open(), "ticks");
  Subscribed(Open(), "news");
  EXPECT_EQ(DroppableIn(Said("news")), nullptr);
  const auto event = DroppableIn(Said("ticks"));
  ASSERT_NE(event, nullptr);
  EXPECT_EQ(event->kind, Droppable::Kind::kEvent);
  EXPECT_EQ(event->channel.text(), "ticks");
  EXPECT_EQ(event->lost, nullptr) << "there is no history";
  link::v1::ServiceItem whisper = Said("ticks");
  whisper.mutable_publication()->set_whisper(true);
  EXPECT_EQ(DroppableIn(whisper)->kind, Droppable::Kind::kWhisper);
}

TEST_F(ADroppableEvent, IsNoMemberChange) {
  Attach();
  Say(DropToLatest("presence-room"));
  Subscribed(Open(), "presence-room", "ada", {"ada"});
  EXPECT_EQ(DroppableIn(MemberAdded("bob")), nullptr);
}

TEST_F(ADroppableEvent, WithAHistoryHasTheNoticeOfALossBeforeIt) {
  Attach();
  Say(DropToLatest("presence-room"));
  Browser& ada = Open();
  Send(ada, R"({"type":"subscribe","channel":"presence-room"})");
  link::v1::ServiceItem yes;
  yes.mutable_subscribed()->set_ticket(Asked().ticket());
  yes.mutable_subscribed()->mutable_member()->set_user_id("ada");
  *yes.mutable_subscribed()->mutable_roster() = RosterOf({"ada"}).roster();
  yes.mutable_subscribed()->mutable_position()->set_epoch("e1");
  yes.mutable_subscribed()->mutable_position()->set_offset(6);
  Say(yes);
  const auto event = DroppableIn(Said("presence-room", 7));
  ASSERT_NE(event, nullptr);
  ASSERT_NE(event->lost, nullptr);
  EXPECT_EQ(std::string(PayloadOf(*event->lost->For(NativeDialect()))),
            R"({"type":"subscribed","channel":"presence-room","members":)"
            R"([{"user_id":"ada","user_info":null}],"epoch":"e1","offset":6,)"
            R"("recovered":false})");
}

}  // namespace
}  // namespace herald::gateway
