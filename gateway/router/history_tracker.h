// SPDX-License-Identifier: Apache-2.0
//
// Where the channels with history are, and how a socket that returns gets the
// publications that it has missed before any new one (channel_history.h).
//
// Threads: none of its own; the router locks.
//
// Order: a subscription is counted before its answer, so a publication that the
// link brings while the answer is held back reaches the loop behind it.

#ifndef HERALD_GATEWAY_ROUTER_HISTORY_TRACKER_H_
#define HERALD_GATEWAY_ROUTER_HISTORY_TRACKER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "gateway/router/router_state.h"

namespace herald::gateway {

class HistoryTracker {
 public:
  using Waiting = ChannelHistory::Waiting;

  // `state` outlives the object.
  explicit HistoryTracker(RouterState* state) : state_(state) {}

  // Answers a subscribe that the service has allowed and that is counted: now,
  // or when the missed publications have arrived.
  void Confirm(const std::string& channel, HeldChannel& held, Waiting waiting,
               Batches* batches);

  // Whether a numbered publication is to be taken; if not, and it has opened a
  // gap, what is missing is asked for.
  bool Wants(const std::string& channel, HeldChannel& held, int64_t offset,
             Batches* batches);
  // Takes it, for all subscribers if it is the next one.
  // REQUIRES: Wants() is true.
  void Take(const std::string& channel, HeldChannel& held, int64_t offset,
            const ChannelMessagePtr& message, Batches* batches);

  void OnRecovery(const link::v1::Recovery& recovery, Batches* batches);
  void OnNewPosition(const link::v1::NewPosition& position, Batches* batches);

  // A subscribe that was confirmed, and is held back, is not wanted any more.
  // Nothing happens if it is not held back, or its question is open.
  void Cancel(int64_t ticket, const std::string& channel, Batches* batches);

  // The link has ended: refuses all that are held back.
  void RefuseAll(Batches* batches);

 private:
  // Answers those for which all has arrived, asks for the others.
  void Settle(const std::string& channel, HeldChannel& held, Batches* batches);
  void Serve(const std::string& channel, HeldChannel& held, Batches* batches);
  void AnswerLost(const std::string& channel, HeldChannel& held,
                  std::vector<Waiting> waiting, Batches* batches);
  // Sends all subscribers the position.
  static void SendPosition(const std::string& channel, HeldChannel& held,
                           bool lost, Batches* batches);

  RouterState* const state_;
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_ROUTER_HISTORY_TRACKER_H_
