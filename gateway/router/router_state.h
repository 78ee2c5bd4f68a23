// SPDX-License-Identifier: Apache-2.0
//
// What a router keeps of tickets, channels and calls.
//
// Threads: none of their own; the router locks.

#ifndef HERALD_GATEWAY_ROUTER_ROUTER_STATE_H_
#define HERALD_GATEWAY_ROUTER_ROUTER_STATE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/router/channel_history.h"
#include "gateway/router/roster.h"
#include "gateway/router/roster_answer.h"
#include "herald/v1/server_message.pb.h"

namespace herald::gateway {

// A subscribe that the service has not answered.
struct OpenTicket {
  int shard = 0;
  std::string channel;
  std::string socket_id;
  bool cancelled = false;
  std::optional<v1::Position> recover;
};

// What is held of one channel.
struct HeldChannel {
  std::vector<int64_t> by_shard;  // Subscriptions.
  int64_t count = 0;              // Their sum.
  int64_t open_tickets = 0;
  Roster roster;       // Presence: everybody, as our sockets were told.
  OwnMembers members;  // Presence: those of our own sockets.
  std::unique_ptr<ChannelHistory> history;  // nullptr: it has none.
  // Presence: the last `subscribed`, while it is on its way to sockets.
  std::unique_ptr<RosterAnswer> answer;
};

// A call that every shard carries out a part of.
struct OpenCall {
  int parts = 0;  // Not done yet.
  int64_t disconnected_count = 0;
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_ROUTER_ROUTER_STATE_H_
