// SPDX-License-Identifier: Apache-2.0
//
// Publishes many events over one stream, without waiting for one before
// sending the next: for a backend that has thousands a second to say.
//
//   BroadcastStream stream({.target = "herald.internal:50051"});
//   for (const Row& row : rows) {
//     stream.Send({.channels = {"rows"}, .event = "row", .data = row.json},
//                 [](BroadcastResult result) { Count(result.ok()); });
//   }
//   absl::Status end = stream.Finish();  // Waits for the answers.
//
// Order: events are published in the order in which they were sent, and
// callbacks are called in that order, one at a time.
//
// Threads: every method may be called from any thread. Send(), Finish() and
// the destructor block and must not be called from a callback; TrySend() may.
//
// Failure: a refused event is told to its own callback, with the codes of
// Publisher, and does not end the stream. When the stream itself ends, every
// event without an answer is told why: it may have been published. The stream
// does not dial again and retries nothing; open a new one. A service that is
// gone without a word is noticed within 25 s; behind a proxy that answers
// pings, within five keepalive intervals, unless those are off.

#ifndef HERALD_CLIENT_BROADCAST_STREAM_H_
#define HERALD_CLIENT_BROADCAST_STREAM_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "herald/client/outgoing_event.h"

namespace herald::client {

struct BroadcastStreamOptions {
  // As in PublisherOptions.
  std::string target = "127.0.0.1:50051";
  std::string api_token = {};

  // Most bytes of events sent and not yet answered. One event that is larger
  // is accepted when it is alone.
  int64_t in_flight_bytes_max = 4 << 20;

  // Longest time for which Send() waits for room. REQUIRES: > 0.
  absl::Duration send_deadline = absl::Seconds(5);

  // After so much time without an event the stream sends a request that
  // publishes nothing, for proxies end a stream on which nothing is sent for a
  // while, often for 60 s. Zero: never.
  absl::Duration keepalive_interval = absl::Seconds(20);
};

class BroadcastStream {
 public:
  // Opens the stream. A service that cannot be reached, or that refuses the
  // token, ends it; the callbacks and Finish() tell.
  explicit BroadcastStream(BroadcastStreamOptions options);

  // Cancels the stream unless Finish() has ended it; returns after all
  // callbacks have. What was not answered is told CANCELLED.
  ~BroadcastStream();

  BroadcastStream(const BroadcastStream&) = delete;
  BroadcastStream& operator=(const BroadcastStream&) = delete;

  // Takes one event for sending, and waits for room when
  // `in_flight_bytes_max` is reached: a slow service slows its publisher.
  //
  // OK: `done` will be called exactly once. Otherwise it will not:
  //
  //   INVALID_ARGUMENT     a name is not UTF-8; the stream goes on
  //   RESOURCE_EXHAUSTED   no room within `send_deadline`; the stream goes on
  //   FAILED_PRECONDITION  Finish() was called
  //   others               the stream has ended, with this status
  absl::Status Send(OutgoingEvent event, BroadcastCallback done);

  // As Send(), but never waits: RESOURCE_EXHAUSTED at once without room.
  absl::Status TrySend(OutgoingEvent event, BroadcastCallback done);

  // Sends no more, waits for the answers that are due, and ends the stream.
  // May be repeated, with the same answer.
  //
  // OK: everything that was sent has been answered (with a receipt or a
  // refusal). DEADLINE_EXCEEDED: not within `timeout`; the rest was told so.
  // Others: the stream had ended with this status before.
  absl::Status Finish(absl::Duration timeout = absl::Seconds(30));

 private:
  class Impl;
  const std::shared_ptr<Impl> impl_;
};

}  // namespace herald::client

#endif  // HERALD_CLIENT_BROADCAST_STREAM_H_
