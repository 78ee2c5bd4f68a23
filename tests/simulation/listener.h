// SPDX-License-Identifier: Apache-2.0
//
// One application's view of one channel, over all its connections: it keeps its
// position as proto/WEBSOCKET.md requires, and checks the promise on each
// frame: each event that follows its position, once and in order, or
// `recovered: false`. A channel that has no history just then promises order
// only.

#ifndef HERALD_TESTS_SIMULATION_LISTENER_H_
#define HERALD_TESTS_SIMULATION_LISTENER_H_

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "herald/v1/broadcast_service.pb.h"
#include "tests/simulation/truth.h"

namespace herald::simulation {

class Listener {
 public:
  // The history of the channel that survives everything but a restart; 0:
  // unknown.
  struct Memory {
    int64_t size = 0;
    absl::Duration ttl = absl::ZeroDuration();
    // Whether events without an offset come once and in order. They need not if
    // a gateway or a listener goes to a node that is behind the one before.
    bool plain_is_ordered = true;
  };

  Listener(std::string channel, const Truth* truth, Memory memory)
      : channel_(std::move(channel)), truth_(truth), memory_(memory) {}

  // The `recover` of a subscribe.
  enum class Wish { kNothing, kSince, kLatest };

  // A new connection; and its end. A Watch has no socket.
  void Connect(std::string socket);
  void Disconnect();

  // The text that it sends: a subscribe or an unsubscribe. kSince without a
  // position is kNothing.
  std::string Subscribe(Wish wish);
  std::string Unsubscribe();

  // The same for a Watch.
  v1::WatchRequest Watch(Wish wish);

  // A backend subscribes it on this connection, at some time.
  void IsCalled() { is_called_ = true; }

  // A frame that names its channel, as JSON or of a Watch.
  void Receive(absl::string_view frame, absl::Time now);
  void Receive(const v1::ServerMessage& message, absl::Time now);

  const std::string& channel() const { return channel_; }
  bool subscribed() const { return subscribed_; }
  bool waits() const { return !asks_.empty(); }
  // Whether the last thing it has asked for is to leave.
  bool leaves() const { return waits() && asks_.back().leave; }

  // In the end: that it is where the channel is.
  void CheckEnd() const;

  int recovered() const { return recovered_; }
  int lost() const { return lost_; }
  int received() const { return received_; }

 private:
  struct Ask {
    bool leave = false;
    Wish wish = Wish::kNothing;
    std::string epoch = {};  // Of kSince.
    int64_t offset = 0;
    bool is_refused = false;  // Its loss was reported.
  };
  struct Frame {
    std::string type;
    std::string epoch;
    int64_t offset = 0;
    std::optional<bool> recovered;
    std::string data;
  };

  Ask MakeAsk(Wish wish) const;
  void On(const Frame& frame, absl::Time now);
  void OnFirst(const Frame& frame, absl::Time now);
  void OnAgain(const Frame& frame);
  void OnEvent(const Frame& frame);
  void OnUnsubscribed();
  const Ask* AskToRecover() const;
  bool MayBeOfCall() const;
  void Answer();
  void Move(const Frame& frame);
  void CheckNeed(const Ask& ask, const Frame& frame, absl::Time now) const;

  const std::string channel_;
  const Truth* const truth_;
  const Memory memory_;

  // Of one connection.
  std::string socket_;
  std::deque<Ask> asks_;  // Without an answer.
  bool subscribed_ = false;
  bool is_called_ = false;
  bool owes_ = false;  // `recovered` is due, as long as asks are open.

  std::string epoch_;  // Empty: it knows no position.
  int64_t offset_ = 0;
  size_t plain_ = 0;  // The place of its last event without an offset.
  int recovered_ = 0;
  int lost_ = 0;
  int received_ = 0;
};

}  // namespace herald::simulation

#endif  // HERALD_TESTS_SIMULATION_LISTENER_H_
