// SPDX-License-Identifier: Apache-2.0
//
// What holds for some channels only, as config.proto promises it to operators.

#include <string>
#include <vector>

#include "tests/service/core/settled_hub.h"

namespace herald::core {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

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

TEST_F(Ruled, GatewaysAreToldAtOnceWithARevisionThatGrows) {
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

TEST_F(Ruled, GatewaysThatComeLaterAreToldToo) {
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
  gateway_->Hears();
  EXPECT_EQ(Publish("chat.1", "12345"), 1);
  EXPECT_EQ(Publish("news", "123456"), 1);
  const auto refused = Broadcast({"chat.1"}, "123456");
  EXPECT_TRUE(absl::IsResourceExhausted(refused.status()));
  EXPECT_THAT(
      std::string(refused.status().message()),
      AllOf(HasSubstr("6 bytes"), HasSubstr("at most 5"),
            HasSubstr("channel \"chat.1\""), HasSubstr("rule \"chat.*\"")));
  EXPECT_THAT(gateway_->Hears(), ElementsAre("chat.1: 12345", "news: 123456"));
}

TEST_F(Ruled, ABroadcastThatOneOfItsChannelsRefusesReachesNone) {
  Rule("chat.*").set_max_payload(5);
  SetRules();
  gateway_->Subscribe(1, "news");
  gateway_->Hears();
  const auto refused = Broadcast({"news", "chat.1"}, "123456", "key");
  EXPECT_TRUE(absl::IsResourceExhausted(refused.status()));
  EXPECT_THAT(gateway_->Hears(), IsEmpty());
  // And its key is not used up.
  EXPECT_EQ(Publish("news", "123456", "key"), 1);
  EXPECT_THAT(gateway_->Hears(), ElementsAre("news: 123456"));
}

TEST_F(Ruled, SubscribersAreBoundedByTheRuleOfTheirChannel) {
  Rule("chat.*").set_max_subscribers(1);
  SetRules();
  gateway_->Hears();
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

class RuledOverALimit : public Ruled {
 protected:
  RuledOverALimit() : Ruled(/*max_subscribers=*/1) {}
};

TEST_F(RuledOverALimit, ARuleMayAllowMoreThanTheEnvironment) {
  Rule("chat.*").set_max_subscribers(0);
  SetRules();
  gateway_->Hears();
  gateway_->Subscribe(1, "chat.1");
  gateway_->Subscribe(2, "chat.1");
  gateway_->Subscribe(3, "news");
  gateway_->Subscribe(4, "news");
  EXPECT_THAT(gateway_->Hears(),
              ElementsAre("yes 1", "yes 2", "yes 3", "no 4 CODE_CHANNEL_FULL"));
}

}  // namespace
}  // namespace herald::core
