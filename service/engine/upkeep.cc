// SPDX-License-Identifier: Apache-2.0

#include "service/engine/upkeep.h"

#include <string>
#include <utility>

namespace herald::core {
namespace {

// How often histories are looked through for what is out of time.
constexpr absl::Duration kExpireInterval = absl::Seconds(1);

}  // namespace

Upkeep::Upkeep(const Ports& ports, Fanout* fanout)
    : table_(ports.table),
      engine_(ports.engine),
      timers_(ports.timers),
      observer_(ports.observer),
      readiness_(ports.readiness),
      fanout_(fanout) {
  engine_->SetListener(this);
}

void Upkeep::OnListenerLeft(const Shard& shard, absl::string_view channel) {
  if (!HasListeners(shard, channel)) engine_->Release(channel);
}

void Upkeep::EndHistory(Shard& shard, absl::string_view channel) {
  if (HistoryOf(shard, channel).size > 0) return;
  engine_->Forget(channel);
  fanout_->SendPosition(shard, channel, {});
}

void Upkeep::OnHistoryBegan(absl::string_view channel,
                            const Position& position) {
  Shard& shard = table_->ShardOf(channel);
  shard.mu.AssertHeld();
  fanout_->SendPosition(shard, channel, position);
  if (!expiring_.exchange(true)) {
    timers_->After(kExpireInterval, [this] { ExpireHistories(); });
  }
}

void Upkeep::OnMemberAway(absl::string_view channel, absl::string_view user_id,
                          absl::Duration grace) {
  timers_->After(grace, [this, channel = std::string(channel),
                         user_id = std::string(user_id)] {
    const ShardLock lock(table_->ShardOf(channel));
    engine_->EndGrace(channel, user_id);
  });
}

void Upkeep::ExpireHistories() {
  for (const std::string& channel : engine_->Expire()) {
    Shard& shard = table_->ShardOf(channel);
    const ShardLock lock(shard);
    // Listeners keep the counter, so that the next event goes on with it.
    if (!HasListeners(shard, channel)) engine_->ForgetIfIdle(channel);
  }
  // Cleared before the look, so that a history that begins now is seen by one
  // of the two.
  expiring_ = false;
  if (readiness_->phase() == Readiness::Phase::kStopped ||
      engine_->HistoryCount() == 0) {
    return;
  }
  if (expiring_.exchange(true)) return;
  timers_->After(kExpireInterval, [this] { ExpireHistories(); });
}

}  // namespace herald::core
