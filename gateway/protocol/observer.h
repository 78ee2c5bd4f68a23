// SPDX-License-Identifier: Apache-2.0
//
// Port: events of the gateway's core, for metrics and logs. Each call does
// nothing unless overridden.
//
// Threads: any; the calls of one shard come from its loop. Implementations are
// short and do not block.

#ifndef HERALD_GATEWAY_PROTOCOL_OBSERVER_H_
#define HERALD_GATEWAY_PROTOCOL_OBSERVER_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "proto/contract/close_reason.h"

namespace herald::gateway {

// The limit that slowed a socket down, for metrics.
enum class RateLimit {
  kWhispers,   // A whisper was refused.
  kMessages,   // Reading pauses: too many messages.
  kAnswers,    // Reading pauses: large answers.
  kWindow,     // Reading pauses: whispers in flight.
  kCongested,  // Reading pauses: readers drop whispers.
};

// An event of one socket, without payloads and tokens. Fields that do not apply
// are empty or 0.
struct SocketEvent {
  absl::string_view what;  // A constant phrase.
  std::string socket_id = {};
  absl::string_view remote_address = {};
  absl::string_view channel = {};  // The text of its key.
  absl::string_view why = {};      // A protocol code, or a metric's label.
  int64_t bytes = 0;
};

class GatewayObserver {
 public:
  virtual ~GatewayObserver() = default;

  // Returns true if OnSocketEvent() should be called. Constant.
  virtual bool traces_sockets() const { return false; }
  virtual void OnSocketEvent(const SocketEvent& /*event*/) {}

  // A connection was opened; a connection has ended. `why` is the gateway's
  // reason for the close, or kNormal if the client or the network ended it.
  virtual void OnOpened() {}
  virtual void OnClosed(contract::CloseReason /*why*/) {}

  // Subscriptions of this gateway changed by `delta`.
  virtual void OnSubscriptions(int64_t /*delta*/) {}

  // A subscribe was refused, with this code in `subscription_error`.
  virtual void OnSubscribeRefused(absl::string_view /*code*/) {}

  // A subscribe with `recover` was answered, with this result. Not called if
  // it repeats another, or if its socket closes.
  virtual void OnRecovery(bool /*recovered*/) {}

  // Publications were missing on the link, and are requested again.
  virtual void OnGap() {}

  // A publication was handed to `sockets` outboxes of one loop and dialect, as
  // frames of `frame_bytes` each, `since_publish` after the service took it. By
  // the times of day of two machines, so it is off by their difference, and may
  // be negative.
  virtual void OnDelivered(int64_t /*sockets*/, int64_t /*frame_bytes*/,
                           absl::Duration /*since_publish*/) {}

  // A socket was closed because it reads too slowly; `bytes` were dropped.
  // Called by the socket, which owns the outbox.
  virtual void OnSlow(int64_t /*bytes*/) {}

  // Events were dropped for later ones of the same channels, because the socket
  // reads too slowly. Called by the socket, too.
  virtual void OnDropped(int64_t /*events*/) {}

  // A client message was received; a client message could not be parsed.
  virtual void OnMessage(int64_t /*bytes*/) {}
  virtual void OnBadMessage() {}

  // A client event was passed on; one was refused, because the service is away
  // or its queue is full.
  virtual void OnWhisper() {}
  virtual void OnWhisperRefused() {}

  // A client event did not fit into the outboxes of `readers` sockets, which
  // did not receive it.
  virtual void OnWhisperDropped(int64_t /*readers*/) {}

  // Reading of a socket pauses: too many of its subscribes have no answer, or
  // it is at a rate limit, which OnRateLimited() names.
  virtual void OnReadingPaused() {}
  virtual void OnRateLimited(RateLimit /*which*/) {}

  // The link was opened; it came into use; it ended.
  virtual void OnLinkOpened() {}
  virtual void OnLinkSettled() {}
  virtual void OnLinkEnded(absl::string_view /*why*/) {}

  // A frame of the link was read, `lag` after the service accepted its oldest
  // publication. Compares wall clocks, as OnDelivered().
  virtual void OnLinkLag(absl::Duration /*lag*/) {}

  // A grant was sent for renewal. A renewal was postponed, because the service
  // is away or its queue is full. A grant ended without a renewal.
  virtual void OnGrantAsked() {}
  virtual void OnGrantPostponed() {}
  virtual void OnGrantEnded() {}
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_PROTOCOL_OBSERVER_H_
