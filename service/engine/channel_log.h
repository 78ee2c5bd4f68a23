// SPDX-License-Identifier: Apache-2.0
//
// Port: the log of every channel. It puts what is published into one order per
// channel, numbers and remembers it where the rules say so, and delivers it to
// the nodes that have the channel open (EngineListener).
//
// A node acts on what its log has delivered, never on an answer that it waits
// for: so one node and a cluster are the same program. That a channel has a
// history, and that it has none any more, is delivered, too: the rules may have
// changed since.
//
// Threads: any; calls for one channel never overlap where they are made with
// its shard locked, as each one says. The embedded engine (memory_engine.h)
// calls back before it returns; one that answers later enters by
// EngineListener::WithChannel().
//
// tests/contract/engine_history_suite.h is the specification.

#ifndef HERALD_SERVICE_ENGINE_CHANNEL_LOG_H_
#define HERALD_SERVICE_ENGINE_CHANNEL_LOG_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "service/channel/position.h"
#include "service/channel/publication.h"

namespace herald::core {

class ChannelLog {
 public:
  virtual ~ChannelLog() = default;

  struct Receipt {
    Position position;        // The publication's; none without history.
    int64_t subscribers = 0;  // Excepted ones included.
    bool repeated = false;    // Answered from the memory of the key.
  };
  struct PublishOptions {
    absl::string_view idempotency_key;  // Empty: none. Valid during the call.
    HistoryLimits history;
  };
  using PublishDone = absl::AnyInvocable<void(absl::StatusOr<Receipt>)>;
  using OpenDone = absl::AnyInvocable<void(const absl::Status&)>;
  using FetchDone = absl::AnyInvocable<void(absl::StatusOr<Missed>)>;

  // This node is interested in the channel: from `done` on everything that
  // happens on it is delivered, and where its history is (which begins if
  // `limits` gives it room, and ends if it gives none) PositionOf() says.
  // Repeated if the limits have changed, or if the history was given up. `done`
  // is called with the shard locked. Errors: UNAVAILABLE.
  //
  // REQUIRES: the shard is locked.
  virtual void Open(absl::string_view channel, const HistoryLimits& limits,
                    OpenDone done) = 0;

  // The interest ends; that counts as use of the history. Nothing if the
  // channel is not open. REQUIRES: the shard is locked.
  virtual void Close(absl::string_view channel) = 0;

  // Gives the publication its place in its channel (and its `offset`, if the
  // channel has a history), remembers it and delivers it. One that is no
  // whisper and is not to be remembered ends the history. With a key that the
  // channel has seen within kIdempotencyLife, or within the time to live of its
  // history if that is longer, answers the first receipt and does nothing else.
  // `done` is called inside the call, or later without a lock of the core.
  // Errors: UNAVAILABLE.
  //
  // REQUIRES: the shard is locked.
  virtual void Publish(std::shared_ptr<Publication> publication,
                       const PublishOptions& options, PublishDone done) = 0;

  // Where the history of an open channel is, as far as it was delivered; empty
  // if it has none. Counts as use. REQUIRES: the shard is locked.
  virtual std::optional<Position> PositionOf(absl::string_view channel) = 0;

  // What an open channel has said since a position, as far as it was delivered;
  // at most `count_max` of it, the oldest first. A position without epoch and
  // offset asks for the latest publication. REQUIRES: the shard is locked.
  virtual Missed Since(absl::string_view channel,
                       const std::optional<Position>& since,
                       size_t count_max) = 0;

  // The same of any channel, open or not; without `since` all that is
  // remembered. Answers like a channel without history if the rules give it
  // none. Errors: UNAVAILABLE.
  //
  // REQUIRES: no lock of the core is held; nor is it when `done` is called.
  virtual void Fetch(absl::string_view channel,
                     const std::optional<Position>& since, size_t count_max,
                     FetchDone done) = 0;

  // Ends the channel's history. The listener is told once, also where memory
  // has taken the history of an open channel before. REQUIRES: the shard is
  // locked.
  virtual void Forget(absl::string_view channel) = 0;

  // The rules have changed: gives up the histories that they give no room.
  // REQUIRES: no lock of the core is held.
  virtual void ApplyHistoryRules() = 0;
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_ENGINE_CHANNEL_LOG_H_
