// SPDX-License-Identifier: Apache-2.0

#include "service/channel/channel_table.h"

#include "absl/hash/hash.h"
#include "proto/contract/require.h"

namespace herald::core {

using contract::Require;

ChannelShard& ChannelTable::ShardOf(absl::string_view channel) {
  return shards_[absl::Hash<absl::string_view>{}(channel) % kShards];
}

void ChannelTable::ForEachShard(absl::FunctionRef<void(ChannelShard&)> body) {
  for (ChannelShard& shard : shards_) body(shard);
}

ChannelEntry* ChannelTable::Obtain(ChannelShard& shard,
                                   absl::string_view channel, bool force) {
  const auto it = shard.channels.find(channel);
  if (it != shard.channels.end()) return &it->second;
  // Count first and check then: other shards may do the same at this moment.
  const int64_t count = ++channel_count_;
  if (channels_max_ > 0 && count > channels_max_ && !force) {
    --channel_count_;
    return nullptr;
  }
  return &shard.channels[std::string(channel)];
}

void ChannelTable::Change(ChannelShard& shard, absl::string_view channel,
                          const PeerPtr& peer, int64_t delta) {
  const auto it = shard.channels.find(channel);
  Require(it != shard.channels.end());
  ChannelEntry& entry = it->second;
  Interest* interest = entry.Find(peer.get());
  if (interest == nullptr) {
    interest = &entry.interests.emplace_back(Interest{peer, 0});
  }
  interest->count += delta;
  entry.subscriber_count += delta;
  subscription_count_ += delta;
  peer->subscription_count += delta;
  Require(interest->count >= 0);
  if (interest->count == 0) {
    *interest = std::move(entry.interests.back());
    entry.interests.pop_back();
  }
  Drop(shard, it);
}

ChannelEntry* ChannelTable::Reserve(ChannelShard& shard,
                                    absl::string_view channel, bool force) {
  ChannelEntry* const entry = Obtain(shard, channel, force);
  if (entry != nullptr) ++entry->reserved;
  return entry;
}

void ChannelTable::EndReservation(ChannelShard& shard,
                                  absl::string_view channel) {
  const auto it = shard.channels.find(channel);
  Require(it != shard.channels.end() && it->second.reserved > 0);
  --it->second.reserved;
  Drop(shard, it);
}

void ChannelTable::Drop(ChannelShard& shard, Channels::iterator channel) {
  const ChannelEntry& entry = channel->second;
  if (!entry.interests.empty() || entry.reserved > 0) return;
  shard.channels.erase(channel);
  --channel_count_;
}

void ChannelTable::Remove(
    const PeerPtr& peer,
    absl::FunctionRef<void(ChannelShard&, absl::string_view)> body) {
  for (ChannelShard& shard : shards_) {
    const ShardLock lock(shard);
    // Other shards may still add to the count, but this one cannot while it is
    // locked, so 0 means that it has none.
    if (peer->subscription_count == 0) continue;
    std::vector<std::pair<std::string, int64_t>> found;
    for (auto& [name, entry] : shard.channels) {
      const Interest* interest = entry.Find(peer.get());
      if (interest != nullptr) found.emplace_back(name, interest->count);
    }
    for (const auto& [name, count] : found) {
      Change(shard, name, peer, -count);
      body(shard, name);
    }
  }
}

}  // namespace herald::core
