// SPDX-License-Identifier: Apache-2.0

#include "gateway/subscriptions/subscription_list.h"

#include <utility>

#include "proto/contract/require.h"

namespace herald::gateway {

size_t SubscriptionList::PlaceOf(const LoopChannel* channel) const {
  if (index_ != nullptr) {
    const auto it = index_->find(channel);
    return it == index_->end() ? all_.size() : it->second;
  }
  size_t place = 0;
  while (place < all_.size() && all_[place]->channel != channel) ++place;
  return place;
}

Subscription* SubscriptionList::Find(const LoopChannel* channel) const {
  const size_t place = PlaceOf(channel);
  return place == all_.size() ? nullptr : all_[place].get();
}

void SubscriptionList::Add(std::unique_ptr<Subscription> subscription) {
  if (index_ != nullptr) {
    index_->emplace(subscription->channel, static_cast<uint32_t>(all_.size()));
  }
  all_.push_back(std::move(subscription));
  KeepIndex();
}

std::unique_ptr<Subscription> SubscriptionList::Take(
    const Subscription* subscription) {
  const size_t place = PlaceOf(subscription->channel);
  contract::Require(place < all_.size() && all_[place].get() == subscription);
  std::swap(all_[place], all_.back());
  std::unique_ptr<Subscription> taken = std::move(all_.back());
  all_.pop_back();
  if (index_ != nullptr) {
    if (place < all_.size()) {
      (*index_)[all_[place]->channel] = static_cast<uint32_t>(place);
    }
    index_->erase(taken->channel);
  }
  KeepIndex();
  return taken;
}

void SubscriptionList::KeepIndex() {
  if (all_.size() < kIndexedFrom / 2) index_ = nullptr;
  if (index_ != nullptr || all_.size() < kIndexedFrom) return;
  index_ = std::make_unique<Index>();
  for (const auto& subscription : all_) {
    index_->emplace(subscription->channel,
                    static_cast<uint32_t>(index_->size()));
  }
}

}  // namespace herald::gateway
