// SPDX-License-Identifier: Apache-2.0
//
// Where a Watch is in the histories of its channels: what to ask for when it is
// dialled again, which events it has heard already, and what it has missed.
//
//   positions.Begin(&request);                  // Before each stream.
//   auto loss = positions.Confirm(subscribed);  // For each `subscribed` in it.
//   if (positions.Take(event)) …                // For each event; false:
//   again.
//
// A channel without history has no position; all that is known of it is that
// whatever was said between two streams is gone.
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
  // Begins where `since` says. What is no position is passed on all the same:
  // the service knows best what is wrong with it.
  //
  //   INVALID_ARGUMENT  a channel is named twice, or is not UTF-8
  absl::Status Start(const std::vector<v1::ChannelPosition>& since);

  // A stream begins: says in `request` where each channel was.
  void Begin(v1::WatchRequest* request);

  // Takes a `subscribed` over. A loss, if events may be missing before it.
  std::optional<Loss> Confirm(const v1::Subscribed& subscribed);

  // Whether the caller has not heard the event yet; then it has from now on.
  bool Take(const v1::Event& event);

  // All positions that are known, in the order of channels.
  std::vector<v1::ChannelPosition> Get() const;

 private:
  struct Channel {
    std::optional<v1::Position> position = {};

    // The epoch of the offsets that come now; empty without history.
    std::string epoch = {};

    // Asks for the latest event alone, whatever was heard before.
    bool latest = false;

    bool confirmed = false;  // On this stream.
    bool known = false;      // Confirmed on any.
  };

  std::map<std::string, Channel> channels_;
};

}  // namespace herald::client

#endif  // HERALD_CLIENTS_CPP_POSITIONS_H_
