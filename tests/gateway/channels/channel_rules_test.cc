// SPDX-License-Identifier: Apache-2.0
//
// A gateway's use of the rules that the service sends.

#include "gateway/channels/channel_rules.h"

#include "gtest/gtest.h"

namespace herald::gateway {
namespace {

TEST(SentRules, StandOverTheOtherSettings) {
  link::v1::Settings settings;
  settings.set_allow_client_events(true);
  settings.set_max_payload(100);
  config::v1::ChannelRule& rule = *settings.add_rules();
  rule.set_pattern("chat.*");
  rule.set_client_events(false);
  rule.set_max_payload(5);
  rule.set_slow_consumer(config::v1::SLOW_CONSUMER_DROP_TO_LATEST);
  config::v1::ChannelRule& other = *settings.add_rules();
  other.set_pattern("chat.1");
  other.set_slow_consumer(config::v1::SLOW_CONSUMER_DISCONNECT);

  const contract::ChannelRulesPtr rules = CompileRules(settings);
  const contract::ChannelSettings chat = rules->Of("chat.2");
  EXPECT_FALSE(chat.client_events);
  EXPECT_EQ(chat.max_payload, 5);
  EXPECT_EQ(chat.slow_consumer, contract::SlowConsumer::kDropToLatest);
  const contract::ChannelSettings one = rules->Of("chat.1");
  EXPECT_FALSE(one.client_events);
  EXPECT_EQ(one.slow_consumer, contract::SlowConsumer::kDisconnect);
  const contract::ChannelSettings news = rules->Of("news");
  EXPECT_TRUE(news.client_events);
  EXPECT_EQ(news.max_payload, 100);
  EXPECT_EQ(news.slow_consumer, contract::SlowConsumer::kDisconnect);
}

}  // namespace
}  // namespace herald::gateway
