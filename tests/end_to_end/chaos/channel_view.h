// SPDX-License-Identifier: Apache-2.0
//
// What one listener is told of one channel, over all its connections, held to
// the rules of proto/WEBSOCKET.md: which answers come, that every event comes
// once and in order or its loss is announced, and who is present.
//
// The listener says what it does (Connected, Asked, …) and hands over what it
// is told. Nothing is forgiven: an event that a client library would drop
// because it knows it already is a failure here.
//
// Failure: thrown out of the call that finds it. It names the listener and the
// channel, and what was heard before.
//
// Threads: one at a time.

#ifndef HERALD_TESTS_END_TO_END_CHAOS_CHANNEL_VIEW_H_
#define HERALD_TESTS_END_TO_END_CHAOS_CHANNEL_VIEW_H_

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "tests/end_to_end/chaos/channel.h"
#include "tests/end_to_end/chaos/frame.h"
#include "tests/end_to_end/chaos/ledger.h"
#include "tests/end_to_end/chaos/order_book.h"

namespace herald::chaos {

// What a subscribe asks to recover.
struct Recover {
  enum class Kind {
    kNothing,     // It does not ask.
    kSince,       // What was said since `position`.
    kLatest,      // The latest event.
    kImpossible,  // `position` never was: another epoch, or the future.
  };
  Kind kind = Kind::kNothing;
  Position position = {};
};

class ChannelView {
 public:
  // `channel`, `ledger` and `order` must outlive it.
  ChannelView(std::string name, const Channel* channel, Ledger* ledger,
              OrderBook* order);

  // The listener has a new connection; or has lost the one it had.
  void Connected(std::string socket_id);
  void Disconnected();

  // It has sent a `subscribe`, or an `unsubscribe`.
  void Asked(Recover recover);
  void AskedToLeave();

  // It has stopped reading on this connection, so that what it missed may not
  // have found room.
  void Lags() { lags_ = true; }

  // It has been told something about the channel.
  void Hear(const Frame& frame);

  const Channel& channel() const { return channel_; }

  // Whether it is subscribed, whether an answer is due, and whether it will
  // have left when all answers are there.
  bool active() const { return active_; }
  bool waits() const { return !asked_.empty(); }
  bool leaves() const { return waits() && asked_.back().is_leave; }

  // Where it is, for `recover`. Nothing if it was told no place yet, or if the
  // latest event is still to come.
  std::optional<Position> position() const;

  // What a backend has told it last, if anything.
  const std::optional<MessageId>& latest() const { return latest_; }

  // Who is present, as it was told.
  const std::set<std::string>& members() const { return members_; }

  // How often it was told that events are lost, and was given those missed.
  int64_t losses() const { return losses_; }
  int64_t recoveries() const { return recoveries_; }

 private:
  struct Ask {
    bool is_leave = false;
    Recover recover;
  };

  void OnSubscribed(const Frame& frame);
  void OnAnswer(const Recover& recover, const Frame& frame);
  void OnAgain(const Frame& frame);  // Of a subscription that lives.
  void OnUnasked(const Frame& frame);
  void OnError(const Frame& frame);
  void OnUnsubscribed(const Frame& frame);
  void OnEvent(const Frame& frame);
  void OnPlacedEvent(const Frame& frame, MessageId id);
  void OnPlainEvent(MessageId id);
  void OnMember(const Frame& frame);

  void Begin(const Frame& frame);
  void End();
  void CheckLoss(const Position& from, const Frame& frame);
  bool HasHistoryNow() const;
  Position PlaceOf(const Frame& frame) const;
  void Note(std::string what);
  [[noreturn]] void FailWith(const std::string& what) const;

  const Channel channel_;
  Ledger* const ledger_;
  OrderBook* const order_;
  Listener listener_;

  std::deque<Ask> asked_;  // On this connection, without an answer.
  std::optional<MessageId> latest_;
  bool active_ = false;
  bool lags_ = false;
  std::set<std::string> members_;

  // With a history. `latest_` is due when an answer has promised the latest
  // event, which may be anywhere from `position_` on.
  std::optional<Position> position_;
  bool latest_due_ = false;
  int64_t losses_ = 0;
  int64_t recoveries_ = 0;

  // Without: what was heard on this connection, in which order, and the
  // greatest number of each publisher. Whispers are only in `heard_`.
  std::vector<MessageId> in_order_;
  std::map<int64_t, int64_t> greatest_;
  absl::flat_hash_set<MessageId> heard_;

  std::deque<std::string> recent_;  // What was heard last, for reports.
};

}  // namespace herald::chaos

#endif  // HERALD_TESTS_END_TO_END_CHAOS_CHANNEL_VIEW_H_
