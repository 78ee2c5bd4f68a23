// SPDX-License-Identifier: Apache-2.0
//
// The position of one channel with history, as the gateway's sockets know it,
// and the subscribes that wait for missed publications. Pure: the router passes
// in the items of the link, and sends the questions that this class returns.
//
// A socket behind the channel's position waits (Park()) until the service has
// resent the publications after its own position. One question is open at a
// time. It starts at the oldest position, and its answer serves all sockets
// that were parked before it. A question for only the latest event is sent as
// such: a fixed offset might be evicted before the service reads the question.
// The service sends the answer and its publications without a gap, under the
// channel's lock. So when the last of them arrives, no newer one has arrived,
// and the waiting sockets are level with all others.
//
// A publication whose offset is not the next one opens a gap. It is not
// delivered, and the missing publications are requested in the same way.
//
// Threads: not thread-safe; the router locks.

#ifndef HERALD_GATEWAY_CHANNELS_CHANNEL_HISTORY_H_
#define HERALD_GATEWAY_CHANNELS_CHANNEL_HISTORY_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "gateway/channels/delivery.h"
#include "herald/v1/server_message.pb.h"
#include "proto/contract/sequence_tracker.h"

namespace herald::gateway {

class ChannelHistory {
 public:
  // A subscribe that the service has allowed and that has no answer yet.
  struct WaitingSubscribe {
    Confirmed confirmed;
    int shard = 0;
    std::optional<v1::Position> recover;  // As the client has sent it.
    int64_t since = 0;                    // Its offset in this epoch.
    bool is_asked = false;                // The open question covers it.

    // Returns true if the client wants the latest event, at any offset.
    bool WantsLatest() const {
      return recover.has_value() && recover->epoch().empty();
    }
  };
  using KeptMessage = MissedMessages::Numbered;

  explicit ChannelHistory(v1::Position position)
      : position_(std::move(position)), offsets_(position_.offset()) {}

  const v1::Position& position() const { return position_; }
  bool IsAt(const v1::Position& position) const;

  // The last offset that a client with position `recover` has received. For a
  // client that wants the latest event, the offset before that event. nullopt
  // if the position is not one of this epoch.
  std::optional<int64_t> Find(const v1::Position& recover) const;

  // Parks a subscribe until its publications arrive.
  // REQUIRES: `waiting.since` is behind the channel.
  void Park(WaitingSubscribe waiting) {
    waiting_.push_back(std::move(waiting));
  }

  // Removes and returns the subscribe with that ticket. Returns nullopt if it
  // is not parked, or if its publications were already requested.
  std::optional<WaitingSubscribe> Withdraw(int64_t ticket);

  // Opens a question if one is needed and none is open. Returns the position to
  // ask from, or nullopt. A position without an epoch requests only the latest
  // event.
  std::optional<v1::Position> Ask();

  // Handles a positive answer: the publications after `since` follow, up to
  // `until`. Returns false if it does not answer the open question.
  bool Begin(const v1::Position& since, int64_t until);

  // Handles a negative answer: only publications after `available` are left.
  // Returns the subscribes that this does not satisfy.
  std::vector<WaitingSubscribe> Refuse(const v1::Position& since,
                                       int64_t available);

  // Returns true if a publication is the next one, or was requested.
  bool Wants(int64_t offset) const;

  // Takes a publication. Returns true if it is the next one, which goes to all
  // subscribers. Of the requested ones the latest `bytes_max` bytes are kept:
  // no socket takes more.
  bool Take(int64_t offset, ChannelMessagePtr message, int64_t bytes_max);

  // Skips an unwanted publication. Returns true if it has opened a gap.
  bool Skip(int64_t offset) { return offsets_.Skip(offset); }

  // Returns true if all requested publications have arrived.
  bool IsComplete() const { return until_ >= 0 && next_ > until_; }

  // Ends the question. Returns the subscribes that it serves, and in `kept` the
  // publications for them; these may start behind the position of some
  // subscribes.
  // REQUIRES: IsComplete().
  std::vector<WaitingSubscribe> TakeServed(std::vector<KeptMessage>* kept);

  // Returns true if a publication for all subscribers is missing.
  bool HasGap() const { return offsets_.HasGap(); }

  // Skips a gap that could not be filled. Returns true if it did, once.
  bool PassOverGap();

  // Drops all questions. Returns the subscribes that were parked.
  std::vector<WaitingSubscribe> Abandon();

 private:
  // Returns true if an answer is for the open question.
  bool IsAnswer(const v1::Position& since) const;
  // Removes and returns the subscribes for which `stays` is false.
  std::vector<WaitingSubscribe> TakeWaiting(
      absl::FunctionRef<bool(const WaitingSubscribe&)> stays);

  v1::Position position_;
  contract::SequenceTracker offsets_;  // At the offset of position_.
  std::vector<WaitingSubscribe> waiting_;
  bool asked_latest_ = false;
  int64_t next_ = 0;    // The next offset of the requested ones,
  int64_t until_ = -1;  // and the last one; negative: none.
  std::deque<KeptMessage> kept_;
  int64_t kept_bytes_ = 0;
};

// A new history; nullptr for the position of a channel without history.
inline std::unique_ptr<ChannelHistory> HistoryAt(const v1::Position& position) {
  if (position.epoch().empty()) return nullptr;
  return std::make_unique<ChannelHistory>(position);
}

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_CHANNELS_CHANNEL_HISTORY_H_
