// SPDX-License-Identifier: Apache-2.0
//
// Port: events of the core, for metrics and logs. Every call does nothing
// unless overridden.
//
// Threads: any, some of them with a lock of the core held (a shard's, or that
// of Gateways), so implementations are short, do not block, and never call
// back.

#ifndef HERALD_SERVICE_CHANNEL_OBSERVER_H_
#define HERALD_SERVICE_CHANNEL_OBSERVER_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace herald::core {

struct Published {
  absl::string_view channel;
  absl::string_view event = {};
  absl::string_view whisperer = {};  // A socket id; empty: a backend published.
  int64_t bytes = 0;                 // Of data.
  int64_t subscribers = 0;
  int64_t gateways = 0;  // Links that receive it.
};

class ServiceObserver {
 public:
  virtual ~ServiceObserver() = default;

  // An event was given its place in the order of its channel.
  virtual void OnPublished(const Published& /*published*/) {}

  // A publish was answered from the memory of its idempotency key.
  virtual void OnRepeated() {}

  // A subscribe was answered; `outcome` is `allowed` or a code of
  // `subscription_error`.
  virtual void OnSubscribeAnswered(absl::string_view /*socket_id*/,
                                   absl::string_view /*channel*/,
                                   absl::string_view /*outcome*/) {}

  // A gateway's first frame has arrived.
  virtual void OnLinkOpened(uint64_t /*gateway*/) {}
  // All subscriptions that it holds were adopted.
  virtual void OnAttached(uint64_t /*gateway*/, int64_t /*subscriptions*/) {}
  // Its link has ended, and why.
  virtual void OnLinkEnded(uint64_t /*gateway*/, absl::string_view /*why*/) {}

  // A link was ended because all links together held too much.
  virtual void OnLinkEvicted() {}

  // A gateway will end its link to attach to the service at `target`.
  virtual void OnMoving(uint64_t /*gateway*/, absl::string_view /*target*/) {}

  // The lease of a lost gateway expired before its members reconnected.
  virtual void OnLeaseExpired(uint64_t /*gateway*/) {}

  // The start is over; from now on the service answers.
  virtual void OnSettled(absl::Duration /*since_start*/) {}

  // The engine cannot be reached, or can be again.
  virtual void OnEngineUp(bool /*up*/) {}

  // A revocation was passed on to gateways.
  virtual void OnRevoked() {}

  // Because of its bound, a table forgot an idempotency key before it expired,
  // or a revocation.
  virtual void OnKeyEvicted() {}
  virtual void OnRevocationForgotten() {}

  // Because memory was short, the histories of `channels` channels were
  // evicted.
  virtual void OnHistoriesEvicted(int64_t /*channels*/) {}

  // So many users stay members for longer, because they have left too often.
  virtual void OnDeparturesDelayed(int64_t /*count*/) {}

  // A gateway or a Watch asked for the publications since a position.
  // `available`: all of them were there.
  virtual void OnRecovery(bool /*available*/) {}

  // A gateway did not answer a call in time.
  virtual void OnCallTimedOut() {}
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_CHANNEL_OBSERVER_H_
