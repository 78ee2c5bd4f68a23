// SPDX-License-Identifier: Apache-2.0
//
// A browser's WebSocket over Beast, which implements the core's Socket. It has
// one chain of reads, writes through OutgoingStream, and ends with a closing
// handshake that has a deadline.
//
// Most sockets of a gateway are idle, so a socket that waits for a message has
// neither a Beast stream nor a buffer. It borrows both when bytes arrive
// (websocket_reader.h).
//
// Bound: a message must end within GatewayState::message_time of its first
// byte. All unfinished messages of a loop share UnfinishedBytesMax(). A message
// that breaks a bound ends its socket. The socket gets a close frame if the
// kernel takes one, and no closing handshake, which would keep its memory.
//
// Threads: its loop.
//
// Lifetime: the loop owns the session until it has ended; pending Asio
// operations own it too.

#ifndef HERALD_GATEWAY_NET_WEBSOCKET_SESSION_H_
#define HERALD_GATEWAY_NET_WEBSOCKET_SESSION_H_

#include "absl/strings/string_view.h"
#include "gateway/net/event_loop.h"
#include "gateway/net/gateway_state.h"
#include "gateway/protocol/dialect.h"
#include "gateway/socket/connection_facts.h"
#include "gateway/websocket/aliases.h"
#include "gateway/websocket/websocket_reader.h"

namespace herald::gateway {

// Answers the upgrade `request`, which was read from `socket`, and serves the
// WebSocket until it ends. `rest` are the bytes behind the request: frames of a
// client that did not wait for the answer. A handshake with an invalid detail
// (an invalid key, another version) is answered with its HTTP error only.
// `refusal`: the dialect has refused the client, which gets that and no more;
// nullptr otherwise.
void StartWebsocketSession(EventLoop* loop, StreamSocket socket,
                           const HttpRequest& request, absl::string_view rest,
                           ConnectionSlot slot, ConnectionFacts facts,
                           const Dialect* dialect, const Goodbye* refusal);

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_NET_WEBSOCKET_SESSION_H_
