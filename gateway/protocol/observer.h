// SPDX-License-Identifier: Apache-2.0
//
// Port: what has happened in the gateway's core, for metrics and logs. Every
// call does nothing unless overridden.
//
// Threads: any; those of one shard come from its loop. Implementations are
// short and do not block.

#ifndef HERALD_GATEWAY_PROTOCOL_OBSERVER_H_
#define HERALD_GATEWAY_PROTOCOL_OBSERVER_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "proto/contract/close_reason.h"

namespace herald::gateway {

// Why a socket was slowed down, for metrics.
enum class RateLimit {
  kWhispers,   // A whisper was refused.
  kMessages,   // Reading pauses: too many messages.
  kAnswers,    // Reading pauses: large answers.
  kWindow,     // Reading pauses: whispers have not come back.
  kCongested,  // Reading pauses: readers have no room for whispers.
};

// What has happened to one socket, without payloads and tokens. What does not
// apply is empty or 0.
struct SocketEvent {
  absl::string_view what;  // A constant phrase.
  std::string socket_id = {};
  absl::string_view remote_address = {};
  absl::string_view channel = {};
  absl::string_view why = {};  // A code of the protocol, or a metric's label.
  int64_t bytes = 0;
};

class Observer {
 public:
  virtual ~Observer() = default;

  // Whether each OnSocketEvent() is wanted. Constant.
  virtual bool traces_sockets() const { return false; }
  virtual void OnSocketEvent(const SocketEvent& /*event*/) {}

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

  // A publication was handed to `sockets` outboxes of one loop and dialect, as
  // frames of `frame_bytes` each, `since_publish` after the service took it. By
  // the times of day of two machines, so it is off by their difference, and may
  // be negative.
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

  // A reader had no room for a client event, and did not get it.
  virtual void OnWhisperDropped(int64_t /*readers*/) {}

  // A socket is not read for a while: too many of its subscribes wait for an
  // answer, or a rate limit is reached, which OnRateLimited() names.
  virtual void OnReadingPaused() {}
  virtual void OnRateLimited(RateLimit /*which*/) {}

  // The link: opened, in use, ended.
  virtual void OnLinkOpened() {}
  virtual void OnLinkSettled() {}
  virtual void OnLinkEnded(absl::string_view /*why*/) {}

  // A frame of the link was read, `lag` after the service took the oldest
  // publication in it. By the times of day of two machines, as above.
  virtual void OnLinkLag(absl::Duration /*lag*/) {}

  // A grant was asked again; could not be, for the service is away or too much
  // waits for it, so that it is tried later; ended without a yes.
  virtual void OnGrantAsked() {}
  virtual void OnGrantPostponed() {}
  virtual void OnGrantEnded() {}
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_PROTOCOL_OBSERVER_H_
