// SPDX-License-Identifier: Apache-2.0
//
// A connection before it is a WebSocket: reads HTTP/1.1 requests, answers the
// probes, and hands upgrades over to a WebSocket session.
//
//   GET /livez    200
//   GET /readyz   200, or 503 with the reason
//   GET /metrics  Prometheus text
//   GET /ws       upgrade; 503 while draining, full, or overrun (the latter by
//                 BROADCAST_MAX_CONNECT_RATE), with `Retry-After`; 403 for an
//                 origin that is not allowed, 400 or 426 if it is no WebSocket
//                 upgrade
//
// Bound: a request's header has at most 16 KiB and 10 s, its answer included;
// bodies are not read. Who is sent away has 1 s to read the answer.
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
void StartHttpSession(EventLoop* loop, TcpSocket socket);

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_NET_HTTP_SESSION_H_
