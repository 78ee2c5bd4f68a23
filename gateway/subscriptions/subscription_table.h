// SPDX-License-Identifier: Apache-2.0
//
// The channels of one loop and their subscribers. Joining and leaving are O(1)
// in the number of subscribers, and a channel's subscribers lie in one array,
// for fan-out walks it.
//
// Clients of different dialects are sent different frames, so a channel has an
// entry for each dialect that has a subscription to it.
//
// Threads: its loop.
//
// Invariant: an entry exists while it has a subscription, pending or active.
// A subscription knows its places in the arrays that point to it.

#ifndef HERALD_GATEWAY_SUBSCRIPTIONS_SUBSCRIPTION_TABLE_H_
#define HERALD_GATEWAY_SUBSCRIPTIONS_SUBSCRIPTION_TABLE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gateway/protocol/dialect.h"
#include "gateway/subscriptions/backlog.h"
#include "herald/v1/server_message.pb.h"
#include "proto/contract/channel_key.h"

namespace herald::gateway {

struct ClientState;
struct Subscription;

// One channel of one loop, for the clients of one dialect.
struct LoopChannel {
  contract::ChannelKey key;
  const Dialect* dialect = nullptr;
  std::vector<Subscription*> subscribers;  // Active ones.
  int64_t pending = 0;                     // Others.

  // Of a large channel (bulk_writer.h): the position behind its last event, the
  // events that some subscribers lack, and the earliest time of the next pass.
  uint32_t said = 0;
  uint32_t revoked = 0;  // Subscribers that only wait for their end.
  std::unique_ptr<Backlog> backlog;
  absl::Time rests_until = absl::InfinitePast();

  absl::string_view name() const { return key.name(); }
};

// The grant of a subscription about which the authorizer was asked.
struct Grant {
  int64_t credential_bytes() const {
    return static_cast<int64_t>(auth.size() + channel_data.size());
  }

  std::string auth;
  std::string channel_data;
  absl::Time end = absl::InfiniteFuture();
  absl::Time attention = absl::InfiniteFuture();  // Place in Grants.
  bool renewable = false;
  bool asking = false;  // A renewal is under way.
  bool owed = false;    // Must be asked again although it does not end.
};

// Subscribes of a client that wait for an answer: each with the position that
// it asks to recover from, if it has one.
using Asked = std::vector<std::optional<v1::Position>>;

// One socket on one channel. Owned by its session.
struct Subscription {
  ClientState* client = nullptr;
  LoopChannel* channel = nullptr;
  int64_t ticket = 0;
  bool active = false;        // Confirmed; before that it is pending.
  bool revoked = false;       // Confirmed, and waits for its end. Still active
                              // until it is muted.
  bool is_member = false;     // On a presence channel.
  bool by_call : 1 = false;   // Begun by a backend, and by no client.
  bool notified : 1 = false;  // Revoked, or left: its client is notified.
  uint32_t place = 0;         // In LoopChannel::subscribers, if active.
  uint32_t user_place = 0;    // In the user's array, if user_id is not empty.
  uint32_t given = 0;         // The position up to which it has events.
  std::string user_id;
  std::unique_ptr<Grant> grant;
  Asked asked;

  // Whether the service counts it.
  bool is_confirmed() const { return active || revoked; }
};

class SubscriptionTable {
 public:
  // The channel's entry, made if need be. `dialect` outlives the table.
  LoopChannel* Obtain(const Dialect* dialect, contract::ChannelKeyView key);
  // The channel's entry, or nullptr.
  LoopChannel* Find(const Dialect* dialect, contract::ChannelKeyView key);

  // Calls `visit` with each entry of the channel: one lookup for each dialect
  // that the table has ever had. `visit` does not add or remove any.
  template <typename Visitor>
  void ForEach(contract::ChannelKeyView key, Visitor visit) {
    for (const OfDialect& one : all_) {
      const auto it = one.channels.find(key);
      if (it != one.channels.end()) visit(it->second.get());
    }
  }

  // A subscription begins to wait on its channel.
  void AddPending(Subscription* subscription);
  // It is confirmed, for a user or (empty) for none.
  void Activate(Subscription* subscription, std::string user_id);
  // It only waits for its end from now on. REQUIRES: it is active, and was not
  // revoked before.
  void Revoke(Subscription* subscription);
  // It is not a subscriber any more, nor its user's, but keeps the channel.
  // REQUIRES: it is active.
  void Mute(Subscription* subscription);
  // It ends, active or not. Its channel may be gone afterwards.
  void Remove(Subscription* subscription);

  // The active subscriptions that name the user.
  const std::vector<Subscription*>* OfUser(absl::string_view user_id) const;

  // How many entries there are.
  size_t channel_count() const;

 private:
  struct OfDialect {
    const Dialect* dialect = nullptr;
    contract::ChannelKeyMap<std::unique_ptr<LoopChannel>> channels;
  };

  OfDialect* FindDialect(const Dialect* dialect);

  std::vector<OfDialect> all_;  // Few, so that a search is cheap.
  absl::flat_hash_map<std::string, std::vector<Subscription*>> users_;
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_SUBSCRIPTIONS_SUBSCRIPTION_TABLE_H_
