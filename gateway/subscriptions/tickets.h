// SPDX-License-Identifier: Apache-2.0
//
// The tickets of one loop: which subscription each one names, and which were
// cancelled and not answered yet.
//
// Threads: its loop.

#ifndef HERALD_GATEWAY_SUBSCRIPTIONS_TICKETS_H_
#define HERALD_GATEWAY_SUBSCRIPTIONS_TICKETS_H_

#include <cstdint>
#include <optional>

#include "absl/container/flat_hash_map.h"
#include "gateway/subscriptions/subscription_table.h"

namespace herald::gateway {

class Tickets {
 public:
  void Add(Subscription* subscription) {
    open_[subscription->ticket] = subscription;
  }
  void Remove(int64_t ticket) { open_.erase(ticket); }

  // The subscription, or nullptr if it has ended.
  Subscription* Find(int64_t ticket) const {
    const auto it = open_.find(ticket);
    return it == open_.end() ? nullptr : it->second;
  }

  // All of them, in no order.
  const absl::flat_hash_map<int64_t, Subscription*>& all() const {
    return open_;
  }

  // The socket with that number has cancelled the ticket.
  void Cancel(int64_t ticket, uint64_t socket) {
    cancelled_.emplace(ticket, socket);
  }

  // The answer to a ticket has come. Returns the number of the socket that has
  // cancelled it, if one has.
  std::optional<uint64_t> TakeCancelled(int64_t ticket) {
    const auto it = cancelled_.find(ticket);
    if (it == cancelled_.end()) return std::nullopt;
    const uint64_t socket = it->second;
    cancelled_.erase(it);
    return socket;
  }

 private:
  absl::flat_hash_map<int64_t, Subscription*> open_;
  absl::flat_hash_map<int64_t, uint64_t> cancelled_;
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_SUBSCRIPTIONS_TICKETS_H_
