// SPDX-License-Identifier: Apache-2.0
//
// Where one channel with history is, as the gateway's sockets were told, and
// which of them wait for what it said before. Pure: the router puts what comes
// from the link in, and sends what it asks for.
//
// A socket that was behind the channel waits (Park()) until the service has
// said again what followed its position. One question is open at a time: it
// begins at the position that is farthest behind, and its answer serves all who
// were parked before it came; the latest event alone is asked for as that, or
// it might be forgotten before the question is read. The service sends the
// answer and the publications
// of it right behind each other, under the channel's lock; so when the last of
// them is there, nothing newer has come, and who has waited is level with all
// others.
//
// A publication whose offset is not the next one opens a gap: it is not given
// to anybody, and what is missing is asked for in the same way.
//
// Threads: none of its own; the router locks.

#ifndef HERALD_GATEWAY_ROUTER_CHANNEL_HISTORY_H_
#define HERALD_GATEWAY_ROUTER_CHANNEL_HISTORY_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "gateway/router/delivery.h"
#include "herald/v1/server_message.pb.h"
#include "proto/contract/sequence_tracker.h"

namespace herald::gateway {

class ChannelHistory {
 public:
  // A subscribe that was allowed and is not answered yet.
  struct Waiting {
    Confirmed confirmed;
    int shard = 0;
    std::optional<v1::Position> recover;  // As the client has said it.
    int64_t since = 0;                    // The offset that it was at.
    bool is_asked = false;                // The open question is for it, too.

    // The latest event, whatever it is by then.
    bool WantsLatest() const {
      return recover.has_value() && recover->epoch().empty();
    }
  };
  using Kept = MissedMessages::Numbered;

  explicit ChannelHistory(v1::Position position)
      : position_(std::move(position)), offsets_(position_.offset()) {}

  const v1::Position& position() const { return position_; }
  bool IsAt(const v1::Position& position) const;

  // The offset that a client has seen, if its position is one of this epoch;
  // for one that wants the latest event, the offset before that.
  std::optional<int64_t> Find(const v1::Position& recover) const;

  // Has it wait. REQUIRES: `waiting.since` is behind the channel.
  void Park(Waiting waiting) { waiting_.push_back(std::move(waiting)); }

  // Takes out the one with that ticket, which does not wait any longer; nothing
  // if it is not there, or what it has missed was asked for already.
  std::optional<Waiting> Withdraw(int64_t ticket);

  // Where to begin, if there is something to ask for and no question is open;
  // it is from here on. Without an epoch: with the latest event.
  std::optional<v1::Position> Ask();

  // The open question was answered: what follows `since` will come, up to
  // `until`. False if nobody has asked for that.
  bool Begin(const v1::Position& since, int64_t until);

  // It was answered that not all of it is there, but all behind `available`.
  // Returns those for whom that is not enough.
  std::vector<Waiting> Refuse(const v1::Position& since, int64_t available);

  // Whether a publication is the next one, or one that was asked for.
  bool Wants(int64_t offset) const;

  // Takes it. True if it is the next one: for all subscribers. Of what was
  // asked for the latest `bytes_max` are kept: no socket takes more.
  bool Take(int64_t offset, ChannelMessagePtr message, int64_t bytes_max);

  // One that is not wanted. True if it has opened a gap.
  bool Skip(int64_t offset) { return offsets_.Skip(offset); }

  // Whether all that was asked for is there.
  bool IsComplete() const { return until_ >= 0 && next_ > until_; }

  // Ends the question. Returns who is served by it, and what there is to be
  // served; it may begin behind where somebody was. REQUIRES: IsComplete().
  std::vector<Waiting> TakeServed(std::vector<Kept>* kept);

  // Whether something is missing that was said to all.
  bool HasGap() const { return offsets_.HasGap(); }

  // Whether a gap could not be filled: passes over it then, once.
  bool PassOverGap();

  // Gives up all questions. Returns who has waited.
  std::vector<Waiting> Abandon();

 private:
  // Whether an answer is that to the open question.
  bool IsAnswer(const v1::Position& since) const;
  // Takes those out who do not wait any longer.
  std::vector<Waiting> TakeWaiting(
      absl::FunctionRef<bool(const Waiting&)> stays);

  v1::Position position_;
  contract::SequenceTracker offsets_;  // At that of position_.
  std::vector<Waiting> waiting_;
  bool asked_latest_ = false;
  int64_t next_ = 0;    // The offset that comes next of what was asked for,
  int64_t until_ = -1;  // and the last one; negative: none will come.
  std::deque<Kept> kept_;
  int64_t kept_bytes_ = 0;
};

// One that is there; nullptr for the position of a channel without history.
inline std::unique_ptr<ChannelHistory> HistoryAt(const v1::Position& position) {
  if (position.epoch().empty()) return nullptr;
  return std::make_unique<ChannelHistory>(position);
}

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_ROUTER_CHANNEL_HISTORY_H_
