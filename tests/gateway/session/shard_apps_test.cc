// SPDX-License-Identifier: Apache-2.0
//
// Two apps at one gateway, with channels of the same names: the first app, and
// one with the id 44. No endpoint has such an app yet; sessions can.

#include <string>
#include <utility>
#include <vector>

#include "gateway/session/shard.h"
#include "tests/gateway/gateway_world.h"

namespace herald::gateway {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class TwoApps : public GatewayWorld {
 protected:
  TwoApps() { Attach(); }

  Browser& OpenOther(int shard = 0) { return Open(shard, nullptr, "44"); }

  // Subscribes sockets of both apps, on both loops.
  void SubscribeAll(const std::string& channel, const std::string& user = "",
                    const std::vector<std::string>& roster = {}) {
    for (int shard : {0, 1}) {
      first_.push_back(&Subscribed(Open(shard), channel, user, roster));
      other_.push_back(&Subscribed(OpenOther(shard), channel, user, roster));
    }
  }

  // The texts in the items that the gateway has sent since the last call.
  template <typename Get>
  std::vector<std::string> Sent(Get get) {
    std::vector<std::string> texts;
    for (const auto& item : uplink_->Take()) {
      if (std::string text = get(item); !text.empty()) texts.push_back(text);
    }
    return texts;
  }

  static link::v1::ServiceItem Numbered(const std::string& channel,
                                        int64_t offset) {
    link::v1::ServiceItem item;
    item.mutable_publication()->set_channel(channel);
    item.mutable_publication()->set_event("e");
    item.mutable_publication()->set_data("1");
    item.mutable_publication()->set_offset(offset);
    return item;
  }

  std::vector<Browser*> first_, other_;
};

TEST_F(TwoApps, DoNotReceiveEachOthersEvents) {
  SubscribeAll("news");
  Publish("news", "1");
  for (Browser* const one : first_) {
    EXPECT_THAT(one->Received(), ElementsAre(Event("news", "1")));
  }
  for (Browser* const one : other_) EXPECT_THAT(one->Received(), IsEmpty());
  Publish("44/news", "2");
  for (Browser* const one : first_) EXPECT_THAT(one->Received(), IsEmpty());
  for (Browser* const one : other_) {
    EXPECT_THAT(one->Received(), ElementsAre(Event("news", "2")))
        << "by the name that the client knows";
  }
}

TEST_F(TwoApps, DoNotReceiveEventsOfAnAppThatNoSocketHas) {
  SubscribeAll("news");
  for (const char* text : {"45/news", "44/44/news", "/news", "4/news"}) {
    Publish(text, "1");
  }
  for (Browser* const one : first_) EXPECT_THAT(one->Received(), IsEmpty());
  for (Browser* const one : other_) EXPECT_THAT(one->Received(), IsEmpty());
}

TEST_F(TwoApps, AreNamedByTheTextOfTheKeyOnTheLink) {
  Browser& ada = OpenOther();
  Send(ada, R"({"type":"subscribe","channel":"private-x","auth":"t"})");
  EXPECT_EQ(Asked().channel(), "44/private-x");
  Allow("ada");
  EXPECT_THAT(ada.Received(),
              Contains(R"({"type":"subscribed","channel":"private-x"})"));
  Send(ada, R"({"type":"unsubscribe","channel":"private-x"})");
  EXPECT_THAT(
      Sent([](const auto& item) { return item.unsubscribe().channel(); }),
      ElementsAre("44/private-x"));
  EXPECT_THAT(ada.Received(),
              ElementsAre(R"({"type":"unsubscribed","channel":"private-x"})"));
}

TEST_F(TwoApps, AreNotReachedFromEachOtherByAName) {
  Browser& ada = Subscribed(OpenOther(), "news");
  Browser& bob = Open();
  bob.Received();
  uplink_->Take();
  for (const char* type : {"subscribe", "unsubscribe"}) {
    Send(bob, std::string(R"({"type":")") + type + R"(","channel":"44/news"})");
    EXPECT_THAT(bob.Received(), ElementsAre(HasSubstr("invalid_channel")));
  }
  EXPECT_THAT(uplink_->Take(), IsEmpty());
  Publish("44/news", "1");
  EXPECT_THAT(ada.Received(), ElementsAre(Event("news", "1")));
  EXPECT_THAT(bob.Received(), IsEmpty());
}

TEST_F(TwoApps, HaveRostersOfTheirOwn) {
  SubscribeAll("presence-room", "ada", {"ada"});
  link::v1::ServiceItem item;
  item.mutable_member_added()->set_channel("44/presence-room");
  item.mutable_member_added()->set_user_id("bob");
  Say(item);
  for (Browser* const one : first_) EXPECT_THAT(one->Received(), IsEmpty());
  for (Browser* const one : other_) {
    const std::vector<std::string> received = one->Received();
    ASSERT_EQ(received.size(), 1u);
    EXPECT_THAT(received[0], HasSubstr("member_added"));
    EXPECT_THAT(received[0], HasSubstr(R"("channel":"presence-room")"));
  }
  Send(*first_[0], R"({"type":"subscribe","channel":"presence-room"})");
  EXPECT_THAT(first_[0]->Received(),
              ElementsAre(testing::Not(HasSubstr("bob"))));
  Send(*other_[0], R"({"type":"subscribe","channel":"presence-room"})");
  EXPECT_THAT(other_[0]->Received(), ElementsAre(HasSubstr("bob")));
}

TEST_F(TwoApps, WhisperWithinTheirApp) {
  SubscribeAll("news");
  uplink_->Take();
  Send(*other_[0],
       R"({"type":"whisper","channel":"news","event":"e","data":1})");
  EXPECT_THAT(Sent([](const auto& item) { return item.whisper().channel(); }),
              ElementsAre("44/news"));
  EXPECT_THAT(other_[0]->Received(), IsEmpty());
}

TEST_F(TwoApps, RecoverFromHistoriesOfTheirOwn) {
  for (const auto& [app, offset] :
       {std::pair<const char*, int64_t>{"", 7}, {"44", 3}}) {
    Browser& browser = Open(0, nullptr, app);
    Send(browser, R"({"type":"subscribe","channel":"chat"})");
    link::v1::ServiceItem item;
    item.mutable_subscribed()->set_ticket(Asked().ticket());
    item.mutable_subscribed()->mutable_position()->set_epoch("e1");
    item.mutable_subscribed()->mutable_position()->set_offset(offset);
    Say(item);
    browser.Received();
    (app[0] == '\0' ? first_ : other_).push_back(&browser);
  }
  uplink_->Take();
  Say(Numbered("44/chat", 5));  // The fourth is missing.
  EXPECT_THAT(Sent([](const auto& item) { return item.recover().channel(); }),
              ElementsAre("44/chat"));
  link::v1::ServiceItem recovery;
  recovery.mutable_recovery()->set_channel("44/chat");
  recovery.mutable_recovery()->mutable_since()->set_epoch("e1");
  recovery.mutable_recovery()->mutable_since()->set_offset(3);
  recovery.mutable_recovery()->set_until(5);
  recovery.mutable_recovery()->set_available(true);
  Say(recovery);
  Say(Numbered("44/chat", 4));
  Say(Numbered("44/chat", 5));
  EXPECT_THAT(first_[0]->Received(), IsEmpty());
  EXPECT_THAT(
      other_[0]->Received(),
      ElementsAre(HasSubstr(R"("channel":"chat","data":1,"offset":4)"),
                  HasSubstr(R"("channel":"chat","data":1,"offset":5)")));
  link::v1::ServiceItem moved;
  moved.mutable_new_position()->set_channel("44/chat");
  moved.mutable_new_position()->mutable_position()->set_epoch("e2");
  moved.mutable_new_position()->set_lost(true);
  Say(moved);
  EXPECT_THAT(first_[0]->Received(), IsEmpty());
  EXPECT_THAT(other_[0]->Received(),
              ElementsAre(HasSubstr(R"("subscribed","channel":"chat")")));
}

TEST_F(TwoApps, DropToTheLatestByTheRulesForTheirChannels) {
  Say(DropToLatest("44/ticks"));
  SubscribeAll("ticks");
  Publish("ticks", "1");
  Publish("44/ticks", "1");
  for (Browser* const one : first_) EXPECT_EQ(one->socket.droppable, 0);
  for (Browser* const one : other_) EXPECT_EQ(one->socket.droppable, 1);
}

TEST_F(TwoApps, AreRevokedApart) {
  SubscribeAll("private-x", "ada");
  link::v1::ServiceItem item;
  item.mutable_revocation()->set_channel("44/private-x");
  item.mutable_revocation()->set_user_id("ada");
  Say(item);
  for (Browser* const one : first_) EXPECT_THAT(one->Received(), IsEmpty());
  for (Browser* const one : other_) {
    EXPECT_THAT(
        one->Received(),
        ElementsAre(HasSubstr(R"("unsubscribed","channel":"private-x")")));
  }
}

TEST_F(TwoApps, AreReachedByCallsOfTheirOwnBackendsOnly) {
  Browser& ada = Open();
  Browser& bob = OpenOther();
  uplink_->Take();
  link::v1::ServiceItem item;
  item.mutable_call()->set_call_id(5);
  link::v1::SubscribeCall& call = *item.mutable_call()->mutable_subscribe();
  call.set_channel("44/news");
  call.set_socket_id(ada.id);
  Say(item);
  EXPECT_EQ(uplink_->items.back().call_result().call_id(), 5);
  EXPECT_THAT(uplink_->items.back().call_result().message(), HasSubstr(ada.id));
  call.set_socket_id(bob.id);
  Say(item);
  EXPECT_EQ(Asked().channel(), "44/news");
  Allow();
  item.mutable_call()->mutable_unsubscribe()->set_channel("44/news");
  item.mutable_call()->mutable_unsubscribe()->set_socket_id(bob.id);
  bob.Received();
  Say(item);
  EXPECT_THAT(bob.Received(),
              ElementsAre(HasSubstr(R"("unsubscribed","channel":"news")")));
}

TEST_F(TwoApps, AreHeldApartInAnAttach) {
  SubscribeAll("news");
  router_.LinkDown("gone");
  Attach();
  std::vector<std::string> held;
  for (const auto& item : attach_items_) {
    if (!item.has_held()) continue;
    held.push_back(item.held().channel());
    EXPECT_EQ(item.held().subscription_count(), 2);
  }
  EXPECT_THAT(held, UnorderedElementsAre("news", "44/news"));
}

TEST_F(TwoApps, EndTheirOwnSubscriptionsWhenTheyLeave) {
  SubscribeAll("news");
  uplink_->Take();
  Leave(*other_[0]);
  EXPECT_THAT(
      Sent([](const auto& item) { return item.unsubscribe().channel(); }),
      ElementsAre("44/news"));
  Publish("44/news", "1");
  EXPECT_THAT(other_[1]->Received(), ElementsAre(Event("news", "1")));
}

// Keeps the channels of the events that it is shown.
struct TracingObserver final : GatewayObserver {
  bool traces_sockets() const override { return true; }
  void OnSocketEvent(const SocketEvent& event) override {
    channels.emplace_back(event.channel);
  }
  std::vector<std::string> channels;
};

TEST_F(TwoApps, AreTracedByTheTextOfTheKey) {
  TracingObserver tracing;
  Shard shard({}, &router_, &loops_[0], &tracing, loops_[0].now);
  for (const char* app : {"", "44"}) {
    FakeSocket socket;
    HeaderPool::Builder facts("203.0.113.7");
    Session* const session = shard.Open(
        &socket, &dialect_, /*socket_number=*/100,
        shard.headers().Make(std::move(facts)), /*refusal=*/nullptr, app);
    shard.Receive(session, R"({"type":"unsubscribe","channel":"#"})");
    shard.Receive(session, "[");
    shard.Closed(session);
  }
  EXPECT_THAT(tracing.channels, ElementsAre("#", "", "44/#", ""));
}

}  // namespace
}  // namespace herald::gateway
