// SPDX-License-Identifier: Apache-2.0
//
// Port: what has happened in the gateway's core, for metrics and logs. Every
// call does nothing unless overridden.
//
// Threads: any; those of one shard come from its loop. Implementations are
// short and do not block.

#ifndef HERALD_GATEWAY_CORE_OBSERVER_H_
#define HERALD_GATEWAY_CORE_OBSERVER_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "proto/contract/close_reason.h"

namespace herald::gateway {

class Observer {
 public:
  virtual ~Observer() = default;

  // A connection was opened; it has gone. `why` is who ended it: the reason
  // that the gateway gave, or kNormal if the client or the network did.
  virtual void OnOpened() {}
  virtual void OnClosed(contract::CloseReason /*why*/) {}

  // Subscriptions of this gateway changed by `delta`.
  virtual void OnSubscriptions(int64_t /*delta*/) {}

  // A subscribe was refused with this code of `subscription_error`.
  virtual void OnSubscribeRefused(absl::string_view /*code*/) {}

  // A subscribe that asked to recover was answered, and how.
  virtual void OnRecovery(bool /*recovered*/) {}

  // A publication of the link was missing, and was asked for.
  virtual void OnGap() {}

  // A publication was handed to `sockets` outboxes of one loop, as frames of
  // `frame_bytes` each, `since_publish` after the service took it.
  virtual void OnDelivered(int64_t /*sockets*/, int64_t /*frame_bytes*/,
                           absl::Duration /*since_publish*/) {}

  // A socket was cut because it reads too slowly; `bytes` were given up. Said
  // by the socket, for its outbox is not the core's.
  virtual void OnSlow(int64_t /*bytes*/) {}

  // Events were given up for later ones of the same channels, for the socket
  // reads too slowly. Said by the socket, too.
  virtual void OnDropped(int64_t /*events*/) {}

  // A client message was received; one could not be understood.
  virtual void OnMessage(int64_t /*bytes*/) {}
  virtual void OnBadMessage() {}

  // A client event was passed on; one was refused, for the service is away or
  // too much waits for it.
  virtual void OnWhisper() {}
  virtual void OnWhisperRefused() {}

  // A socket is not read until some of its subscribes are answered: as many as
  // may wait do so.
  virtual void OnReadingPaused() {}

  // The link: opened, in use, ended.
  virtual void OnLinkOpened() {}
  virtual void OnLinkSettled() {}
  virtual void OnLinkEnded(absl::string_view /*why*/) {}

  // A frame of the link was read, `lag` after the service took the oldest
  // publication in it.
  virtual void OnLinkLag(absl::Duration /*lag*/) {}

  // A grant was asked again; could not be, for the service is away or too much
  // waits for it, so that it is tried later; ended without a yes.
  virtual void OnGrantAsked() {}
  virtual void OnGrantPostponed() {}
  virtual void OnGrantEnded() {}
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_CORE_OBSERVER_H_
