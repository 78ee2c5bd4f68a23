// SPDX-License-Identifier: Apache-2.0
//
// Watches of backends: subscriptions of channels without a socket.
//
// Failure: the codes of broadcast_service.proto; UNAVAILABLE until the start is
// over, and after it was stopped.
//
// Threads: any.

#ifndef HERALD_SERVICE_API_WATCHES_H_
#define HERALD_SERVICE_API_WATCHES_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "herald/v1/broadcast_service.pb.h"
#include "proto/contract/mutex.h"
#include "service/channel/channel_table.h"
#include "service/channel/fanout.h"
#include "service/channel/sink.h"
#include "service/engine/open_channels.h"
#include "service/engine/ports.h"

namespace herald::core {

// Watches that may be open at once; one more is RESOURCE_EXHAUSTED.
inline constexpr int64_t kWatchesMax = 10'000;

class Watches {
 public:
  // `fanout` and `open` outlive the object.
  Watches(const Ports& ports, Fanout* fanout, OpenChannels* open)
      : table_(ports.table),
        log_(ports.log),
        membership_(ports.membership),
        observer_(ports.observer),
        readiness_(ports.readiness),
        fanout_(fanout),
        open_(open) {}

  // Enqueues `connected`, a `subscribed` for each channel when it is open, and
  // then the channel's events, until Unwatch() with the same channels. An error
  // that occurs after the call has returned closes the sink.
  absl::Status Watch(const v1::WatchRequest& request, const SinkPtr& sink);
  void Unwatch(const v1::WatchRequest& request, const SinkPtr& sink);

  // The service stops: ends all Watches and refuses later ones.
  void Stop();

  // Watches that are open now.
  int64_t count() const ABSL_LOCKS_EXCLUDED(mu_) {
    contract::MutexLock lock(&mu_);
    return static_cast<int64_t>(watches_.size());
  }

 private:
  // One Watch while its channels are opened.
  class Beginning;
  using BeginningPtr = std::shared_ptr<Beginning>;
  void Open(const BeginningPtr& beginning, const std::string& channel,
            std::optional<Position> since);

  // Reads the missed publications from the log, if a position was given.
  // REQUIRES: the channel is open.
  void Recover(ChannelShard& shard, const BeginningPtr& beginning,
               const std::string& channel, const std::optional<Position>& since)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu);
  // Enqueues `subscribed` and `missed`, which is empty if no position was
  // given, and subscribes the Watch; or ends it.
  void Begin(ChannelShard& shard, const BeginningPtr& beginning,
             const std::string& channel, std::optional<Missed> missed)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu);
  // RESOURCE_EXHAUSTED if the rosters exceed their bound.
  absl::Status SendBeginning(ChannelShard& shard, const BeginningPtr& beginning,
                             absl::string_view channel,
                             std::optional<Missed> missed)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu);
  void Fail(ChannelShard& shard, const BeginningPtr& beginning,
            const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu);

  ChannelTable* const table_;
  ChannelLog* const log_;
  Membership* const membership_;
  ServiceObserver* const observer_;
  const Readiness* const readiness_;
  Fanout* const fanout_;
  OpenChannels* const open_;

  mutable contract::Mutex mu_;
  absl::flat_hash_map<SinkPtr, BeginningPtr> watches_ ABSL_GUARDED_BY(mu_);
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_API_WATCHES_H_
