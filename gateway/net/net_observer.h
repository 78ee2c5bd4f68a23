// SPDX-License-Identifier: Apache-2.0
//
// The core's GatewayObserver, extended by the events of the rim.
//
// Threads: any.

#ifndef HERALD_GATEWAY_NET_NET_OBSERVER_H_
#define HERALD_GATEWAY_NET_NET_OBSERVER_H_

#include "absl/strings/string_view.h"
#include "gateway/protocol/observer.h"
#include "proto/contract/close_reason.h"

namespace herald::gateway {

enum class UpgradeRefusal {
  kDraining,    // 503
  kFull,        // 503: BROADCAST_MAX_CONNECTIONS, or the descriptors
  kOverrun,     // 503: BROADCAST_MAX_CONNECT_RATE
  kOrigin,      // 403: BROADCAST_ALLOWED_ORIGINS
  kBadRequest,  // 400 or 426: not a WebSocket upgrade
  kNoProxy,     // Closed: no header, with BROADCAST_PROXY_PROTOCOL
};

// The name in metrics and logs, for example `no_heartbeat`.
constexpr absl::string_view NameOf(contract::CloseReason reason) {
  switch (reason) {
    case contract::CloseReason::kNormal:
      return "normal";
    case contract::CloseReason::kGoingAway:
      return "going_away";
    case contract::CloseReason::kProtocolError:
      return "protocol_error";
    case contract::CloseReason::kBinary:
      return "binary";
    case contract::CloseReason::kBadUtf8:
      return "bad_utf8";
    case contract::CloseReason::kTooLarge:
      return "too_large";
    case contract::CloseReason::kRefused:
      return "refused";
    case contract::CloseReason::kOverloaded:
      return "overloaded";
    case contract::CloseReason::kSlow:
      return "slow";
    case contract::CloseReason::kNoHeartbeat:
      return "no_heartbeat";
    case contract::CloseReason::kDisconnected:
      return "disconnected";
    case contract::CloseReason::kUnfinished:
      break;
  }
  return "unfinished";
}

// The name in metrics and logs, for example `bad_request`.
constexpr absl::string_view NameOf(UpgradeRefusal refusal) {
  switch (refusal) {
    case UpgradeRefusal::kDraining:
      return "draining";
    case UpgradeRefusal::kFull:
      return "full";
    case UpgradeRefusal::kOverrun:
      return "overrun";
    case UpgradeRefusal::kOrigin:
      return "origin";
    case UpgradeRefusal::kBadRequest:
      return "bad_request";
    case UpgradeRefusal::kNoProxy:
      break;
  }
  return "no_proxy";
}

class NetObserver : public GatewayObserver {
 public:
  // An upgrade request was refused. `detail` is the refused value as the client
  // sent it, or empty.
  virtual void OnUpgradeRefused(UpgradeRefusal /*why*/,
                                absl::string_view /*detail*/) {}

  // A WebSocket has ended. As GatewayObserver::OnClosed(), plus the closes that
  // the rim decides: protocol errors and binary messages.
  virtual void OnWebsocketEnded(contract::CloseReason /*why*/) {}

  // A connection was cut before its upgrade, to admit others.
  virtual void OnHalfOpenCut() {}

  // accept(2) failed, and the listener pauses. Called several times a second
  // while the failure lasts.
  virtual void OnAcceptError() {}
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_NET_NET_OBSERVER_H_
