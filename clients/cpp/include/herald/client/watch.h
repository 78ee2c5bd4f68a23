// SPDX-License-Identifier: Apache-2.0
//
// Listens to channels from a backend: events, whispers and member changes. It
// needs no authorizer, is no member, and is not counted as a subscriber.
//
//   Watch watch({.channels = {"news"}},
//               [](const herald::v1::ServerMessage& message) { … },
//               [](const absl::Status& status) { … });
//
// Order: `connected` first, then one `subscribed` per channel, then what
// happens, in the order of each channel. The end is told last, exactly once,
// and nothing after it.
//
// No redial: a Watch that ends has ended, and what is said until the next one
// begins is not repeated. (Recovery will come with history.) A caller that
// wants to stay on opens a new Watch after 50 to 250 ms.
//
// Threads: methods may be called from any thread. Callbacks come one at a time
// on a thread of gRPC. The next message is fetched when the callback returns: a
// slow one slows the stream, and a service for which 1 MiB waits ends it.
//
// Failure: the end's status, with the codes of
// herald/v1/broadcast_service.proto. Nothing here throws, nothing here logs.
//
//   INVALID_ARGUMENT    no, more than 100, repeated or malformed channels
//   RESOURCE_EXHAUSTED  the callback was too slow
//   UNAUTHENTICATED     the service wants an API token, and not this one
//   UNAVAILABLE         the service stops or cannot be reached
//   CANCELLED           Cancel(), or the destructor

#ifndef HERALD_CLIENT_WATCH_H_
#define HERALD_CLIENT_WATCH_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "herald/v1/server_message.pb.h"

namespace herald::client {

struct WatchOptions {
  // As in PublisherOptions.
  std::string target = "127.0.0.1:50051";
  std::string api_token = {};

  // Required. 1 to 100 different channels, of any type.
  std::vector<std::string> channels = {};
};

class Watch {
 public:
  // Told each message. It lives as long as the call. Kinds that you do not
  // know must be ignored: there will be more.
  using MessageCallback =
      absl::AnyInvocable<void(const v1::ServerMessage& message)>;

  // Told how it ended.
  using EndCallback = absl::AnyInvocable<void(const absl::Status& status)>;

  // Begins to dial and returns. Either callback may be called before that.
  Watch(WatchOptions options, MessageCallback on_message, EndCallback on_end);

  // Cancels; returns after the last callback has.
  // REQUIRES: not called from a callback of this library.
  ~Watch();

  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  // Ends it; the end is then told, usually CANCELLED. One message that is on
  // its way to the callback may still arrive before. May be called from a
  // callback, repeatedly, and after the end.
  void Cancel();

 private:
  class Impl;
  const std::shared_ptr<Impl> impl_;
};

}  // namespace herald::client

#endif  // HERALD_CLIENT_WATCH_H_
