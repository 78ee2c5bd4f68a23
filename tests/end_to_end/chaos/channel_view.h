// SPDX-License-Identifier: Apache-2.0
//
// The frames of one listener about one channel, over all its connections, held
// to the rules of proto/WEBSOCKET.md: which answers come, that every event
// comes once and in order or its loss is announced, and which members are
// present.
//
// The listener reports its actions (Connected, Asked, …) and hands over each
// frame that it receives. Nothing is forgiven: an event that a client library
// would drop as a duplicate is a failure here.
//
// Failure: thrown out of the call that finds it. It names the listener and the
// channel, and the frames before it.
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

// The `recover` of a subscribe.
struct Recover {
  enum class Kind {
    kNothing,     // It does not ask.
    kSince,       // The events since `position`.
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

  // It has stopped reading on this connection, so that the gateway may have
  // dropped missed events for lack of space.
  void Lags() { lags_ = true; }

  // It has received a frame about the channel.
  void Receive(const Frame& frame);

  const Channel& channel() const { return channel_; }

  // Whether it is subscribed, whether an answer is due, and whether it will
  // have left when all answers are there.
  bool active() const { return active_; }
  bool waits() const { return !asked_.empty(); }
  bool leaves() const { return waits() && asked_.back().is_leave; }

  // Its position, for `recover`. Nothing if it has received none yet, or if the
  // latest event is still to come.
  std::optional<Position> position() const;

  // The latest event of a backend, if any.
  const std::optional<MessageId>& latest() const { return latest_; }

  // The members that are present, by its frames.
  const std::set<std::string>& members() const { return members_; }

  // How often it was notified of lost events, and received missed ones.
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

  // Without a history: the events of this connection, in their order, and the
  // greatest number of each publisher. Whispers are only in `received_`.
  std::vector<MessageId> in_order_;
  std::map<int64_t, int64_t> greatest_;
  absl::flat_hash_set<MessageId> received_;

  std::deque<std::string> recent_;  // The latest events, for reports.
};

}  // namespace herald::chaos

#endif  // HERALD_TESTS_END_TO_END_CHAOS_CHANNEL_VIEW_H_
