// SPDX-License-Identifier: Apache-2.0

#include "gateway/subscriptions/subscription_table.h"

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/gateway/dialects/line_dialect.h"
#include "tests/gateway/keys.h"
#include "tests/gateway/text_dialect.h"

namespace herald::gateway {
namespace {

const TextDialect kDialect;
const LineDialect kOther;

std::unique_ptr<Subscription> Pending(SubscriptionTable& table,
                                      const std::string& channel,
                                      const Dialect* dialect = &kDialect) {
  auto subscription = std::make_unique<Subscription>();
  subscription->channel = table.Obtain(dialect, Key(channel));
  table.AddPending(subscription.get());
  return subscription;
}

TEST(ASubscriptionTable, KnowsAChannelWithASubscriptionOrAnAdmission) {
  SubscriptionTable table;
  const auto one = Pending(table, "news");
  const auto two = Pending(table, "news");
  EXPECT_TRUE(table.Find(&kDialect, Key("news"))->subscribers.empty());
  table.Activate(one.get(), "");
  EXPECT_EQ(table.Find(&kDialect, Key("news"))->subscribers.size(), 1u);
  table.Remove(one.get());
  EXPECT_NE(table.Find(&kDialect, Key("news")), nullptr);
  table.Remove(two.get());
  EXPECT_EQ(table.Find(&kDialect, Key("news")), nullptr);
  EXPECT_EQ(table.channel_count(), 0u);
}

TEST(ASubscriptionTable, FindsTheSubscriptionsOfAUser) {
  SubscriptionTable table;
  const auto room = Pending(table, "presence-room");
  const auto mail = Pending(table, "private-mail");
  table.Activate(room.get(), "ada");
  table.Activate(mail.get(), "ada");
  ASSERT_NE(table.OfUser("ada"), nullptr);
  EXPECT_EQ(table.OfUser("ada")->size(), 2u);
  table.Remove(room.get());
  EXPECT_EQ(table.OfUser("ada")->front(), mail.get());
  table.Remove(mail.get());
  EXPECT_EQ(table.OfUser("ada"), nullptr);
}

TEST(ASubscriptionTable, KeepsTheChannelOfOneThatIsMuted) {
  SubscriptionTable table;
  const auto ada = Pending(table, "private-x");
  const auto bob = Pending(table, "private-x");
  table.Activate(ada.get(), "ada");
  table.Activate(bob.get(), "bob");
  LoopChannel* const channel = table.Find(&kDialect, Key("private-x"));
  table.Revoke(ada.get());
  EXPECT_EQ(channel->revoked, 1u);
  EXPECT_EQ(channel->subscribers.size(), 2u) << "it is only marked";
  EXPECT_TRUE(ada->is_confirmed());
  table.Mute(ada.get());
  EXPECT_EQ(channel->revoked, 0u);
  EXPECT_EQ(channel->subscribers, std::vector<Subscription*>({bob.get()}));
  EXPECT_EQ(table.OfUser("ada"), nullptr);
  EXPECT_FALSE(ada->active);
  EXPECT_TRUE(ada->is_confirmed());
  table.Remove(bob.get());
  EXPECT_EQ(table.Find(&kDialect, Key("private-x")), channel);
  table.Remove(ada.get());
  EXPECT_EQ(table.Find(&kDialect, Key("private-x")), nullptr);
}

TEST(ASubscriptionTable, CountsNoneThatIsRevokedAndRemoved) {
  SubscriptionTable table;
  const auto ada = Pending(table, "private-x");
  const auto bob = Pending(table, "private-x");
  table.Activate(ada.get(), "ada");
  table.Revoke(ada.get());
  table.Remove(ada.get());
  EXPECT_EQ(table.Find(&kDialect, Key("private-x"))->revoked, 0u);
  EXPECT_FALSE(bob->is_confirmed());
  table.Remove(bob.get());
  EXPECT_EQ(table.channel_count(), 0u);
}

TEST(ASubscriptionTable, HasAnEntryOfAChannelForEachDialect) {
  SubscriptionTable table;
  const auto one = Pending(table, "news");
  EXPECT_EQ(table.Find(&kOther, Key("news")), nullptr);
  const auto two = Pending(table, "news", &kOther);
  EXPECT_NE(one->channel, two->channel);
  EXPECT_EQ(one->channel->dialect, &kDialect);
  EXPECT_EQ(two->channel->dialect, &kOther);
  table.Activate(one.get(), "ada");
  table.Activate(two.get(), "ada");
  EXPECT_EQ(table.OfUser("ada")->size(), 2u) << "a user has one list";
  EXPECT_EQ(table.channel_count(), 2u);
  std::vector<LoopChannel*> entries;
  const auto visit = [&](LoopChannel* channel) { entries.push_back(channel); };
  table.ForEach(Key("news"), visit);
  EXPECT_EQ(entries, std::vector<LoopChannel*>({one->channel, two->channel}));
  table.Remove(one.get());
  entries.clear();
  table.ForEach(Key("news"), visit);
  EXPECT_EQ(entries, std::vector<LoopChannel*>({two->channel}));
  table.Remove(two.get());
  EXPECT_EQ(table.channel_count(), 0u);
}

TEST(ASubscriptionTable, HasAnEntryForEachAppWithAChannelOfThatName) {
  SubscriptionTable table;
  const auto one = Pending(table, "news");
  const auto two = Pending(table, "44/news");
  EXPECT_NE(one->channel, two->channel);
  EXPECT_EQ(two->channel->key, (contract::ChannelKeyView{"44", "news"}));
  EXPECT_EQ(two->channel->name(), "news");
  EXPECT_EQ(table.Find(&kDialect, Key("news")), one->channel);
  EXPECT_EQ(table.Find(&kDialect, {"44", "news"}), two->channel);
  EXPECT_EQ(table.Find(&kDialect, {"45", "news"}), nullptr);
  table.Remove(one.get());
  EXPECT_EQ(table.Find(&kDialect, Key("news")), nullptr);
  std::vector<LoopChannel*> entries;
  table.ForEach(Key("44/news"),
                [&](LoopChannel* channel) { entries.push_back(channel); });
  EXPECT_EQ(entries, std::vector<LoopChannel*>({two->channel}));
  table.Remove(two.get());
  EXPECT_EQ(table.channel_count(), 0u);
}

TEST(ASubscriptionTable, StaysTrueInEveryOrderOfLeaving) {
  std::mt19937 random(4711);
  SubscriptionTable table;
  std::vector<std::unique_ptr<Subscription>> all;
  for (int step = 0; step < 20'000; ++step) {
    if (all.empty() || random() % 2 == 0) {
      all.push_back(Pending(table, "c" + std::to_string(random() % 5)));
      if (random() % 4 != 0) {
        table.Activate(all.back().get(),
                       random() % 2 ? "u" + std::to_string(random() % 3) : "");
      }
    } else {
      std::swap(all[random() % all.size()], all.back());
      table.Remove(all.back().get());
      all.pop_back();
    }
  }
  size_t active = 0, named = 0;
  for (const auto& one : all) {
    EXPECT_EQ(table.Find(&kDialect, one->channel->key), one->channel);
    if (!one->active) continue;
    ++active;
    EXPECT_EQ(one->channel->subscribers[one->place], one.get());
    if (one->user_id.empty()) continue;
    ++named;
    EXPECT_EQ((*table.OfUser(one->user_id))[one->user_place], one.get());
  }
  size_t listed = 0, of_users = 0;
  for (const char* name : {"c0", "c1", "c2", "c3", "c4"}) {
    const LoopChannel* channel = table.Find(&kDialect, Key(name));
    if (channel != nullptr) listed += channel->subscribers.size();
  }
  for (const char* name : {"u0", "u1", "u2"}) {
    if (table.OfUser(name) != nullptr) of_users += table.OfUser(name)->size();
  }
  EXPECT_EQ(listed, active);
  EXPECT_EQ(of_users, named);
}

}  // namespace
}  // namespace herald::gateway
