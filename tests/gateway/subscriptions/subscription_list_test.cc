// SPDX-License-Identifier: Apache-2.0

#include "gateway/subscriptions/subscription_list.h"

#include <memory>
#include <random>
#include <set>
#include <vector>

#include "gtest/gtest.h"

namespace herald::gateway {
namespace {

std::unique_ptr<Subscription> On(LoopChannel* channel) {
  auto subscription = std::make_unique<Subscription>();
  subscription->channel = channel;
  return subscription;
}

TEST(ASubscriptionList, FindsItsSubscriptions) {
  SubscriptionList list;
  LoopChannel news;
  LoopChannel mail;
  list.Add(On(&news));
  EXPECT_EQ(list.Find(&mail), nullptr);
  Subscription* const one = list.Find(&news);
  ASSERT_NE(one, nullptr);
  EXPECT_EQ(list.at(0), one);
  EXPECT_EQ(list.Take(one).get(), one);
  EXPECT_TRUE(list.empty());
  EXPECT_EQ(list.Find(&news), nullptr);
}

// Against a model, across the sizes where the index comes and goes.
TEST(ASubscriptionList, FindsEachOneHoweverManyComeAndGo) {
  constexpr size_t kChannels = 4 * SubscriptionList::kIndexedFrom;
  std::mt19937 random(1);
  std::vector<LoopChannel> channels(kChannels);
  std::set<const LoopChannel*> model;
  SubscriptionList list;
  for (int step = 0; step < 20'000; ++step) {
    // Grows and shrinks in turns.
    const bool grows = step / 500 % 2 == 0;
    LoopChannel* const channel = &channels[random() % kChannels];
    Subscription* const known = list.Find(channel);
    ASSERT_EQ(known != nullptr, model.contains(channel));
    if (known == nullptr && (grows || random() % 8 == 0)) {
      list.Add(On(channel));
      model.insert(channel);
    } else if (known != nullptr && (!grows || random() % 8 == 0)) {
      EXPECT_EQ(list.Take(known)->channel, channel);
      model.erase(channel);
    }
    ASSERT_EQ(list.size(), model.size());
  }
  std::set<const LoopChannel*> all;
  for (size_t i = 0; i < list.size(); ++i) all.insert(list.at(i)->channel);
  EXPECT_EQ(all, model);
}

}  // namespace
}  // namespace herald::gateway
