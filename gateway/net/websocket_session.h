// SPDX-License-Identifier: Apache-2.0
//
// One browser's WebSocket over Beast: the core's Socket. One chain of reads;
// what is written goes through OutgoingStream; the end is a closing handshake
// with a deadline.
//
// Idle sockets are what a gateway has most of, so a socket that waits for a
// message has no stream of Beast and no buffer: it borrows both when bytes
// come (websocket_reader.h).
//
// Bound: a message that has begun has GatewayState::message_time to end, and
// all that have begun on a loop share UnfinishedBytesMax(). One that breaks a
// bound costs its socket: it gets a close frame, if the kernel takes that, and
// no closing handshake, which would keep its memory.
//
// Threads: its loop.
//
// Lifetime: the session belongs to the loop until it has ended, and to the
// operations of Asio that it waits for.

#ifndef HERALD_GATEWAY_NET_WEBSOCKET_SESSION_H_
#define HERALD_GATEWAY_NET_WEBSOCKET_SESSION_H_

#include "absl/strings/string_view.h"
#include "gateway/loop/connection_facts.h"
#include "gateway/net/aliases.h"
#include "gateway/net/event_loop.h"
#include "gateway/net/gateway_state.h"
#include "gateway/net/websocket_reader.h"

namespace herald::gateway {

// Answers the upgrade `request` that was read from `socket`, and serves the
// WebSocket until it ends. `rest` is what was read behind the request: frames
// of a client that does not wait for the answer. A handshake that is wrong in
// detail (a key that is none, another version) is answered with its HTTP error
// and nothing more.
void StartWebsocketSession(EventLoop* loop, StreamSocket socket,
                           const HttpRequest& request, absl::string_view rest,
                           ConnectionSlot slot, ConnectionFacts facts);

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_NET_WEBSOCKET_SESSION_H_
