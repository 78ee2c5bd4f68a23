// SPDX-License-Identifier: Apache-2.0

#include "gateway/subscriptions/subscription_table.h"

#include <utility>

#include "proto/contract/require.h"

namespace herald::gateway {
namespace {

// Removes the entry at `place` by putting the last one there.
void SwapRemove(std::vector<Subscription*>& all, uint32_t place,
                uint32_t Subscription::*place_of) {
  contract::Require(place < all.size());
  all[place] = all.back();
  all[place]->*place_of = place;
  all.pop_back();
}

uint32_t Append(std::vector<Subscription*>& all, Subscription* subscription) {
  all.push_back(subscription);
  return static_cast<uint32_t>(all.size() - 1);
}

}  // namespace

SubscriptionTable::OfDialect* SubscriptionTable::FindDialect(
    const Dialect* dialect) {
  for (OfDialect& one : all_) {
    if (one.dialect == dialect) return &one;
  }
  return nullptr;
}

LoopChannel* SubscriptionTable::Obtain(const Dialect* dialect,
                                       contract::ChannelKeyView key) {
  OfDialect* known = FindDialect(dialect);
  if (known == nullptr) known = &all_.emplace_back(OfDialect{dialect, {}});
  std::unique_ptr<LoopChannel>& channel = known->channels[key];
  if (channel == nullptr) {
    channel = std::make_unique<LoopChannel>();
    channel->key = contract::ChannelKey(key);
    channel->dialect = dialect;
  }
  return channel.get();
}

LoopChannel* SubscriptionTable::Find(const Dialect* dialect,
                                     contract::ChannelKeyView key) {
  const OfDialect* const known = FindDialect(dialect);
  if (known == nullptr) return nullptr;
  const auto it = known->channels.find(key);
  return it == known->channels.end() ? nullptr : it->second.get();
}

size_t SubscriptionTable::channel_count() const {
  size_t count = 0;
  for (const OfDialect& one : all_) count += one.channels.size();
  return count;
}

void SubscriptionTable::AddPending(Subscription* subscription) {
  ++subscription->channel->pending;
}

void SubscriptionTable::Activate(Subscription* subscription,
                                 std::string user_id) {
  contract::Require(!subscription->active);
  LoopChannel& channel = *subscription->channel;
  --channel.pending;
  subscription->active = true;
  subscription->given = channel.said;
  subscription->place = Append(channel.subscribers, subscription);
  if (user_id.empty()) return;
  subscription->user_id = std::move(user_id);
  subscription->user_place =
      Append(users_[subscription->user_id], subscription);
}

void SubscriptionTable::Revoke(Subscription* subscription) {
  contract::Require(subscription->active && !subscription->revoked);
  subscription->revoked = true;
  ++subscription->channel->revoked;
}

void SubscriptionTable::Mute(Subscription* subscription) {
  contract::Require(subscription->active);
  LoopChannel& channel = *subscription->channel;
  SwapRemove(channel.subscribers, subscription->place, &Subscription::place);
  ++channel.pending;
  if (subscription->revoked) --channel.revoked;
  subscription->active = false;
  if (subscription->user_id.empty()) return;
  const auto user = users_.find(subscription->user_id);
  SwapRemove(user->second, subscription->user_place, &Subscription::user_place);
  if (user->second.empty()) users_.erase(user);
}

void SubscriptionTable::Remove(Subscription* subscription) {
  if (subscription->active) Mute(subscription);
  LoopChannel& channel = *subscription->channel;
  --channel.pending;
  if (channel.subscribers.empty() && channel.pending == 0) {
    FindDialect(channel.dialect)->channels.erase(channel.key);
  }
}

const std::vector<Subscription*>* SubscriptionTable::OfUser(
    absl::string_view user_id) const {
  const auto it = users_.find(user_id);
  return it == users_.end() ? nullptr : &it->second;
}

}  // namespace herald::gateway
