// SPDX-License-Identifier: Apache-2.0
//
// Writes the large channels of one loop: an event is noted once, and a turn
// gives a few of the subscribers all that they lack (bulk_writer.cc).
//
// Threads: its loop.

#ifndef HERALD_GATEWAY_LOOP_BULK_WRITER_H_
#define HERALD_GATEWAY_LOOP_BULK_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <deque>

#include "absl/time/time.h"
#include "gateway/loop/loop_state.h"
#include "gateway/loop/session_writer.h"
#include "gateway/loop/subscription_list.h"
#include "gateway/loop/subscription_table.h"
#include "gateway/socket/frame.h"

namespace herald::gateway {

// A channel that has more subscribers on a loop is a large one.
inline constexpr size_t kBulkSubscribers = 128;

// Subscribers of large channels that a turn visits: about an eighth of a
// millisecond.
inline constexpr int kBulkVisitsPerTurn = 64;

class BulkWriter {
 public:
  // The pointers outlive it.
  BulkWriter(LoopState* state, SessionWriter* writer)
      : state_(state), writer_(writer) {}

  // Whether events of the channel go through Spread(): a channel with a backlog
  // keeps to it, or a later event would overtake the backlog's.
  static bool IsLarge(const LoopChannel& channel) {
    return channel.backlog != nullptr ||
           channel.subscribers.size() > kBulkSubscribers;
  }

  // Notes the frame for all subscribers but the socket `except_socket`. False,
  // and nothing is noted, for a whisper for which there is no room.
  bool Spread(LoopChannel* channel, const Frame& frame, uint64_t except_socket);

  // A turn's part of the writing. Requests a flush if some is left.
  void WriteSome();

  // Gives the subscription what it lacks, so that the next frame for its client
  // comes behind that; the same for all subscriptions of a session.
  void CatchUp(Subscription* subscription);
  void CatchUp(const SubscriptionList& all);

  // The subscription is about to leave its channel.
  void Leave(Subscription* subscription);

 private:
  bool HasRoomFor(const LoopChannel& channel, const Frame& frame);
  // Visits up to `count` subscribers. Returns how many of `count` are left.
  int VisitSome(LoopChannel* channel, int count, absl::Time now);
  // The pass has ended. False if none follows now.
  bool BeginPass(LoopChannel* channel, absl::Time now);
  // Writes or appends what the subscription lacks. REQUIRES: its channel has a
  // backlog.
  void Give(Subscription* subscription);

  LoopState* const state_;
  SessionWriter* const writer_;
  std::deque<LoopChannel*> bulk_;  // Those with a backlog, the next first.
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_LOOP_BULK_WRITER_H_
