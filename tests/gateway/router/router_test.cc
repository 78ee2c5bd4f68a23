// SPDX-License-Identifier: Apache-2.0
//
// The gateway's state, and its changes when links open and end.

#include "gateway/router/router.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "proto/contract/limits.h"
#include "tests/gateway/gateway_world.h"

namespace herald::gateway {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using ARouter = GatewayWorld;

TEST_F(ARouter, BeginsALinkWithHelloAndAttached) {
  Attach();
  ASSERT_THAT(attach_items_, SizeIs(3));
  EXPECT_EQ(attach_items_[0].hello().gateway_id(), 7);
  EXPECT_EQ(attach_items_[0].hello().protocol_version(), 1);
  EXPECT_TRUE(attach_items_[1].has_attached());
  EXPECT_EQ(attach_items_[2].settings_acknowledged().revision(), 1);
  EXPECT_TRUE(router_.settled());
}

// A router whose link is so slow that its outbox fills.
class ARouterInContention : public GatewayWorld {
 protected:
  static constexpr admission::Source kAda = 1;
  static constexpr admission::Source kEve = 2;
  static constexpr int64_t kBytes = 1000;  // More than an item has.

  bool Ask(admission::Source source, int64_t waiting_bytes) {
    uplink_->waiting_bytes = waiting_bytes;
    link::v1::Subscribe question;
    question.set_channel("news");
    question.set_socket_id("7.12");
    return router_.Subscribe(0, question, {}, source) != 0;
  }
  bool SignIn(admission::Source source, int64_t waiting_bytes) {
    uplink_->waiting_bytes = waiting_bytes;
    return router_.AskAboutSocket(0, 12, {}, source) != 0;
  }
  bool Whisper(admission::Source source, int64_t waiting_bytes) {
    uplink_->waiting_bytes = waiting_bytes;
    link::v1::Whisper whisper;
    whisper.set_channel("news");
    return router_.Whisper(whisper, source).ok();
  }
};

TEST_F(ARouterInContention, LeavesTheOutboxToASourceThatIsAlone) {
  Attach();
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(Ask(kEve, kQuestionOutboxBytesMax - kBytes));
    EXPECT_TRUE(Whisper(kEve, kWhisperOutboxBytesMax - kBytes));
  }
  EXPECT_FALSE(Ask(kEve, kQuestionOutboxBytesMax));
  EXPECT_FALSE(Whisper(kEve, kWhisperOutboxBytesMax));
}

TEST_F(ARouterInContention, KeepsAPartOfTheOutboxForSourcesThatSendLittle) {
  Attach();
  for (int i = 0; i < 1000; ++i) Ask(kEve, 0);
  EXPECT_TRUE(Ask(kAda, kQuestionOutboxBytesMax * 9 / 10));
  EXPECT_TRUE(SignIn(kAda, kQuestionOutboxBytesMax * 9 / 10));
  EXPECT_TRUE(Whisper(kAda, kRareWhisperOutboxBytesMax * 9 / 10));
  EXPECT_FALSE(Ask(kAda, kQuestionOutboxBytesMax));
  EXPECT_FALSE(Whisper(kAda, kRareWhisperOutboxBytesMax));

  EXPECT_FALSE(Ask(kEve, kWhisperOutboxBytesMax));
  EXPECT_FALSE(SignIn(kEve, kWhisperOutboxBytesMax));
  EXPECT_FALSE(Whisper(kEve, kWhisperOutboxBytesMax));
  EXPECT_TRUE(Ask(kEve, kWhisperOutboxBytesMax - kBytes));
  EXPECT_TRUE(Whisper(kEve, kWhisperOutboxBytesMax - kBytes));
}

TEST_F(ARouter, AcknowledgesSettingsWhenAllShardsHaveTheLast) {
  Attach();
  uplink_->Take();
  // Two that come before the loops have had a turn.
  for (const int64_t revision : {2, 3}) {
    link::v1::AttachResponse frame;
    auto& settings = *frame.add_items()->mutable_settings();
    settings.set_revision(revision);
    settings.set_max_payload(100);
    ASSERT_TRUE(router_.Receive(std::move(frame)).ok());
  }
  for (auto& batch : std::exchange(loops_[0].batches, {})) {
    for (Delivery& item : batch) loops_[0].shard->Deliver(item);
  }
  EXPECT_THAT(uplink_->Take(), IsEmpty());
  Run();
  const auto items = uplink_->Take();
  ASSERT_THAT(items, SizeIs(1));
  EXPECT_EQ(items[0].settings_acknowledged().revision(), 3);
}

TEST_F(ARouter, AcknowledgesNoSettingsOfALinkThatHasEnded) {
  Attach();
  link::v1::AttachResponse frame;
  frame.add_items()->mutable_settings()->set_revision(1);
  ASSERT_TRUE(router_.Receive(std::move(frame)).ok());
  router_.LinkDown("it broke");
  uplink_ = std::make_shared<FakeUplink>();
  router_.LinkUp(uplink_, absl::Seconds(1));
  uplink_->Take();
  Run();
  EXPECT_THAT(uplink_->Take(), IsEmpty());
}

// The service has no other call with that number (Call.call_id).
TEST_F(ARouter, SendsTheResultOfACallOnTheNextLinkIfItsLinkHasEnded) {
  Attach();
  Subscribed(Open(0), "private-a", "ada");
  link::v1::AttachResponse frame;
  for (const int64_t id : {5, 6}) {
    link::v1::Call& call = *frame.add_items()->mutable_call();
    call.set_call_id(id);
    if (id == 5) call.mutable_disconnect()->set_user_id("ada");
    if (id == 6) call.mutable_unsubscribe()->set_socket_id("7.1");
  }
  ASSERT_TRUE(router_.Receive(std::move(frame)).ok());
  router_.LinkDown("it broke");
  uplink_ = std::make_shared<FakeUplink>();
  router_.LinkUp(uplink_, absl::Seconds(1));
  uplink_->Take();
  Run();
  std::set<int64_t> answered;
  for (const auto& item : uplink_->Take()) {
    if (item.has_call_result()) answered.insert(item.call_result().call_id());
  }
  EXPECT_THAT(answered, ElementsAre(5, 6));
}

TEST_F(ARouter, AttachesAgainWithItsChannels) {
  Attach();
  Browser& ada = Subscribed(Open(0), "news");
  Subscribed(Open(1), "news");
  Subscribed(ada, "presence-room", "ada", {"ada"});
  Browser& gone = Subscribed(Open(0), "old");
  Leave(gone);
  router_.LinkDown("it broke");

  Attach(absl::Seconds(3));

  EXPECT_EQ(attach_items_[0].hello().link_down_ms(), 3000);
  int64_t news = 0, room = 0;
  std::vector<std::string> sockets;
  for (const auto& item : attach_items_) {
    if (!item.has_held()) continue;
    const auto& held = item.held();
    EXPECT_NE(held.channel(), "old");
    if (held.channel() == "news") news = held.subscription_count();
    if (held.channel() != "presence-room") continue;
    room = held.subscription_count();
    ASSERT_EQ(held.members_size(), 1);
    EXPECT_EQ(held.members(0).member().user_id(), "ada");
    sockets = {held.members(0).socket_ids(0)};
  }
  EXPECT_EQ(news, 2);
  EXPECT_EQ(room, 1);
  EXPECT_THAT(sockets, ElementsAre(ada.id));
}

TEST_F(ARouter, SendsALargeStateInParts) {
  Attach();
  const std::string info(contract::kUserInfoBytesMax, '1');
  constexpr int kMembers = 100;
  for (int i = 0; i < kMembers; ++i) {
    Browser& browser = Open();
    Send(browser, R"({"type":"subscribe","channel":"presence-room"})");
    link::v1::ServiceItem item;
    link::v1::Subscribed& yes = *item.mutable_subscribed();
    yes.set_ticket(Asked().ticket());
    yes.mutable_member()->set_user_id(absl::StrCat("user", i));
    yes.mutable_member()->set_user_info(info);
    Say(item);
    uplink_->Take();
  }
  router_.LinkDown("it broke");

  Attach(absl::Seconds(1));

  int64_t subscriptions = 0, members = 0, parts = 0;
  for (const auto& item : attach_items_) {
    if (!item.has_held()) continue;
    ++parts;
    EXPECT_EQ(item.held().channel(), "presence-room");
    EXPECT_EQ(item.held().subscription_count() > 0, parts == 1);
    EXPECT_LT(item.ByteSizeLong(), contract::kLinkAttachFrameBytes);
    subscriptions += item.held().subscription_count();
    members += item.held().members_size();
  }
  EXPECT_GT(parts, 2);
  EXPECT_EQ(subscriptions, kMembers);
  EXPECT_EQ(members, kMembers);
}

TEST_F(ARouter, AnswersOpenQuestionsWithUnavailableWhenTheLinkEnds) {
  Attach();
  Browser& ada = Open();
  ada.Received();
  Send(ada, R"({"type":"subscribe","channel":"news"})");
  router_.LinkDown("it broke");
  Run();
  EXPECT_THAT(ada.Received(),
              ElementsAre(HasSubstr(R"("code":"unavailable")")));
  EXPECT_FALSE(router_.settled());
  Send(ada, R"({"type":"subscribe","channel":"news"})");
  EXPECT_THAT(ada.Received(),
              ElementsAre(HasSubstr(R"("code":"unavailable")")));
}

TEST_F(ARouter, KeepsSubscriptionsWhileTheLinkIsDown) {
  Attach();
  Browser& ada = Subscribed(Open(), "news");
  router_.LinkDown("it broke");
  Attach(absl::Seconds(1));
  Publish("news", "1");
  EXPECT_THAT(ada.Received(), ElementsAre(Event("news", "1")));
}

TEST_F(ARouter, EndsASubscriptionWithItsYesOnTheWayToTheLoop) {
  Attach();
  Browser& ada = Open();
  Send(ada, R"({"type":"subscribe","channel":"news"})");
  link::v1::AttachResponse frame;
  frame.add_items()->mutable_subscribed()->set_ticket(Asked().ticket());
  ASSERT_TRUE(router_.Receive(std::move(frame)).ok());
  Leave(ada);  // Before the loop has taken the delivery.
  Run();
  EXPECT_EQ(uplink_->items.back().unsubscribe().channel(), "news");
}

TEST_F(ARouter, SendsGoodbyeOnEveryLinkWhileItDrains) {
  Attach();
  Subscribed(Open(), "news");
  uplink_->Take();
  router_.Goodbye();
  ASSERT_THAT(uplink_->items, SizeIs(1));
  EXPECT_TRUE(uplink_->items[0].has_goodbye());
  router_.LinkDown("it broke");
  Attach(absl::Seconds(1));
  ASSERT_THAT(attach_items_, SizeIs(5));
  EXPECT_TRUE(attach_items_[1].has_held());
  EXPECT_TRUE(attach_items_[2].has_attached());
  EXPECT_TRUE(attach_items_[3].has_goodbye());
}

TEST_F(ARouter, ReportsItsClientsWhenTheyChangeAndToEveryNewLink) {
  Attach();
  router_.Report(3);
  router_.Report(3);
  router_.Report(4);
  ASSERT_THAT(uplink_->items, SizeIs(2));
  EXPECT_EQ(uplink_->items[1].report().client_count(), 4);
  router_.LinkDown("it broke");
  Attach(absl::Seconds(1));
  router_.Report(4);
  EXPECT_EQ(uplink_->items.back().report().client_count(), 4);
}

}  // namespace
}  // namespace herald::gateway
