// SPDX-License-Identifier: Apache-2.0
//
// How subscriptions of one loop begin and end: the question to the service, the
// tables that know a subscription, and the items by which the service learns
// its end. The subscriptions belong to their sessions.
//
// Threads: its loop.

#ifndef HERALD_GATEWAY_LOOP_LOOP_SUBSCRIPTIONS_H_
#define HERALD_GATEWAY_LOOP_LOOP_SUBSCRIPTIONS_H_

#include <memory>

#include "absl/strings/string_view.h"
#include "gateway/channels/delivery.h"
#include "gateway/loop/bulk_writer.h"
#include "gateway/loop/client_state.h"
#include "gateway/loop/grants.h"
#include "gateway/loop/loop_state.h"
#include "gateway/protocol/client_message.h"
#include "gateway/subscriptions/subscription_table.h"
#include "gateway/subscriptions/tickets.h"

namespace herald::gateway {

class LoopSubscriptions {
 public:
  // The pointers outlive it.
  LoopSubscriptions(LoopState* state, BulkWriter* bulk)
      : state_(state), bulk_(bulk), grants_(state, &tickets_) {}

  SubscriptionTable& table() { return table_; }
  Tickets& tickets() { return tickets_; }
  Grants& grants() { return grants_; }

  // Asks the service for a subscription. `call` is the call of a backend that
  // asks for it, or nullptr. nullptr if the service cannot be asked now.
  std::unique_ptr<Subscription> Begin(ClientState* client,
                                      SubscribeMessage message, Asked asked,
                                      const link::v1::Call* call);

  // The service has confirmed the subscription. Its grant begins.
  void Confirm(Subscription* subscription, Confirmed& confirmed);

  // Notifies the service that the subscription ends. False if too much waits
  // for the link; always true if it is not confirmed.
  bool End(const Subscription& subscription);
  // The item of that notification: an `unsubscribe` or a `cancel`.
  link::v1::GatewayItem EndOf(const Subscription& subscription) const;

  // The subscription is about to be destroyed.
  void Forget(Subscription* subscription);

  // Gives its client the events that were delivered, and no later ones. No
  // effect if it is not active.
  void Mute(Subscription* subscription);
  // Takes the revoked ones out of the channel's subscribers.
  void MuteRevoked(LoopChannel* channel);

 private:
  LoopState* const state_;
  BulkWriter* const bulk_;
  SubscriptionTable table_;
  Tickets tickets_;
  Grants grants_;
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_LOOP_LOOP_SUBSCRIPTIONS_H_
