// SPDX-License-Identifier: Apache-2.0
//
// Publishes many events over one stream, without waiting for one before sending
// the next: for a backend that publishes thousands a second.
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
// Failure: a refused event fails in its own callback, with the codes of
// Publisher, and does not end the stream. When the stream itself ends, every
// event without an answer fails with the reason: it may have been published.
// The stream does not reconnect and retries nothing; open a new one. A service
// that vanishes is detected within 25 s; behind a proxy that answers pings,
// within five keepalive intervals, unless those are off.

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

  // Longest time for which Send() blocks at `in_flight_bytes_max`. REQUIRES: >
  // 0.
  absl::Duration send_deadline = absl::Seconds(5);

  // After so much time without an event the stream sends a request that
  // publishes nothing, because proxies end a stream on which nothing is sent
  // for a while, often for 60 s. Zero: never.
  absl::Duration keepalive_interval = absl::Seconds(20);
};

class BroadcastStream {
 public:
  // Opens the stream. A service that cannot be reached, or that refuses the
  // token, ends it; the callbacks and Finish() return its status.
  explicit BroadcastStream(BroadcastStreamOptions options);

  // Cancels the stream unless Finish() has ended it; returns after all
  // callbacks have. Events without an answer fail with CANCELLED.
  ~BroadcastStream();

  BroadcastStream(const BroadcastStream&) = delete;
  BroadcastStream& operator=(const BroadcastStream&) = delete;

  // Enqueues one event, and blocks while `in_flight_bytes_max` is reached: a
  // slow service slows its publisher down.
  //
  // OK: `done` will be called exactly once. Otherwise it will not:
  //
  //   INVALID_ARGUMENT a name is not UTF-8; the stream continues
  //   RESOURCE_EXHAUSTED the bound is still reached at `send_deadline`; the //
  //   stream continues FAILED_PRECONDITION Finish() was called others the
  //   stream has ended, with this status
  absl::Status Send(OutgoingEvent event, BroadcastCallback done);

  // As Send(), but never blocks: RESOURCE_EXHAUSTED if the bound is reached.
  absl::Status TrySend(OutgoingEvent event, BroadcastCallback done);

  // Sends no more, waits for the outstanding answers, and ends the stream. May
  // be repeated, with the same result.
  //
  // OK: every event was answered (with a receipt or a refusal).
  // DEADLINE_EXCEEDED: not within `timeout`; the other events fail with it.
  // Others: the stream had ended with this status before.
  absl::Status Finish(absl::Duration timeout = absl::Seconds(30));

 private:
  class Impl;
  const std::shared_ptr<Impl> impl_;
};

}  // namespace herald::client

#endif  // HERALD_CLIENT_BROADCAST_STREAM_H_
