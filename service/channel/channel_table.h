// SPDX-License-Identifier: Apache-2.0
//
// Maps each channel to the gateways that have subscriptions of it, their
// number, and its Watches. Every event looks its channel up here. The table is
// sharded by channel name (channel_shard.h).
//
// Invariant: a channel is in the table only while it has a subscription or an
// admission is open, and its `subscriber_count` is the sum over its interests.

#ifndef HERALD_SERVICE_CHANNEL_CHANNEL_TABLE_H_
#define HERALD_SERVICE_CHANNEL_CHANNEL_TABLE_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "service/channel/channel_shard.h"
#include "service/channel/peer.h"

namespace herald::core {

class ChannelTable {
 public:
  // `channels_max` of 0 means no limit.
  explicit ChannelTable(int64_t channels_max) : channels_max_(channels_max) {}

  ChannelShard& ShardOf(absl::string_view channel);

  // Calls `body` with each shard, unlocked.
  void ForEachShard(absl::FunctionRef<void(ChannelShard&)> body);

  // Returns the channel's entry and creates it if necessary; nullptr if that
  // would exceed the limit. `force` ignores the limit.
  ChannelEntry* Obtain(ChannelShard& shard, absl::string_view channel,
                       bool force) ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu);

  // Whether Obtain() would return nullptr.
  bool IsFull(const ChannelShard& shard, absl::string_view channel) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu) {
    return channels_max_ > 0 && channel_count_ >= channels_max_ &&
           !shard.channels.contains(channel);
  }

  // As Obtain(), for a subscription whose admission is open: the entry stays
  // until EndReservation().
  ChannelEntry* Reserve(ChannelShard& shard, absl::string_view channel,
                        bool force) ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu);
  void EndReservation(ChannelShard& shard, absl::string_view channel)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu);

  // Changes a gateway's interest by `delta` subscriptions. An interest without
  // subscriptions is removed. REQUIRES: the interest does not fall below zero;
  // the entry exists.
  void Change(ChannelShard& shard, absl::string_view channel,
              const PeerPtr& peer, int64_t delta)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu);

  // Removes all interests of one gateway, which has `ended`, and calls `body`
  // for each channel with its shard locked. Returns how many channels it has
  // visited, which are those of the gateway.
  int64_t Remove(
      const PeerPtr& peer,
      absl::FunctionRef<void(ChannelShard&, absl::string_view)> body);

  // Whether some channel has a rule of its own, or had one a moment ago.
  bool has_rules() const { return has_rules_; }
  void set_has_rules(bool has_rules) { has_rules_ = has_rules; }

  int64_t channel_count() const { return channel_count_; }
  int64_t subscription_count() const { return subscription_count_; }

 private:
  static constexpr size_t kShards = 64;

  // Removes the entry if it has no interest and no reservation.
  void Drop(ChannelShard& shard, Channels::iterator channel)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu);

  const int64_t channels_max_;
  std::array<ChannelShard, kShards> shards_;
  std::atomic<int64_t> channel_count_{0};
  std::atomic<bool> has_rules_{false};
  std::atomic<int64_t> subscription_count_{0};
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_CHANNEL_CHANNEL_TABLE_H_
