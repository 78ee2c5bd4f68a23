// SPDX-License-Identifier: Apache-2.0
//
// The channels that the gateway holds: how many subscriptions on which loop,
// the roster, the gateway's own members, and the place in a history.
//
// Threads: none of its own; the router locks.
//
// Invariant: a channel is known while it has a subscription or an open ticket.

#ifndef HERALD_GATEWAY_ROUTER_HELD_CHANNELS_H_
#define HERALD_GATEWAY_ROUTER_HELD_CHANNELS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "gateway/protocol/channel_message.h"
#include "gateway/router/batches.h"
#include "gateway/router/channel_history.h"
#include "gateway/router/roster.h"
#include "gateway/router/roster_answer.h"
#include "herald/link/v1/gateway_service.pb.h"

namespace herald::gateway {

struct HeldChannel {
  std::vector<int64_t> by_shard;  // Subscriptions.
  int64_t count = 0;              // Their sum.
  int64_t open_tickets = 0;
  Roster roster;       // Presence: all members, as our sockets know them.
  OwnMembers members;  // Presence: those of our own sockets.
  std::unique_ptr<ChannelHistory> history;  // nullptr: it has none.
  // Presence: the last `subscribed`, while it is on its way to sockets.
  std::unique_ptr<RosterAnswer> answer;
};

class HeldChannels {
 public:
  using Map = absl::flat_hash_map<std::string, HeldChannel>;

  // The channel, or nullptr; made if need be.
  HeldChannel* Find(absl::string_view channel);
  HeldChannel& Obtain(const std::string& channel) { return map_[channel]; }

  // A ticket is open on the channel from here on; it is not any more, and the
  // channel may be gone afterwards.
  void OpenTicket(const std::string& channel) { ++map_[channel].open_tickets; }
  void CloseTicket(const std::string& channel);

  // A subscription of a loop begins. `shards` is how many loops there are.
  static void Count(HeldChannel& held, int shard, size_t shards);

  // A confirmed subscription ends. The channel may be gone afterwards.
  // REQUIRES: it was counted.
  void Forget(int shard, const link::v1::Unsubscribe& subscription);

  // The answer to a subscribe of the channel now.
  static EncodedMessagePtr Answer(const std::string& channel, HeldChannel& held,
                                  std::optional<bool> recovered);

  // Appends the message for each loop that has a subscription.
  static void Deliver(const HeldChannel& held, const ChannelMessagePtr& message,
                      Batches* batches);
  static void Deliver(const HeldChannel& held, ChannelMessage message,
                      Batches* batches);

  // The holdings of a gateway that attaches, as items of a bounded size.
  void ForEachHeld(absl::FunctionRef<void(link::v1::GatewayItem)> call) const;

  Map& all() { return map_; }

 private:
  void ForgetIfUnused(Map::iterator it);

  Map map_;
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_ROUTER_HELD_CHANNELS_H_
