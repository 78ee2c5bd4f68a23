// SPDX-License-Identifier: Apache-2.0
//
// Writes the large channels of one loop. An event is stored once, and each turn
// writes a few subscribers all events that they lack (bulk_writer.cc).
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
#include "gateway/socket/frame.h"
#include "gateway/subscriptions/subscription_list.h"
#include "gateway/subscriptions/subscription_table.h"

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

  // Whether events of the channel go through Spread(). Those of a channel with
  // a backlog do, or a later event would overtake those in it.
  static bool IsLarge(const LoopChannel& channel) {
    return channel.backlog != nullptr ||
           channel.subscribers.size() > kBulkSubscribers;
  }

  // Stores the frame for all subscribers, except for the socket
  // `except_socket`. Returns false, and stores nothing, for a whisper without
  // room.
  bool Spread(LoopChannel* channel, const Frame& frame, uint64_t except_socket);

  // A turn's part of the writing. Requests a flush if some is left.
  void WriteSome();

  // Writes the client all events that the subscription lacks, so that its next
  // frame follows them; the same for all subscriptions of a session.
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
