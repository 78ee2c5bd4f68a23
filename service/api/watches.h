// SPDX-License-Identifier: Apache-2.0
//
// Backends that listen.
//
// Failure: the codes of broadcast_service.proto; UNAVAILABLE until the start is
// over, and after it was stopped.
//
// Threads: any.

#ifndef HERALD_SERVICE_API_WATCHES_H_
#define HERALD_SERVICE_API_WATCHES_H_

#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "herald/v1/broadcast_service.pb.h"
#include "proto/contract/mutex.h"
#include "service/channel/channel_table.h"
#include "service/channel/fanout.h"
#include "service/channel/sink.h"
#include "service/engine/ports.h"
#include "service/engine/upkeep.h"

namespace herald::core {

// Watches that may be open at once; one more is RESOURCE_EXHAUSTED.
inline constexpr int64_t kWatchesMax = 10'000;

class Watches {
 public:
  // `fanout` and `upkeep` outlive the object.
  Watches(const Ports& ports, Fanout* fanout, Upkeep* upkeep)
      : table_(ports.table),
        engine_(ports.engine),
        observer_(ports.observer),
        readiness_(ports.readiness),
        fanout_(fanout),
        upkeep_(upkeep) {}

  // Puts `connected` and the `subscribed`s into the sink, then what happens,
  // until Unwatch() with the same channels.
  absl::Status Watch(const v1::WatchRequest& request, const SinkPtr& sink);
  void Unwatch(const v1::WatchRequest& request, const SinkPtr& sink);

  // The service stops: ends all. Those to come are refused.
  void Stop();

  // Watches that are open now.
  int64_t count() const ABSL_LOCKS_EXCLUDED(mu_) {
    contract::MutexLock lock(&mu_);
    return static_cast<int64_t>(watch_sinks_.size());
  }

 private:
  // `subscribed`, and what was missed; false if `room` lacks for the roster.
  bool BeginWatch(Shard& shard, const SinkPtr& sink, absl::string_view channel,
                  const v1::ChannelPosition* since, WatchRoom& room)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu);

  ChannelTable* const table_;
  Engine* const engine_;
  Observer* const observer_;
  const Readiness* const readiness_;
  Fanout* const fanout_;
  Upkeep* const upkeep_;

  mutable contract::Mutex mu_;
  absl::flat_hash_set<SinkPtr> watch_sinks_ ABSL_GUARDED_BY(mu_);
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_API_WATCHES_H_
