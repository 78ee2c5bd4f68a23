// SPDX-License-Identifier: Apache-2.0
//
// All that a router knows, shared by the classes that it is made of.
//
// Threads: none of its own; the router locks.

#ifndef HERALD_GATEWAY_ROUTER_ROUTER_STATE_H_
#define HERALD_GATEWAY_ROUTER_ROUTER_STATE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "gateway/protocol/observer.h"
#include "gateway/router/held_channels.h"
#include "gateway/router/uplink.h"
#include "herald/link/v1/gateway_service.pb.h"
#include "herald/v1/server_message.pb.h"
#include "proto/contract/channel_rules.h"

namespace herald::gateway {

// A subscribe that the service has not answered.
struct OpenTicket {
  int shard = 0;
  std::string channel;
  std::string socket_id;
  bool cancelled = false;
  std::optional<v1::Position> recover;
};

// A call that every loop carries out a part of.
struct OpenCall {
  int parts = 0;  // Not done yet.
  int64_t disconnected_count = 0;
};

// Why a question is refused while there is no link.
inline constexpr char kUnreachable[] = "the service is not reachable";

// The chunk of an item, as an Uplink takes it.
std::string EncodeItem(link::v1::GatewayItem item);

struct RouterState {
  // Appends to the link; nothing if there is none.
  void Enqueue(link::v1::GatewayItem item) const {
    if (uplink != nullptr) uplink->Enqueue(EncodeItem(std::move(item)));
  }

  // The loop of one of our sockets; -1 for any other id.
  int ShardOf(absl::string_view socket_id) const;

  // Constant after Router::SetShards().
  uint64_t gateway_id = 0;
  int64_t missed_bytes_max = 0;  // No socket takes more of what it has missed.
  Observer* observer = nullptr;
  std::vector<ShardInbox*> shards;

  UplinkPtr uplink;  // nullptr: there is no link.
  HeldChannels held;
  absl::flat_hash_map<int64_t, OpenTicket> tickets;
  absl::flat_hash_map<int64_t, int> renewals;  // The loop, by ticket.
  absl::flat_hash_map<int64_t, OpenCall> calls;
  // The last ones of this link, and how many loops have not applied them.
  std::shared_ptr<const link::v1::Settings> settings;
  int settings_waiting = 0;
  // Of the last ones that any link has brought.
  contract::ChannelRulesPtr rules =
      std::make_shared<const contract::ChannelRules>();
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_ROUTER_ROUTER_STATE_H_
