// SPDX-License-Identifier: Apache-2.0
//
// Listens to channels from a backend: events, whispers and member changes. It
// needs no authorizer, is no member, and is not counted as a subscriber.
//
//   Watch watch({.channels = {"news"}},
//               [](const herald::v1::ServerMessage& message) { … },
//               [](const herald::client::Loss& loss) { … },
//               [](const absl::Status& status) { … });
//
// A Watch stays on: when its stream breaks it dials again after 50 to 250 ms,
// and again. On channels with history it then says where it was, and what was
// said meanwhile comes behind `subscribed`: each event once and in order, as if
// nothing had happened. Where that is not possible, and on channels without
// history whenever the stream was away, the loss is told: events may be
// missing, and none of them will come. Load then what you must know.
//
// A quiet Watch is kept alive: proxies end a stream on which nothing was sent
// for a while, often for 60 s, so the service sends a keepalive after each
// `keepalive_interval` without a message. A stream on which keepalives came and
// that brings nothing for three intervals more is taken for dead, and dialled
// again. Keepalives are not given to the callback.
//
// Rosters: the roster of a presence channel is what `subscribed` says, changed
// by each `member_added` and `member_removed` behind it. Of a large one
// `subscribed` carries the first 3 MiB; the rest follows at once as
// `member_added`.
//
// Order: of each stream `connected` comes first, then one `subscribed` per
// channel, then what happens, in the order of each channel. A loss is told
// before the `subscribed` that brings it. The end is told last, exactly once,
// and nothing after it.
//
// Threads: methods may be called from any thread. Callbacks come one at a time
// on a thread of gRPC. The next message is fetched when the callback returns: a
// slow one slows the stream, and a service in which 1 MiB of events waits
// breaks it.
//
// Failure: the end's status, with the codes of
// herald/v1/broadcast_service.proto. Nothing here throws, nothing here logs.
//
//   INVALID_ARGUMENT    no, more than 100, repeated or malformed channels, or a
//                       position that is none
//   RESOURCE_EXHAUSTED  the service has all the Watches it may have
//   UNAUTHENTICATED     the service wants an API token, and not this one
//   UNAVAILABLE         the service was away for longer than `give_up_after`
//   CANCELLED           Cancel(), or the destructor
//
// A stream that had begun is dialled again whatever has broken it, and one that
// had not after UNAVAILABLE. Any other status ends the Watch.

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

  // Optional. Where you were on some of the channels, from positions() of a
  // Watch before this one; each channel at most once. What was said since then
  // comes first, or a loss is told. A channel with an empty epoch and an offset
  // of 0 is one whose events hold a whole state: its latest event comes first,
  // and after a break nothing but the latest event, if it is a new one.
  std::vector<v1::ChannelPosition> since = {};

  // For how long the service may be away, counted from the first try or from
  // the end of a stream, before UNAVAILABLE is the end. Looked at between
  // tries, each of which takes some seconds at most. Zero: the first stream is
  // the only one. REQUIRES: >= 0.
  absl::Duration give_up_after = absl::InfiniteDuration();

  // How long the stream may be quiet before the service sends a keepalive: from
  // 1 s to 1 h, or zero for none. A service of an older release sends none.
  // REQUIRES: >= 0.
  absl::Duration keepalive_interval = absl::Seconds(20);

  // Optional. Called each time a stream has failed before its first message
  // and another one follows, with the failure. It must not block.
  std::function<void(const absl::Status& failure)> on_retry = {};
};

// Events of one channel that may be missing: some of what was said after
// `since` and until `position`.
struct Loss {
  std::string channel = {};

  // How far the channel was heard, and where it goes on. With an empty epoch if
  // that is not known; without history it never is.
  v1::Position since = {};
  v1::Position position = {};
};

class Watch {
 public:
  // Told each message. It lives as long as the call. Kinds that you do not
  // know must be ignored: there will be more.
  using MessageCallback =
      absl::AnyInvocable<void(const v1::ServerMessage& message)>;

  // Told that events may be missing. Not optional: nothing else says so.
  using LossCallback = absl::AnyInvocable<void(const Loss& loss)>;

  // Told how it ended.
  using EndCallback = absl::AnyInvocable<void(const absl::Status& status)>;

  // Begins to dial and returns. Each callback may be called before that.
  Watch(WatchOptions options, MessageCallback on_message, LossCallback on_loss,
        EndCallback on_end);

  // Cancels; returns after the last callback has.
  // REQUIRES: not called from a callback of this library.
  ~Watch();

  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  // Ends it; the end is then told, usually CANCELLED. One message that is on
  // its way to the callback may still arrive before. May be called from a
  // callback, repeatedly, and after the end.
  void Cancel();

  // How far the channels with history have been heard, each up to the last
  // event that was given to the callback, one that it is busy with included.
  // To be stored, and given to the next Watch as `since`. May be called from a
  // callback, and after the end.
  std::vector<v1::ChannelPosition> positions() const;

 private:
  class Impl;
  const std::shared_ptr<Impl> impl_;
};

}  // namespace herald::client

#endif  // HERALD_CLIENT_WATCH_H_
