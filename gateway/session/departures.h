// SPDX-License-Identifier: Apache-2.0
//
// Ends the entries of the LeaveQueue, a few in a turn: subscriptions of
// sessions that leave, revoked subscriptions, those that clients have left
// while too much waited for the link, and the sockets of disconnected users.
//
// Threads: its loop.

#ifndef HERALD_GATEWAY_SESSION_DEPARTURES_H_
#define HERALD_GATEWAY_SESSION_DEPARTURES_H_

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "gateway/loop/loop_parts.h"
#include "gateway/session/session.h"
#include "gateway/subscriptions/subscription_table.h"

namespace herald::gateway {

class Departures {
 public:
  // The pointers outlive it.
  Departures(LoopParts* loop, Sessions* sessions)
      : loop_(loop), sessions_(sessions) {}

  // A turn's part. Requests a flush if some is left.
  void EndSome();

 private:
  // The next subscription to end; without a reason, its session leaves.
  struct Ending {
    Subscription* subscription = nullptr;
    const std::string* reason = nullptr;
  };

  std::vector<Ending> NextToEnd() const;
  // Removes the entries in front that have no subscription left: answers calls,
  // closes a few sockets, destroys sessions that are over.
  void DismissLeavers();

  LoopParts* const loop_;
  Sessions* const sessions_;
  absl::Time link_rests_until_ = absl::InfinitePast();
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_SESSION_DEPARTURES_H_
