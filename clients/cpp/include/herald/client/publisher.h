// SPDX-License-Identifier: Apache-2.0
//
// Publishes events to the channels of a Herald service.
//
//   Publisher publisher({.target = "herald.internal:50051"});
//   absl::StatusOr<Receipt> receipt =
//       publisher.Broadcast("news", "created", R"({"id":1})");
//
// or with a builder:
//
//   publisher.Channel("news").Event("created").Data(R"({"id":1})")
//       .Except(socket_id).Send();
//
// Threads: every method may be called from any thread at any time. Blocking
// methods must not be called from a callback of this library.
//
// Failure: returned as absl::Status with the codes of
// herald/v1/broadcast_service.proto. Nothing here throws, nothing here logs.
//
//   INVALID_ARGUMENT    a name, the data or the number of channels is wrong;
//                       the message names the value
//   RESOURCE_EXHAUSTED  the data is too large for the service, or
//                       `in_flight_bytes_max` would be exceeded
//   UNAUTHENTICATED the service requires another API token UNAVAILABLE the
//   service could not be reached until the deadline; if the
//                       connection broke meanwhile, it may have been published
//   DEADLINE_EXCEEDED   no answer in time; it may have been published
//   CANCELLED           the publisher was destroyed meanwhile
//
// UNAVAILABLE is retried until the deadline, after 50 to 250 ms each time and
// under one idempotency key, so a retry does not publish twice, unless the
// service was restarted between the two: keys live in its memory.

#ifndef HERALD_CLIENT_PUBLISHER_H_
#define HERALD_CLIENT_PUBLISHER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "herald/client/outgoing_event.h"

namespace herald::client {

struct PublisherOptions {
  // gRPC target of the service: "host:port", "dns:///host:port" or
  // "unix:/path".
  std::string target = "127.0.0.1:50051";

  // Sent as `authorization: Bearer <api_token>`; empty if the service requires
  // none.
  std::string api_token = {};

  // Longest time for one broadcast, retries included. REQUIRES: > 0.
  absl::Duration deadline = absl::Seconds(5);

  // Most bytes of events accepted and not yet answered. A broadcast that would
  // exceed it fails immediately instead of waiting, so that a slow service
  // cannot fill memory.
  int64_t in_flight_bytes_max = 32 << 20;

  // Optional. Called each time an attempt has failed with UNAVAILABLE and
  // another one follows, with the failure of this attempt. It must not block.
  std::function<void(const absl::Status& failure)> on_retry = {};
};

class BroadcastBuilder;

class Publisher {
 public:
  // Begins to dial with the first broadcast, which waits for the connection
  // within its own deadline.
  explicit Publisher(PublisherOptions options);

  // Fails the broadcasts in flight with CANCELLED; returns after their
  // callbacks have. REQUIRES: not called from a callback of this library.
  ~Publisher();

  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;

  // Publishes to one channel and blocks until the event has its place in the
  // channel's order. OK does not mean that a browser has received it. A channel
  // without subscribers is not an error.
  absl::StatusOr<Receipt> Broadcast(absl::string_view channel,
                                    absl::string_view event,
                                    absl::string_view data);

  // As above, to 1 to 100 channels: all receive it or none does.
  BroadcastResult Broadcast(std::vector<std::string> channels,
                            absl::string_view event, absl::string_view data);

  // As Broadcast(), to all sockets but one: the one that caused the event and
  // needs no notice of it.
  absl::StatusOr<Receipt> BroadcastExcept(absl::string_view channel,
                                          absl::string_view event,
                                          absl::string_view data,
                                          absl::string_view socket_id);
  BroadcastResult BroadcastExcept(std::vector<std::string> channels,
                                  absl::string_view event,
                                  absl::string_view data,
                                  absl::string_view socket_id);

  // As Broadcast(), with all fields of an event; for example an idempotency key
  // of your own, which makes your retries harmless too.
  BroadcastResult Broadcast(OutgoingEvent event);

  // As Broadcast(), without blocking. `done` is called exactly once; if nothing
  // was sent, before this returns.
  void BroadcastAsync(OutgoingEvent event, BroadcastCallback done);

  // Begins to build an event. The builder must not outlive the publisher.
  BroadcastBuilder Channel(absl::string_view channel);
  BroadcastBuilder Channels(std::vector<std::string> channels);

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

// Builds an event. Every setter returns the builder itself; Send() and
// SendAsync() publish the event as set so far and may be repeated.
//
// Threads: one.
class BroadcastBuilder {
 public:
  explicit BroadcastBuilder(Publisher* publisher) : publisher_(publisher) {}

  // Adds one channel, or several.
  BroadcastBuilder& Channel(absl::string_view channel);
  BroadcastBuilder& Channels(const std::vector<std::string>& channels);

  // Names the event.
  BroadcastBuilder& Event(absl::string_view event);

  // Sets its payload: JSON text.
  BroadcastBuilder& Data(absl::string_view data);

  // Leaves one socket out.
  BroadcastBuilder& Except(absl::string_view socket_id);

  // Makes repeats harmless; see OutgoingEvent::idempotency_key.
  BroadcastBuilder& IdempotencyKey(absl::string_view key);

  // As Publisher::Broadcast() and Publisher::BroadcastAsync().
  BroadcastResult Send() const;
  void SendAsync(BroadcastCallback done) const;

 private:
  Publisher* publisher_;
  OutgoingEvent event_;
};

}  // namespace herald::client

#endif  // HERALD_CLIENT_PUBLISHER_H_
