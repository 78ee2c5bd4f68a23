// SPDX-License-Identifier: Apache-2.0
//
// Subscribes to channels from a backend: events, whispers and member changes.
// It needs no authorizer, is not a member, and is not counted as a subscriber.
//
//   Watch watch({.channels = {"news"}},
//               [](const herald::v1::ServerMessage& message) { … },
//               [](const herald::client::Loss& loss) { … },
//               [](const absl::Status& status) { … });
//
// A Watch reconnects: when its stream breaks it dials again, 50 to 250 ms after
// each failure. On channels with history it then sends its positions, and the
// missed events follow `subscribed`: each event once and in order, as if
// nothing had happened. Where that is not possible, and on channels without
// history after each break, it reports a loss: events may be missing, and will
// not be delivered. Load the current state then.
//
// A quiet Watch is kept alive: proxies end a stream on which nothing is sent
// for a while, often for 60 s, so the service sends a keepalive after each
// `keepalive_interval` without a message. A stream that has delivered
// keepalives and then delivers nothing for three more intervals is considered
// dead, and dialled again. Keepalives are not passed to the callback.
//
// Rosters: the roster of a presence channel is that of `subscribed`, changed by
// each later `member_added` and `member_removed`. Of a large one `subscribed`
// carries the first 3 MiB; the rest follows immediately as `member_added`.
//
// Order: each stream begins with `connected`, then one `subscribed` per
// channel, then messages in the order of each channel. A loss is reported
// before the `subscribed` that reveals it. The end is reported exactly once,
// and nothing after it.
//
// Threads: methods may be called from any thread. Callbacks are called one at a
// time on a thread of gRPC. The next message is read when the callback returns:
// a slow one slows the stream down, and the service breaks a stream for which 1
// MiB of events waits.
//
// Failure: the end's status, with the codes of
// herald/v1/broadcast_service.proto. Nothing here throws, nothing here logs.
//
//   INVALID_ARGUMENT    no, more than 100, repeated or malformed channels, or a
//                       malformed position
//   RESOURCE_EXHAUSTED the service is at its limit of Watches UNAUTHENTICATED
//   the service requires another API token UNAVAILABLE the service was
//   unreachable for longer than // `give_up_after` CANCELLED Cancel(), or the
//   destructor
//
// A stream that had begun is dialled again after any status, and one that had
// not after UNAVAILABLE. Any other status ends the Watch.

#ifndef HERALD_CLIENT_WATCH_H_
#define HERALD_CLIENT_WATCH_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "herald/v1/broadcast_service.pb.h"
#include "herald/v1/server_message.pb.h"

namespace herald::client {

struct WatchOptions {
  // As in PublisherOptions.
  std::string target = "127.0.0.1:50051";
  std::string api_token = {};

  // Required. 1 to 100 different channels, of any type.
  std::vector<std::string> channels = {};

  // Optional. Positions on some of the channels, from positions() of an earlier
  // Watch; each channel at most once. The events since then are delivered
  // first, or a loss is reported. An empty epoch and an offset of 0 mean a
  // channel with events that hold a whole state: its latest event is delivered
  // first, and after a break only the latest event, if it is a new one.
  std::vector<v1::ChannelPosition> since = {};

  // How long the service may be unreachable, counted from the first attempt or
  // from the end of a stream, before the Watch ends with UNAVAILABLE. Checked
  // between attempts, each of which takes some seconds at most. Zero: the first
  // stream is the only one. REQUIRES: >= 0.
  absl::Duration give_up_after = absl::InfiniteDuration();

  // How long the stream may be quiet before the service sends a keepalive: from
  // 1 s to 1 h, or zero for none. A service of an older release sends none.
  // REQUIRES: >= 0.
  absl::Duration keepalive_interval = absl::Seconds(20);

  // Optional. Called each time a stream has failed before its first message
  // and another one follows, with the failure. It must not block.
  std::function<void(const absl::Status& failure)> on_retry = {};
};

// A range of one channel in which events may be missing: after `since`, up to
// `position`.
struct Loss {
  std::string channel = {};

  // The last delivered position, and the one from which delivery continues.
  // With an empty epoch if it is unknown; without history it always is.
  v1::Position since = {};
  v1::Position position = {};
};

class Watch {
 public:
  // Called with each message, which lives as long as the call. Unknown kinds
  // must be ignored: there will be more.
  using MessageCallback =
      absl::AnyInvocable<void(const v1::ServerMessage& message)>;

  // Called when events may be missing. Required: there is no other notice.
  using LossCallback = absl::AnyInvocable<void(const Loss& loss)>;

  // Called with the status of the end.
  using EndCallback = absl::AnyInvocable<void(const absl::Status& status)>;

  // Begins to dial and returns. Callbacks may be called before it returns.
  Watch(WatchOptions options, MessageCallback on_message, LossCallback on_loss,
        EndCallback on_end);

  // Cancels; returns after the last callback has.
  // REQUIRES: not called from a callback of this library.
  ~Watch();

  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  // Ends it; the end is then reported, usually as CANCELLED. One message that
  // is on its way to the callback may still arrive before. May be called from a
  // callback, repeatedly, and after the end.
  void Cancel();

  // The positions on the channels with history, each that of the last event
  // that was passed to the callback, even if the callback has not returned yet.
  // Store them, and pass them to the next Watch as `since`. May be called from
  // a callback, and after the end.
  std::vector<v1::ChannelPosition> positions() const;

 private:
  class Impl;
  const std::shared_ptr<Impl> impl_;
};

}  // namespace herald::client

#endif  // HERALD_CLIENT_WATCH_H_
