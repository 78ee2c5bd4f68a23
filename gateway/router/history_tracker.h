// SPDX-License-Identifier: Apache-2.0
//
// Tracks the positions of channels with history. A socket that recovers
// receives the publications that it has missed before any new one
// (channel_history.h).
//
// Threads: not thread-safe; the router locks.
//
// Order: a subscription is counted before its answer. So a publication that
// arrives while the answer is held back reaches the loop behind the answer.

#ifndef HERALD_GATEWAY_ROUTER_HISTORY_TRACKER_H_
#define HERALD_GATEWAY_ROUTER_HISTORY_TRACKER_H_

#include <cstdint>
#include <vector>

#include "gateway/router/router_state.h"
#include "proto/contract/channel_key.h"

namespace herald::gateway {

class HistoryTracker {
 public:
  using WaitingSubscribe = ChannelHistory::WaitingSubscribe;

  // `state` outlives the object.
  explicit HistoryTracker(RouterState* state) : state_(state) {}

  // Answers an allowed and counted subscribe: now, or when the missed
  // publications have arrived.
  void Confirm(contract::ChannelKeyView channel, HeldChannel& held,
               WaitingSubscribe waiting, Batches* batches);

  // Returns true if a numbered publication should be taken. If not, and the
  // publication opens a gap, requests the missing publications.
  bool Wants(contract::ChannelKeyView channel, HeldChannel& held,
             int64_t offset, Batches* batches);
  // Takes a publication, and delivers it to all subscribers if it is the next
  // one.
  // REQUIRES: Wants() returned true.
  void Take(contract::ChannelKeyView channel, HeldChannel& held, int64_t offset,
            const ChannelMessagePtr& message, Batches* batches);

  void OnRecovery(const link::v1::Recovery& recovery, Batches* batches);
  void OnNewPosition(const link::v1::NewPosition& position, Batches* batches);

  // Cancels a confirmed subscribe that is held back. Does nothing if it is not
  // held back, or if its publications were already requested.
  void Cancel(int64_t ticket, contract::ChannelKeyView channel,
              Batches* batches);

  // The link has ended: refuses all subscribes that are held back.
  void RefuseAll(Batches* batches);

 private:
  // Answers the complete subscribes, and requests publications for the others.
  void Settle(contract::ChannelKeyView channel, HeldChannel& held,
              Batches* batches);
  void Serve(contract::ChannelKeyView channel, HeldChannel& held,
             Batches* batches);
  void AnswerLost(contract::ChannelKeyView channel, HeldChannel& held,
                  std::vector<WaitingSubscribe> waiting, Batches* batches);
  // Sends the position to all subscribers.
  static void SendPosition(contract::ChannelKeyView channel, HeldChannel& held,
                           bool lost, Batches* batches);

  RouterState* const state_;
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_ROUTER_HISTORY_TRACKER_H_
