// SPDX-License-Identifier: Apache-2.0
//
// An event and its receipts: the values that Publisher and BroadcastStream
// share. Plain structs; copy and move them freely.
//
// The grammar of names and the bounds are those of
// herald/v1/broadcast_service.proto, repeated here for convenience.

#ifndef HERALD_CLIENT_OUTGOING_EVENT_H_
#define HERALD_CLIENT_OUTGOING_EVENT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"

namespace herald::client {

// One event on its way to one or more channels. The service checks every value
// and names an invalid one.
struct OutgoingEvent {
  // Required. 1 to 100 different channels. All receive the event, or none does.
  // A name is 1 to 164 bytes of `A-Z a-z 0-9 _ - = @ , . ; :`.
  std::vector<std::string> channels = {};

  // Required. The name of the event: 1 to 200 bytes of UTF-8 without control
  // characters.
  std::string event = {};

  // Required. JSON text of any kind, at most `BROADCAST_MAX_PAYLOAD` bytes (64
  // KiB by default).
  std::string data = {};

  // Optional. A socket that must not receive the event, usually the one that
  // caused it. A socket that is not connected is not an error.
  std::string except_socket_id = {};

  // Optional. Publishing twice under one key within 5 minutes, or the life of
  // the channel's history if that is longer, publishes once, while the service
  // lives; the second answer repeats the first. At most 128 bytes. Publisher
  // generates one if it is empty, for its own retries; BroadcastStream does
  // not.
  std::string idempotency_key = {};
};

// The place of one event in one channel.
struct Receipt {
  // The channel, as it was named in the event.
  std::string channel = {};

  // Number of subscribed sockets, an excepted one included. 0 is not an error.
  int64_t subscribers = 0;

  // Channels with history: the life of the channel's counter, and the place of
  // the event in it, from 1. Empty and 0 without history.
  std::string epoch = {};
  int64_t offset = 0;
};

// One receipt for each channel, in the order of the event; or the reason why no
// channel received it.
using BroadcastResult = absl::StatusOr<std::vector<Receipt>>;

// Called once with the result of a broadcast, on a thread of gRPC. Must not
// block: other callbacks may wait behind it. May start new broadcasts that do
// not block.
using BroadcastCallback = absl::AnyInvocable<void(BroadcastResult)>;

}  // namespace herald::client

#endif  // HERALD_CLIENT_OUTGOING_EVENT_H_
