// SPDX-License-Identifier: Apache-2.0
//
// A connection before it is a WebSocket. It serves HTTP as in
// proto/http/http_connection.h, and hands upgrades to a WebSocket session.
//
//   GET /ws       upgrade (the path is BROADCAST_WS_PATH).
//                 503 with `Retry-After` while draining, at the connection
//                 limit, or above BROADCAST_MAX_CONNECT_RATE; 403 for an origin
//                 that is not allowed; 400 or 426 for an invalid upgrade
//                 (upgrade_request.h)
//
// Bound: connections that are not WebSockets yet share
// GatewayState::half_open_max, so that requests that never end cannot use up
// the file descriptors. Above the bound, sources with more than a fair share
// lose their oldest connection.
//
// PROXY protocol: with BROADCAST_PROXY_PROTOCOL the PROXY header precedes the
// first request and counts towards its deadline. A connection without a header
// is closed.
//
// Threads: its loop.
//
// Lifetime: the pending operation owns the session.

#ifndef HERALD_GATEWAY_HTTP_HTTP_SESSION_H_
#define HERALD_GATEWAY_HTTP_HTTP_SESSION_H_

#include "gateway/net/event_loop.h"
#include "gateway/websocket/aliases.h"

namespace herald::gateway {

// Serves `socket` until it ends.
// REQUIRES: `socket` belongs to `loop`.
void StartHttpSession(EventLoop* loop, StreamSocket socket);

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_HTTP_HTTP_SESSION_H_
