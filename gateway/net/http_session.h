// SPDX-License-Identifier: Apache-2.0
//
// A connection before it is a WebSocket: HTTP as in
// proto/process/http_connection.h, and upgrades, which are handed over to a
// WebSocket session.
//
//   GET /ws       upgrade (BROADCAST_WS_PATH); 503 while draining, full, or
//                 overrun (the latter by BROADCAST_MAX_CONNECT_RATE), with
//                 `Retry-After`; 403 for an origin that is not allowed, 400 or
//                 426 if it is no WebSocket upgrade (upgrade_request.h)
//
// Bound: connections that are no WebSocket yet share
// GatewayState::half_open_max, so that requests which never end do not take the
// files of the process: beyond it sources with more than a fair share lose
// their oldest.
//
// With BROADCAST_PROXY_PROTOCOL the PROXY header comes before the first
// request, within the request's time; a connection without one is closed.
//
// Threads: its loop.
//
// Lifetime: the session belongs to the operation that it waits for.

#ifndef HERALD_GATEWAY_NET_HTTP_SESSION_H_
#define HERALD_GATEWAY_NET_HTTP_SESSION_H_

#include "gateway/net/aliases.h"
#include "gateway/net/event_loop.h"

namespace herald::gateway {

// Serves `socket`, which is of `loop`, until it ends.
void StartHttpSession(EventLoop* loop, StreamSocket socket);

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_NET_HTTP_SESSION_H_
