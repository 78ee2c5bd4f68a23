// SPDX-License-Identifier: Apache-2.0
//
// One client, as the parts of its loop see it: its socket, and whether it is
// read. Its session owns this, and everything else about the client.
//
// Threads: its loop.

#ifndef HERALD_GATEWAY_LOOP_CLIENT_STATE_H_
#define HERALD_GATEWAY_LOOP_CLIENT_STATE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "gateway/protocol/dialect.h"
#include "gateway/socket/client_flow.h"
#include "gateway/socket/connection_facts.h"
#include "gateway/socket/socket.h"
#include "gateway/socket/write_queue.h"
#include "proto/contract/channel_key.h"

namespace herald::gateway {

class Session;

struct ClientState {
  ClientState(Session* owner, Socket* socket, const Dialect* spoken,
              uint64_t socket_number, ConnectionFacts connection,
              absl::string_view app = contract::kFirstApp)
      : session(owner),
        dialect(spoken),
        number(socket_number),
        write_entry{.socket = socket},
        other_app(app == contract::kFirstApp
                      ? nullptr
                      : std::make_unique<const std::string>(app)),
        facts(std::move(connection)) {}
  ClientState(const ClientState&) = delete;
  ClientState& operator=(const ClientState&) = delete;

  // nullptr when the connection is gone.
  Socket* socket() const { return write_entry.socket; }

  // The app of its channels.
  absl::string_view app() const {
    return other_app == nullptr ? contract::kFirstApp
                                : absl::string_view(*other_app);
  }

  // Every delivery reads these, so they lie together.
  Session* const session;
  const Dialect* const dialect;
  const uint64_t number;  // The second part of its socket's id.
  WriteQueue::Entry write_entry;
  bool closing = false;  // Nothing more is sent to it, or taken from it.

  // Reading (reading_pauses.h).
  bool paused = false;   // The socket is not read,
  bool slowed = false;   // for more than a repeated subscribe,
  bool limited = false;  // and for a rate,
  bool flooded = false;  // that of messages: within a message as well.
  int32_t pending = 0;   // Subscribes without an answer.
  int32_t repeats = 0;   // Repeated ones without an answer.

  // Kept by the grants of its subscriptions.
  int64_t credential_bytes = 0;

  ClientFlow flow;
  const std::unique_ptr<const std::string> other_app;  // nullptr: the first.
  const ConnectionFacts facts;
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_LOOP_CLIENT_STATE_H_
