// SPDX-License-Identifier: Apache-2.0
//
// The positions of a Watch in the histories of its channels: the request for a
// reconnect, repeated events, and losses.
//
//   positions.Begin(&request);                  // Before each stream.
//   auto loss = positions.Confirm(subscribed);  // For each `subscribed` in it.
//   if (positions.Take(event)) …                // For each event; false:
//   again.
//
// A channel without history has no position; the events between two streams are
// always lost.
//
// Threads: none of its own; the Watch locks.

#ifndef HERALD_CLIENTS_CPP_POSITIONS_H_
#define HERALD_CLIENTS_CPP_POSITIONS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "herald/client/watch.h"
#include "herald/v1/broadcast_service.pb.h"
#include "herald/v1/server_message.pb.h"

namespace herald::client {

class Positions {
 public:
  // Begins at `since`. An invalid position is passed on nevertheless, because
  // the service returns the better error.
  //
  //   INVALID_ARGUMENT  a channel is named twice, or is not UTF-8
  absl::Status Start(const std::vector<v1::ChannelPosition>& since);

  // A stream begins: adds the position of each channel to `request`.
  void Begin(v1::WatchRequest* request);

  // Applies a `subscribed`. Returns a loss if events may be missing before it.
  std::optional<Loss> Confirm(const v1::Subscribed& subscribed);

  // Whether the event is new to the caller; from then on it is not.
  bool Take(const v1::Event& event);

  // All known positions, in the order of channels.
  std::vector<v1::ChannelPosition> Get() const;

 private:
  struct Channel {
    std::optional<v1::Position> position = {};

    // The epoch of the current offsets; empty without history.
    std::string epoch = {};

    // Asks for the latest event only, at any position.
    bool latest = false;

    bool confirmed = false;  // On this stream.
    bool known = false;      // Confirmed on any.
  };

  std::map<std::string, Channel> channels_;
};

}  // namespace herald::client

#endif  // HERALD_CLIENTS_CPP_POSITIONS_H_
