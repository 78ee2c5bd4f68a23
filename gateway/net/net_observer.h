// SPDX-License-Identifier: Apache-2.0
//
// The core's Observer, and what only the rim sees.
//
// Threads: any.

#ifndef HERALD_GATEWAY_NET_NET_OBSERVER_H_
#define HERALD_GATEWAY_NET_NET_OBSERVER_H_

#include "gateway/core/observer.h"
#include "proto/contract/close_reason.h"

namespace herald::gateway {

enum class UpgradeRefusal {
  kDraining,    // 503
  kFull,        // 503: BROADCAST_MAX_CONNECTIONS
  kOverrun,     // 503: BROADCAST_MAX_CONNECT_RATE
  kOrigin,      // 403: BROADCAST_ALLOWED_ORIGINS
  kBadRequest,  // 400 or 426: not a WebSocket upgrade
};

class NetObserver : public Observer {
 public:
  // An HTTP request for `/ws` was refused.
  virtual void OnUpgradeRefused(UpgradeRefusal /*why*/) {}

  // A WebSocket has ended. As Observer::OnClosed(), but it also knows of the
  // closes that the rim itself decides: a broken protocol, a binary message.
  virtual void OnWebsocketEnded(contract::CloseReason /*why*/) {}

  // accept(2) failed; the listener rests for a moment. Comes several times a
  // second for as long as that lasts.
  virtual void OnAcceptError() {}
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_NET_NET_OBSERVER_H_
