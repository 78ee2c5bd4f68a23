// SPDX-License-Identifier: Apache-2.0
//
// One application's view of one channel, over all its connections: keeps its
// position as proto/WEBSOCKET.md says, and holds what it hears to the promise:
// each event that follows its position, once and in order, or
// `recovered: false`.

#ifndef HERALD_TESTS_SIMULATION_LISTENER_H_
#define HERALD_TESTS_SIMULATION_LISTENER_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "tests/simulation/truth.h"

namespace herald::simulation {

class Listener {
 public:
  Listener(std::string channel, const Truth* truth)
      : channel_(std::move(channel)), truth_(truth) {}

  // The `subscribe` of a new connection, with its position if it has one.
  std::string Subscribe();

  // A frame that names its channel.
  void Hear(absl::string_view frame);

  // Its connection has ended.
  void Disconnect() { subscribed_ = asked_ = recovering_ = false; }

  bool subscribed() const { return subscribed_; }
  const std::string& epoch() const { return epoch_; }
  int64_t offset() const { return offset_; }
  int recovered() const { return recovered_; }
  int lost() const { return lost_; }
  int heard() const { return heard_; }

 private:
  void OnSubscribed(const std::string& epoch, int64_t offset,
                    int recovered /* -1: not said */);

  const std::string channel_;
  const Truth* const truth_;
  std::string epoch_;  // Empty: it knows no position.
  int64_t offset_ = 0;
  bool subscribed_ = false;
  bool asked_ = false;       // A subscribe waits for its answer,
  bool recovering_ = false;  // and it has said its position.
  int recovered_ = 0;
  int lost_ = 0;
  int heard_ = 0;
};

}  // namespace herald::simulation

#endif  // HERALD_TESTS_SIMULATION_LISTENER_H_
