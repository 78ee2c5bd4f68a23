// SPDX-License-Identifier: Apache-2.0
//
// The state of a router, shared by its classes.
//
// Threads: not thread-safe; the router locks.

#ifndef HERALD_GATEWAY_ROUTER_ROUTER_STATE_H_
#define HERALD_GATEWAY_ROUTER_ROUTER_STATE_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "gateway/channels/held_channels.h"
#include "gateway/protocol/observer.h"
#include "gateway/uplink/uplink.h"
#include "gateway/uplink/uplink_chunk.h"
#include "herald/link/v1/gateway_service.pb.h"
#include "herald/v1/server_message.pb.h"
#include "proto/contract/channel_key.h"
#include "proto/contract/channel_rules.h"
#include "proto/contract/limits.h"

namespace herald::gateway {

// A subscribe without an answer of the service.
struct OpenTicket {
  int shard = 0;
  contract::ChannelKey channel;
  std::string socket_id;
  bool cancelled = false;
  std::optional<v1::Position> recover;
};

// A question about a socket that the service has not answered.
struct OpenSocketQuestion {
  int shard = 0;
  uint64_t socket = 0;  // The second part of its id.
};

// A call that every loop carries out in part.
struct OpenCall {
  int parts = 0;  // Not done yet.
  int64_t disconnected_count = 0;
};

// Subscribes that their sockets take back before the answer cause a cancel and,
// if a yes has crossed with it, an `unsubscribe` of at most 350 bytes. Those
// fill the outbox to this bound. It is above all bounds on subscribes, so none
// is accepted while such an item waits: as many wait as there are open tickets.
inline constexpr int64_t kCrossedOutboxBytesMax =
    contract::kLinkOutboxBytesMax / 4 * 3;

// The reason for refusing questions without a link.
inline constexpr char kUnreachable[] = "the service is not reachable";

struct RouterState {
  // Appends to the link, which encodes it later; does nothing without a link.
  void Enqueue(link::v1::GatewayItem item) const {
    if (uplink != nullptr) uplink->Enqueue(UplinkChunk::Defer(std::move(item)));
  }

  // The same for the end of a subscription that was cancelled before its yes
  // came. Above kCrossedOutboxBytesMax it waits in `owed`.
  void EnqueueCrossed(link::v1::Unsubscribe end);
  // Enqueues the ends of `owed` that find room.
  void EnqueueOwed();

  // The loop of a socket of this gateway; -1 for any other id.
  int ShardOf(absl::string_view socket_id) const;

  // Constant after Router::SetShards().
  uint64_t gateway_id = 0;
  int64_t missed_bytes_max = 0;  // Of missed messages, for one socket.
  GatewayObserver* observer = nullptr;
  std::vector<ShardInbox*> shards;

  UplinkPtr uplink;                        // nullptr: no link.
  std::deque<link::v1::Unsubscribe> owed;  // Empty without a link.
  HeldChannels held;
  absl::flat_hash_map<int64_t, OpenTicket> tickets;
  absl::flat_hash_map<int64_t, OpenSocketQuestion> socket_questions;
  absl::flat_hash_map<int64_t, int> renewals;  // The loop, by ticket.
  absl::flat_hash_map<int64_t, OpenCall> calls;
  // The last settings of this link, and the number of loops that have not
  // applied them.
  std::shared_ptr<const link::v1::Settings> settings;
  int settings_waiting = 0;
  // Of the last settings of any link.
  contract::ChannelRulesPtr rules =
      std::make_shared<const contract::ChannelRules>();
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_ROUTER_ROUTER_STATE_H_
