// SPDX-License-Identifier: Apache-2.0
//
// The subscriptions of one session. Adding, finding and taking one are O(1). A
// long list has an index by channel. A short one, as most sessions have, is
// searched.
//
// Threads: its loop.

#ifndef HERALD_GATEWAY_SUBSCRIPTIONS_SUBSCRIPTION_LIST_H_
#define HERALD_GATEWAY_SUBSCRIPTIONS_SUBSCRIPTION_LIST_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "gateway/subscriptions/subscription_table.h"

namespace herald::gateway {

class SubscriptionList {
 public:
  // A list of this many gets an index, and keeps it until half of them are
  // left.
  static constexpr size_t kIndexedFrom = 16;

  // REQUIRES: it has a channel that none of the list has.
  void Add(std::unique_ptr<Subscription> subscription);

  // The one on `channel`, or nullptr.
  Subscription* Find(const LoopChannel* channel) const;

  // Removes one; the last one takes its place. REQUIRES: it is here.
  std::unique_ptr<Subscription> Take(const Subscription* subscription);

  size_t size() const { return all_.size(); }
  bool empty() const { return all_.empty(); }
  Subscription* at(size_t place) const { return all_[place].get(); }

 private:
  using Index = absl::flat_hash_map<const LoopChannel*, uint32_t>;

  size_t PlaceOf(const LoopChannel* channel) const;
  void KeepIndex();

  std::vector<std::unique_ptr<Subscription>> all_;
  std::unique_ptr<Index> index_;  // Places in `all_`; nullptr: a short list.
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_SUBSCRIPTIONS_SUBSCRIPTION_LIST_H_
