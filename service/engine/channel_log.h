// SPDX-License-Identifier: Apache-2.0
//
// Port: the log of every channel. It puts publications into one order per
// channel. It numbers and stores them if the rules ask for a history, and
// delivers them to the nodes that have the channel open (EngineListener).
//
// A node acts on deliveries of its log, never on the answer to a call. So the
// same program serves one node and a cluster. The beginning and the end of a
// history are delivered in the same order as publications.
//
// Threads: any. Most calls require the channel's shard lock, so calls for one
// channel never overlap. The embedded engine (memory_engine.h) calls `done`
// before it returns. An engine that answers later enters through
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

  struct PublishResult {
    Position position;        // The publication's; none without history.
    int64_t subscribers = 0;  // Excepted ones included.
    bool repeated = false;    // Answered from the memory of the key.
  };
  struct PublishOptions {
    absl::string_view idempotency_key;  // Empty: none. Valid during the call.
    HistoryLimits history;
  };
  using PublishDone = absl::AnyInvocable<void(absl::StatusOr<PublishResult>)>;
  using OpenDone = absl::AnyInvocable<void(const absl::Status&)>;
  using MissedDone = absl::AnyInvocable<void(absl::StatusOr<Missed>)>;

  // Subscribes this node to the channel: from `done` on, all its publications
  // and member changes are delivered. Begins the history if `limits.size` is
  // greater than 0, otherwise ends it; PositionOf() returns its position. Call
  // it again if the limits change or the history was evicted. `done` is called
  // with the shard locked. Errors: UNAVAILABLE.
  //
  // REQUIRES: the shard is locked.
  virtual void Open(absl::string_view channel, const HistoryLimits& limits,
                    OpenDone done) = 0;

  // Unsubscribes this node. Counts as a use of the history. Does nothing if the
  // channel is not open. REQUIRES: the shard is locked.
  virtual void Close(absl::string_view channel) = 0;

  // Orders the publication in its channel, sets its `offset` if the channel has
  // a history, stores and delivers it. A publication other than a whisper that
  // is not stored ends the history, which would have a gap. If the channel has
  // seen the key within kIdempotencyLife, or within the history's time to live
  // if that is longer, only returns the first receipt. `done` is called inside
  // the call, or later without a lock of the core.
  // Errors: UNAVAILABLE.
  //
  // REQUIRES: the shard is locked.
  virtual void Publish(std::shared_ptr<Publication> publication,
                       const PublishOptions& options, PublishDone done) = 0;

  // The last delivered position of an open channel; empty if it has no history.
  // Counts as a use. REQUIRES: the shard is locked.
  virtual std::optional<Position> PositionOf(absl::string_view channel) = 0;

  // The delivered publications of an open channel after a position, the oldest
  // first, at most `count_max`. A position without epoch and offset asks for
  // the latest publication. `done` is called with the shard locked, and inside
  // the call if the node has these publications. The answer ends at the
  // position that PositionOf() returns then. Errors: UNAVAILABLE, also if the
  // channel was closed meanwhile.
  //
  // REQUIRES: the channel is open, and its shard locked.
  virtual void Since(absl::string_view channel,
                     const std::optional<Position>& since, size_t count_max,
                     MissedDone done) = 0;

  // The same for any channel, open or not; without `since` the whole history.
  // If the rules allow no history, answers as for a channel without one.
  // Errors: UNAVAILABLE.
  //
  // REQUIRES: no lock of the core is held; nor is it when `done` is called.
  virtual void Fetch(absl::string_view channel,
                     const std::optional<Position>& since, size_t count_max,
                     MissedDone done) = 0;

  // Ends the channel's history. Notifies the listener once, also if the history
  // of an open channel was evicted before. REQUIRES: the shard is locked.
  virtual void Forget(absl::string_view channel) = 0;

  // Call it after the rules have changed: ends the histories that they no
  // longer allow. REQUIRES: no lock of the core is held.
  virtual void ApplyHistoryRules() = 0;
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_ENGINE_CHANNEL_LOG_H_
