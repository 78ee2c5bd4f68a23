// SPDX-License-Identifier: Apache-2.0

#include "service/engine/engine_events.h"

namespace herald::core {

// A position without an epoch stands for no history.
void EngineEvents::OnHistoryBegan(absl::string_view channel,
                                  const Position& position, bool lost) {
  ChannelShard& shard = table_->ShardOf(channel);
  shard.mu.AssertHeld();
  fanout_->SendPosition(shard, channel, position, lost);
}

void EngineEvents::OnRosterReplaced(absl::string_view channel,
                                    const Position& position) {
  ChannelShard& shard = table_->ShardOf(channel);
  shard.mu.AssertHeld();
  fanout_->SendRoster(shard, channel, position);
}

contract::ChannelSettings EngineEvents::RulesOf(absl::string_view channel) {
  const ChannelShard& shard = table_->ShardOf(channel);
  shard.mu.AssertHeld();
  contract::ChannelSettings rules = shard.rules->Of(channel);
  rules.presence = IsPresence(shard, channel);
  return rules;
}

int64_t EngineEvents::SubscriberCount(absl::string_view channel) {
  ChannelShard& shard = table_->ShardOf(channel);
  shard.mu.AssertHeld();
  const auto entry = shard.channels.find(channel);
  return entry == shard.channels.end() ? 0 : entry->second.subscriber_count;
}

void EngineEvents::ForEachChannel(
    absl::FunctionRef<void(absl::string_view channel)> body) {
  table_->ForEachShard([&](ChannelShard& shard) {
    const ShardLock lock(shard);
    for (const auto& [name, entry] : shard.channels) {
      if (entry.subscriber_count > 0) body(name);
    }
  });
}

}  // namespace herald::core
