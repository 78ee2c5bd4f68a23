// SPDX-License-Identifier: Apache-2.0

#include "service/channel/channel_table.h"

#include <vector>

#include "absl/hash/hash.h"
#include "proto/contract/require.h"

namespace herald::core {

using contract::Require;

namespace {

// Channels of a shard that Remove() visits in a turn: 2 ms on a busy machine.
constexpr size_t kRemovalsPerTurn = 1000;

}  // namespace

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
    shard.by_peer[peer.get()].insert(&*it);
  }
  interest->count += delta;
  entry.subscriber_count += delta;
  subscription_count_ += delta;
  peer->subscription_count += delta;
  Require(interest->count >= 0);
  if (interest->count == 0) {
    *interest = std::move(entry.interests.back());
    entry.interests.pop_back();
    const auto own = shard.by_peer.find(peer.get());
    own->second.erase(&*it);
    if (own->second.empty()) shard.by_peer.erase(own);
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

// In turns of shards, because events of a shard's channels wait for its lock. A
// link may have 22,000 channels in each, which took 45 ms on a busy machine.
int64_t ChannelTable::Remove(
    const PeerPtr& peer,
    absl::FunctionRef<void(ChannelShard&, absl::string_view)> body) {
  int64_t visits = 0;
  for (bool more = true; more;) {
    more = false;
    for (ChannelShard& shard : shards_) {
      const ShardLock lock(shard);
      const auto own = shard.by_peer.find(peer.get());
      if (own == shard.by_peer.end()) continue;
      // A copy, because Change() erases from the set. An entry stays until its
      // own turn, for it has an interest.
      std::vector<Channels::value_type*> found;
      for (Channels::value_type* const channel : own->second) {
        found.push_back(channel);
        if (found.size() == kRemovalsPerTurn) break;
      }
      more |= found.size() < own->second.size();
      visits += static_cast<int64_t>(found.size());
      for (Channels::value_type* const channel : found) {
        const std::string name = channel->first;
        Change(shard, name, peer, -channel->second.Find(peer.get())->count);
        body(shard, name);
      }
    }
  }
  return visits;
}

}  // namespace herald::core
