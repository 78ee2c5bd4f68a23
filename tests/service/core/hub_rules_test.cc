// SPDX-License-Identifier: Apache-2.0
//
// Rules for some channels only, as config.proto promises them to operators.

#include <string>
#include <vector>

#include "tests/service/core/settled_hub.h"

namespace herald::core {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class Ruled : public SettledHub {
 protected:
  explicit Ruled(int64_t max_subscribers = 0) : SettledHub(max_subscribers) {}

  // A rule for `pattern`, which joins those of the next SetRules().
  config::v1::ChannelRule& Rule(const std::string& pattern) {
    config::v1::ChannelRule& rule = *config_.add_channels();
    rule.set_pattern(pattern);
    return rule;
  }
  void SetRules() {
    hub_->SetRules(config_);
    config_.Clear();
  }

  config::v1::Config config_;
  std::unique_ptr<FakeGateway> gateway_ = Attached(1);
};

TEST_F(Ruled, GatewaysReceiveThemAtOnceWithARevisionThatGrows) {
  Rule("chat.*").set_client_events(false);
  SetRules();
  auto items = gateway_->Items();
  ASSERT_EQ(items.size(), 1u);
  EXPECT_EQ(items[0].settings().revision(), 2);
  EXPECT_EQ(items[0].settings().max_payload(), 100);
  ASSERT_EQ(items[0].settings().rules_size(), 1);
  EXPECT_EQ(items[0].settings().rules(0).pattern(), "chat.*");
  EXPECT_FALSE(items[0].settings().rules(0).client_events());

  SetRules();
  items = gateway_->Items();
  ASSERT_EQ(items.size(), 1u);
  EXPECT_EQ(items[0].settings().revision(), 3);
  EXPECT_EQ(items[0].settings().rules_size(), 0);
}

TEST_F(Ruled, GatewaysThatAttachLaterReceiveThemToo) {
  Rule("chat.*").set_max_payload(5);
  SetRules();
  FakeGateway late(hub_.get(), 2);
  const auto items = late.Items();
  ASSERT_EQ(items.size(), 1u);
  EXPECT_EQ(items[0].settings().revision(), 2);
  EXPECT_EQ(items[0].settings().rules_size(), 1);
}

TEST_F(Ruled, APayloadIsBoundedByTheRuleOfItsChannel) {
  Rule("chat.*").set_max_payload(5);
  SetRules();
  gateway_->Subscribe(1, "chat.1");
  gateway_->Subscribe(2, "news");
  gateway_->Received();
  EXPECT_EQ(Publish("chat.1", "12345"), 1);
  EXPECT_EQ(Publish("news", "123456"), 1);
  const auto refused = Broadcast({"chat.1"}, "123456");
  EXPECT_TRUE(absl::IsResourceExhausted(refused.status()));
  EXPECT_THAT(
      std::string(refused.status().message()),
      AllOf(HasSubstr("6 bytes"), HasSubstr("at most 5"),
            HasSubstr("channel \"chat.1\""), HasSubstr("rule \"chat.*\"")));
  EXPECT_THAT(gateway_->Received(),
              ElementsAre("chat.1: 12345", "news: 123456"));
}

TEST_F(Ruled, ABroadcastThatOneOfItsChannelsRefusesReachesNone) {
  Rule("chat.*").set_max_payload(5);
  SetRules();
  gateway_->Subscribe(1, "news");
  gateway_->Received();
  const auto refused = Broadcast({"news", "chat.1"}, "123456", "key");
  EXPECT_TRUE(absl::IsResourceExhausted(refused.status()));
  EXPECT_THAT(gateway_->Received(), IsEmpty());
  // And its key is not used up.
  EXPECT_EQ(Publish("news", "123456", "key"), 1);
  EXPECT_THAT(gateway_->Received(), ElementsAre("news: 123456"));
}

TEST_F(Ruled, SubscribersAreBoundedByTheRuleOfTheirChannel) {
  Rule("chat.*").set_max_subscribers(1);
  SetRules();
  gateway_->Received();
  gateway_->Subscribe(1, "chat.1");
  gateway_->Subscribe(2, "chat.1");
  gateway_->Subscribe(3, "chat.2");
  const auto items = gateway_->Items();
  ASSERT_EQ(items.size(), 3u);
  EXPECT_EQ(Words(items[0]), "yes 1");
  EXPECT_EQ(Words(items[1]), "no 2 CODE_CHANNEL_FULL");
  EXPECT_THAT(items[1].refused().reason(),
              AllOf(HasSubstr("1 subscribers"), HasSubstr("rule \"chat.*\"")));
  EXPECT_EQ(Words(items[2]), "yes 3");
}

TEST_F(Ruled, NewRulesReplaceTheOldOnes) {
  Rule("chat.*").set_max_payload(5);
  SetRules();
  Rule("news").set_max_payload(3);
  SetRules();
  EXPECT_TRUE(Broadcast({"chat.1"}, "123456").ok());
  EXPECT_FALSE(Broadcast({"news"}, "1234").ok());
  SetRules();
  EXPECT_TRUE(Broadcast({"news"}, "1234").ok());
}

class RuledPresence : public Ruled {
 protected:
  // Has a user subscribe: its ticket's number is its socket's.
  void Join(FakeGateway& gateway, int64_t ticket, const std::string& user,
            const std::string& channel = "presence-room") {
    gateway.Subscribe(ticket, channel);
    authorizer_.Allow(user);
  }
  absl::Status WhyNoMembers(const std::string& channel) {
    v1::GetMembersRequest request;
    request.set_channel(channel);
    return hub_->GetMembers(request).status();
  }
  std::unique_ptr<FakeGateway> other_ = Attached(2);
};

TEST_F(RuledPresence, IsOffByARule) {
  Rule("presence-*").set_presence(false);
  SetRules();
  gateway_->Received();
  Join(*gateway_, 1, "ada");
  Join(*gateway_, 2, "bob");
  // As on a private channel, a member is optional.
  Join(*gateway_, 3, "");
  EXPECT_THAT(gateway_->Received(), ElementsAre("yes 1", "yes 2", "yes 3"));
  EXPECT_EQ(hub_->Counts().members, 0);
  const absl::Status why = WhyNoMembers("presence-room");
  EXPECT_TRUE(absl::IsFailedPrecondition(why)) << why;
  EXPECT_THAT(std::string(why.message()), HasSubstr("rule \"presence-*\""));
  EXPECT_TRUE(gateway_->Unsubscribe(1, "presence-room", "ada").ok());
  EXPECT_EQ(Publish("presence-room", "1"), 2);
  EXPECT_THAT(gateway_->Received(), ElementsAre("presence-room: 1"));
}

TEST_F(RuledPresence, NamesNoUserInAWhisperWhereItIsOff) {
  const auto whisper = [&] {
    link::v1::GatewayItem item;
    item.mutable_whisper()->set_channel("presence-room");
    item.mutable_whisper()->set_event("e");
    item.mutable_whisper()->set_data("1");
    item.mutable_whisper()->set_socket_id(gateway_->Socket(1));
    item.mutable_whisper()->set_user_id("ada");
    EXPECT_TRUE(gateway_->Send(item).ok());
    return gateway_->Items().back().publication().user_id();
  };
  Join(*gateway_, 1, "ada");
  EXPECT_EQ(whisper(), "ada");
  Rule("presence-*").set_presence(false);
  SetRules();
  EXPECT_EQ(whisper(), "");
}

TEST_F(RuledPresence, ThatIsSwitchedOffEndsForAllMembers) {
  Join(*gateway_, 1, "ada");
  Join(*other_, 1, "bob");
  Join(*other_, 2, "bob", "presence-other");
  gateway_->Received();
  Rule("presence-room").set_presence(false);
  SetRules();
  EXPECT_THAT(gateway_->Received(),
              ::testing::UnorderedElementsAre("-ada", "-bob", "settings"));
  EXPECT_EQ(hub_->Counts().members, 1);
  EXPECT_TRUE(other_->Unsubscribe(1, "presence-room", "bob").ok());
  EXPECT_THAT(gateway_->Received(), IsEmpty());
}

TEST_F(RuledPresence, ThatIsSwitchedOffIsRevokedFromGatewaysThatWereAway) {
  Join(*gateway_, 1, "ada");
  Join(*other_, 1, "bob");
  EXPECT_TRUE(gateway_->Unsubscribe(1, "presence-room", "ada").ok());
  Rule("presence-room").set_presence(false);
  SetRules();
  gateway_->Received();
  // It may have kept its roster for a subscribe that was open all the time.
  Join(*gateway_, 2, "ada");
  Join(*gateway_, 3, "eve");
  const auto items = gateway_->Items();
  ASSERT_EQ(items.size(), 2u);
  EXPECT_TRUE(items[0].subscribed().has_roster());
  EXPECT_EQ(items[0].subscribed().roster().channel(), "presence-room");
  EXPECT_EQ(items[0].subscribed().roster().members_size(), 0);
  EXPECT_FALSE(items[1].subscribed().has_roster());
}

TEST_F(RuledPresence, ThatIsSwitchedOnCountsLaterSubscribers) {
  Rule("presence-*").set_presence(false);
  SetRules();
  Join(*gateway_, 1, "ada");
  SetRules();
  gateway_->Received();
  Join(*other_, 1, "bob");
  EXPECT_THAT(gateway_->Received(), ElementsAre("+bob"));
  EXPECT_THAT(Members("presence-room"), ElementsAre("bob"));
  EXPECT_TRUE(gateway_->Unsubscribe(1, "presence-room", "ada").ok());
  EXPECT_THAT(other_->Received(), Not(Contains("-ada")));
}

TEST_F(RuledPresence, IsNotTakenFromAGatewayThatReturnsWhereItIsOff) {
  Rule("presence-*").set_presence(false);
  SetRules();
  FakeGateway returning(hub_.get(), 3);
  returning.Hold("presence-room", 1, {"ada"});
  returning.Attach();
  // The members that its sockets may know are revoked.
  EXPECT_THAT(returning.Received(),
              ElementsAre("settings", "roster", "settled"));
  EXPECT_EQ(hub_->Counts().members, 0);
}

TEST_F(RuledPresence, WithGraceDoesNotAnnounceAReturnInTime) {
  Rule("presence-*").mutable_member_grace()->set_seconds(5);
  SetRules();
  Join(*gateway_, 1, "ada");
  Join(*other_, 1, "bob");
  gateway_->Received();
  EXPECT_TRUE(other_->Unsubscribe(1, "presence-room", "bob").ok());
  timers_.Advance(absl::Seconds(4));
  EXPECT_THAT(Members("presence-room"), ElementsAre("ada", "bob"));
  Join(*other_, 2, "bob");
  timers_.Advance(absl::Seconds(60));
  EXPECT_THAT(gateway_->Received(), IsEmpty());
  EXPECT_TRUE(other_->Unsubscribe(2, "presence-room", "bob").ok());
  timers_.Advance(absl::Seconds(4));
  EXPECT_THAT(gateway_->Received(), IsEmpty());
  timers_.Advance(absl::Seconds(1));
  EXPECT_THAT(gateway_->Received(), ElementsAre("-bob"));
  EXPECT_THAT(Members("presence-room"), ElementsAre("ada"));
}

TEST_F(RuledPresence, WithGraceOutlivesAGateway) {
  Rule("presence-*").mutable_member_grace()->set_seconds(5);
  SetRules();
  Join(*gateway_, 1, "ada");
  Join(*other_, 1, "bob");
  gateway_->Received();
  other_->Goodbye();
  other_->Lose();
  EXPECT_THAT(gateway_->Received(), IsEmpty());
  // Its browsers go elsewhere.
  const auto third = Attached(3);
  Join(*third, 1, "bob");
  timers_.Advance(absl::Seconds(60));
  EXPECT_THAT(gateway_->Received(), IsEmpty());
}

class RuledOverALimit : public Ruled {
 protected:
  RuledOverALimit() : Ruled(/*max_subscribers=*/1) {}
};

TEST_F(RuledOverALimit, ARuleMayAllowMoreThanTheEnvironment) {
  Rule("chat.*").set_max_subscribers(0);
  SetRules();
  gateway_->Received();
  gateway_->Subscribe(1, "chat.1");
  gateway_->Subscribe(2, "chat.1");
  gateway_->Subscribe(3, "news");
  gateway_->Subscribe(4, "news");
  EXPECT_THAT(gateway_->Received(),
              ElementsAre("yes 1", "yes 2", "yes 3", "no 4 CODE_CHANNEL_FULL"));
}

TEST_F(Ruled, KeepNoHistoryByDefault) {
  v1::GetHistoryRequest request;
  request.set_channel("news");
  EXPECT_EQ(hub_->GetHistory(request).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Broadcast({"news"}, "1")->receipts(0).epoch(), "");
  FakeGateway gateway(hub_.get(), 2);
  gateway.Hold("news", 1, {}, {"of-an-earlier-rule", 3});
  gateway.Attach();
  EXPECT_THAT(gateway.Received(),
              ElementsAre("settings", "position 0 lost", "settled"));
}

}  // namespace
}  // namespace herald::core
