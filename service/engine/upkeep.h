// SPDX-License-Identifier: Apache-2.0
//
// What an engine needs of its owner: its events are delivered, times of grace
// end, and histories without listeners are forgotten when they are out of time.
//
// Threads: any, unless said otherwise.

#ifndef HERALD_SERVICE_ENGINE_UPKEEP_H_
#define HERALD_SERVICE_ENGINE_UPKEEP_H_

#include <atomic>
#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "service/channel/channel_table.h"
#include "service/channel/fanout.h"
#include "service/engine/ports.h"

namespace herald::core {

class Upkeep final : private EngineListener {
 public:
  // Becomes the engine's listener. `fanout` outlives the object.
  Upkeep(const Ports& ports, Fanout* fanout);

  // One listener of the channel has left; the history counts as used now if
  // that was the last one.
  void OnListenerLeft(const Shard& shard, absl::string_view channel)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu);

  // Forgets the channel's history, and tells the listeners, if the rules give
  // it no room.
  void EndHistory(Shard& shard, absl::string_view channel)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu);

 private:
  // EngineListener; the channel's shard is locked.
  void OnHistoryBegan(absl::string_view channel,
                      const Position& position) override;
  int64_t OnPublication(const PublicationPtr& publication) override {
    return fanout_->Publish(publication);
  }
  void OnMemberAdded(absl::string_view channel,
                     const v1::Member& member) override {
    fanout_->AddMember(channel, member);
  }
  void OnMemberRemoved(absl::string_view channel,
                       absl::string_view user_id) override {
    fanout_->RemoveMember(channel, user_id);
  }
  void OnMemberAway(absl::string_view channel, absl::string_view user_id,
                    absl::Duration grace) override;
  void OnKeyEvicted() override { observer_->OnKeyEvicted(); }
  void OnHistoriesEvicted(int64_t channels) override {
    observer_->OnHistoriesEvicted(channels);
  }

  void ExpireHistories();

  ChannelTable* const table_;
  Engine* const engine_;
  Timers* const timers_;
  Observer* const observer_;
  const Readiness* const readiness_;
  Fanout* const fanout_;
  std::atomic<bool> expiring_{false};  // ExpireHistories() will be called.
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_ENGINE_UPKEEP_H_
