// SPDX-License-Identifier: Apache-2.0
//
// The core's Observer, and what only the rim sees.
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
  kFull,        // 503: BROADCAST_MAX_CONNECTIONS, or the files
  kOverrun,     // 503: BROADCAST_MAX_CONNECT_RATE
  kOrigin,      // 403: BROADCAST_ALLOWED_ORIGINS
  kBadRequest,  // 400 or 426: not a WebSocket upgrade
  kNoProxy,     // Closed: BROADCAST_PROXY_PROTOCOL, and no such header
};

// As metrics and logs show it: `no_heartbeat`.
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
    case contract::CloseReason::kPolicy:
      return "policy";
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

// As metrics and logs show it: `bad_request`.
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

class NetObserver : public Observer {
 public:
  // A request for a WebSocket was refused. `detail` is what was refused of it,
  // as the client wrote it, or empty.
  virtual void OnUpgradeRefused(UpgradeRefusal /*why*/,
                                absl::string_view /*detail*/) {}

  // A WebSocket has ended. As Observer::OnClosed(), but it also knows of the
  // closes that the rim itself decides: a broken protocol, a binary message.
  virtual void OnWebsocketEnded(contract::CloseReason /*why*/) {}

  // A connection was cut before it was a WebSocket, to make room for others.
  virtual void OnHalfOpenCut() {}

  // accept(2) failed; the listener rests for a moment. Comes several times a
  // second for as long as that lasts.
  virtual void OnAcceptError() {}
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_NET_NET_OBSERVER_H_
