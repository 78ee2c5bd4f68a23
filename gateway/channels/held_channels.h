// SPDX-License-Identifier: Apache-2.0
//
// The channels that the gateway holds. Each has its subscriptions per loop, its
// roster, the gateway's own members, and its position in the history.
//
// Threads: not thread-safe; the router locks.
//
// Invariant: a channel exists while it has a subscription or an open ticket.

#ifndef HERALD_GATEWAY_CHANNELS_HELD_CHANNELS_H_
#define HERALD_GATEWAY_CHANNELS_HELD_CHANNELS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/functional/function_ref.h"
#include "gateway/channels/batches.h"
#include "gateway/channels/channel_history.h"
#include "gateway/channels/roster.h"
#include "gateway/channels/roster_answer.h"
#include "gateway/protocol/channel_message.h"
#include "herald/link/v1/gateway_service.pb.h"
#include "proto/contract/channel_key.h"

namespace herald::gateway {

struct HeldChannel {
  std::vector<int64_t> by_shard;  // Subscriptions.
  int64_t count = 0;              // Their sum.
  int64_t open_tickets = 0;
  Roster roster;  // Presence: all members, as the gateway's sockets know them.
  OwnMembers members;  // Presence: those of the gateway's own sockets.
  std::unique_ptr<ChannelHistory> history;  // nullptr: no history.
  // Presence: the last `subscribed`, while sockets still need it.
  std::unique_ptr<RosterAnswer> answer;
};

class HeldChannels {
 public:
  using Map = contract::ChannelKeyMap<HeldChannel>;

  // Find() returns nullptr for an unknown channel; Obtain() creates it.
  HeldChannel* Find(contract::ChannelKeyView channel);
  HeldChannel& Obtain(contract::ChannelKeyView channel) {
    return map_[channel];
  }

  // OpenTicket() notes that a ticket is open on the channel; CloseTicket() that
  // one is not open any more, which may delete the channel.
  void OpenTicket(contract::ChannelKeyView channel) {
    ++map_[channel].open_tickets;
  }
  void CloseTicket(contract::ChannelKeyView channel);

  // Counts a new subscription of loop `shard`, one of `shards` loops.
  static void Count(HeldChannel& held, int shard, size_t shards);

  // Ends a confirmed subscription. The channel may be deleted.
  // REQUIRES: the subscription was counted.
  void Forget(int shard, const link::v1::Unsubscribe& subscription);

  // The current answer to a subscribe of the channel.
  static EncodedMessagePtr Answer(contract::ChannelKeyView channel,
                                  HeldChannel& held,
                                  std::optional<bool> recovered);

  // Appends the message for each loop that has a subscription.
  static void Deliver(const HeldChannel& held, const ChannelMessagePtr& message,
                      Batches* batches);
  static void Deliver(const HeldChannel& held, ChannelMessage message,
                      Batches* batches);

  // Calls `call` with the holdings for an attach, as items of bounded size.
  void ForEachHeld(absl::FunctionRef<void(link::v1::GatewayItem)> call) const;

  Map& all() { return map_; }

 private:
  void ForgetIfUnused(Map::iterator it);

  Map map_;
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_CHANNELS_HELD_CHANNELS_H_
