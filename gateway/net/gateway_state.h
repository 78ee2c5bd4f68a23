// SPDX-License-Identifier: Apache-2.0
//
// The state that all event loops of the process share: the settings of the rim,
// pointers to the core, and a few mutable counters.
//
// Threads: any. All members are constant once the loops run, except the gate,
// the rate, the shares and the atomics.

#ifndef HERALD_GATEWAY_NET_GATEWAY_STATE_H_
#define HERALD_GATEWAY_NET_GATEWAY_STATE_H_

#include <atomic>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "gateway/loop/loop_state.h"
#include "gateway/net/endpoints.h"
#include "gateway/net/net_observer.h"
#include "gateway/net/origin_patterns.h"
#include "gateway/net/trusted_proxies.h"
#include "gateway/router/router.h"
#include "gateway/socket/client_flow.h"
#include "gateway/uplink/link_gate.h"
#include "proto/admission/connect_rate.h"
#include "proto/admission/connection_shares.h"
#include "proto/admission/source.h"
#include "proto/http/http_connection.h"

namespace herald::gateway {

struct GatewayState {
  Router* router = nullptr;
  NetObserver* observer = nullptr;

  int shard_count = 1;
  int64_t subscriptions_max = ShardOptions().subscriptions_max;  // Per socket.
  ClientRates client_rates;                                      // Per socket.
  int64_t half_open_max = 4096;      // Connections that are not WebSockets yet.
  size_t queue_bytes_max = 1 << 20;  // Per socket.
  // From the first byte of a message to its last, plus a second for each 64 KiB
  // of the largest allowed message.
  absl::Duration message_time = absl::Seconds(30);
  absl::Duration write_timeout = ShardOptions().write_timeout;
  int descriptors_max = std::numeric_limits<int>::max();  // For sockets.
  OriginPatterns origins{{"*"}};

  Endpoints endpoints;
  bool proxy_protocol = false;  // Each connection begins with a PROXY header.
  TrustedProxies trusted_proxies;
  process::HttpPages pages;  // Served on the browsers' port.

  LinkGate link_gate;  // Closed while a loop's inbox is full.
  admission::ConnectRate connect_rate;
  std::atomic<bool> draining{false};
  admission::ConnectionShares connections;  // Open WebSockets.
};

// A WebSocket's slot in the connection limit. Released by the destructor.
class ConnectionSlot {
 public:
  ConnectionSlot(ConnectionSlot&& other) noexcept
      : state_(std::exchange(other.state_, nullptr)), source_(other.source_) {}
  ConnectionSlot& operator=(ConnectionSlot&&) = delete;
  ~ConnectionSlot() {
    if (state_ != nullptr) state_->connections.Give(source_);
  }

  // Takes a slot. The result is not valid() if none is left for the source.
  static ConnectionSlot Take(GatewayState* state, admission::Source source) {
    return {state->connections.Take(source) ? state : nullptr, source};
  }

  bool valid() const { return state_ != nullptr; }
  admission::Source source() const { return source_; }

 private:
  ConnectionSlot(GatewayState* state, admission::Source source)
      : state_(state), source_(source) {}

  GatewayState* state_;
  const admission::Source source_;
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_NET_GATEWAY_STATE_H_
