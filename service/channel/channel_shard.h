// SPDX-License-Identifier: Apache-2.0
//
// A part of the channel table (channel_table.h) under one lock. Access to a
// channel requires a ShardLock of its shard, which flushes the sinks that were
// written to after it has released the lock.
//
// Lock order: shard, then anything of a link, a sink or an engine.

#ifndef HERALD_SERVICE_CHANNEL_CHANNEL_SHARD_H_
#define HERALD_SERVICE_CHANNEL_CHANNEL_SHARD_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/container/inlined_vector.h"
#include "absl/container/node_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "proto/contract/channel_rules.h"
#include "proto/contract/mutex.h"
#include "proto/contract/names.h"
#include "service/channel/after_list.h"
#include "service/channel/peer.h"
#include "service/channel/position.h"
#include "service/channel/sink.h"

namespace herald::core {

// One gateway's subscriptions of one channel.
struct Interest {
  PeerPtr peer;
  int64_t count = 0;
};

struct ChannelEntry {
  absl::InlinedVector<Interest, 2> interests;
  int64_t subscriber_count = 0;
  int64_t reserved = 0;  // Subscriptions whose admission is open.

  // The gateway's interest, or nullptr.
  Interest* Find(const Peer* peer);
};

// The channels of a shard. Entries keep their addresses, for ChannelsOfPeer;
// the map is smaller than a flat one, where a free slot has the size of an
// entry.
using Channels = absl::node_hash_map<std::string, ChannelEntry>;

// The channels in which a peer has an interest: 14 bytes each on average.
using ChannelsOfPeer = absl::flat_hash_set<Channels::value_type*>;

struct ChannelShard;

// Called with the shard locked when a channel is open, or could not be opened.
using WhenOpenBody =
    absl::AnyInvocable<void(ChannelShard&, const absl::Status&)>;

// A part of the table under one lock.
struct ChannelShard {
  contract::Mutex mu;
  // `by_peer` has the same interests as `channels`, and no peer without one.
  // Without it, the end of a link would visit each channel of other links.
  Channels channels ABSL_GUARDED_BY(mu);
  absl::flat_hash_map<const Peer*, ChannelsOfPeer> by_peer ABSL_GUARDED_BY(mu);
  absl::flat_hash_map<std::string, absl::flat_hash_set<SinkPtr>> watches
      ABSL_GUARDED_BY(mu);
  // The channels that an engine is opening (OpenChannels).
  absl::flat_hash_map<std::string, std::vector<WhenOpenBody>> opening
      ABSL_GUARDED_BY(mu);
  // How often channels are held open (OpenChannels::Hold()).
  absl::flat_hash_map<std::string, int> held ABSL_GUARDED_BY(mu);
  // Collect sinks to flush, and work to do, after the lock is released. Set by
  // ShardLock.
  FlushList* flushes ABSL_GUARDED_BY(mu) = nullptr;
  AfterList* afters ABSL_GUARDED_BY(mu) = nullptr;
  // False while the service starts. Member changes are not sent one by one
  // then: all gateways receive rosters when the start is over.
  bool settled ABSL_GUARDED_BY(mu) = false;
  // The rules in force. They differ between shards only while new ones are
  // applied. Never nullptr.
  contract::ChannelRulesPtr rules ABSL_GUARDED_BY(mu) =
      std::make_shared<const contract::ChannelRules>();
};

// Whether the channel has presence: it has the name of a presence channel, and
// no rule disables it.
inline bool IsPresence(const ChannelShard& shard, absl::string_view channel)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu) {
  return contract::TypeOfChannel(channel) == contract::ChannelType::kPresence &&
         shard.rules->Of(channel).presence;
}

// Whether gateways may have a roster of the channel. Only the name counts:
// earlier rules may have enabled presence.
inline bool HasRoster(absl::string_view channel) {
  return contract::TypeOfChannel(channel) == contract::ChannelType::kPresence;
}

// Whether the gateway has a subscription of the channel.
inline bool IsSubscribed(ChannelShard& shard, absl::string_view channel,
                         const Peer* peer)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu) {
  const auto it = shard.channels.find(channel);
  return it != shard.channels.end() && it->second.Find(peer) != nullptr;
}

// Whether the channel has a subscription, a pending admission, a Watch or a
// hold.
inline bool HasListeners(const ChannelShard& shard, absl::string_view channel)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu) {
  return shard.channels.contains(channel) || shard.watches.contains(channel) ||
         shard.held.contains(channel);
}

// How much of the channel is remembered.
inline HistoryLimits HistoryOf(const ChannelShard& shard,
                               absl::string_view channel)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu) {
  const contract::ChannelSettings settings = shard.rules->Of(channel);
  return {settings.history_size, settings.history_ttl};
}

// Calls `body` when the shard's lock is released. Use it to answer callers.
inline void AfterLock(ChannelShard& shard, absl::AnyInvocable<void()> body)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu) {
  shard.afters->Add(std::move(body));
}

// Appends to a sink, which is flushed when the shard's lock is released.
inline void EnqueueIn(ChannelShard& shard, const SinkPtr& sink, Chunk chunk)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu) {
  sink->Enqueue(std::move(chunk));
  shard.flushes->Add(sink);
}
// False if it was dropped: half of the sink's bound is taken.
inline bool EnqueueWhisperIn(ChannelShard& shard, const SinkPtr& sink,
                             Chunk chunk)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu) {
  shard.flushes->Add(sink);
  return sink->EnqueueWhisper(std::move(chunk));
}
inline void EnqueueStateIn(ChannelShard& shard, const SinkPtr& sink,
                           Chunk chunk)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu) {
  sink->EnqueueState(std::move(chunk));
  shard.flushes->Add(sink);
}

inline void EnqueueMembersIn(ChannelShard& shard, const SinkPtr& sink,
                             Chunk chunk)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu) {
  sink->EnqueueMembers(std::move(chunk));
  shard.flushes->Add(sink);
}

// Appends to the sinks of all listeners: `item` for gateways, `messages` for
// Watches. Each is made once, and only if there is a listener for it.
void TellIn(ChannelShard& shard, absl::string_view channel,
            absl::FunctionRef<Chunk()> item,
            absl::FunctionRef<std::vector<Chunk>()> messages,
            void (*enqueue)(ChannelShard&, const SinkPtr&, Chunk))
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu);

class ABSL_SCOPED_LOCKABLE ShardLock {
 public:
  explicit ShardLock(ChannelShard& shard) ABSL_EXCLUSIVE_LOCK_FUNCTION(shard.mu)
      : shard_(shard) {
    shard_.mu.Lock();
    shard_.flushes = &flushes_;
    shard_.afters = &afters_;
  }
  ~ShardLock() ABSL_UNLOCK_FUNCTION() {
    shard_.flushes = nullptr;
    shard_.afters = nullptr;
    shard_.mu.Unlock();
  }
  ShardLock(const ShardLock&) = delete;
  ShardLock& operator=(const ShardLock&) = delete;

 private:
  // Destroyed after the lock is released: sinks are flushed first, then the
  // deferred work runs.
  AfterList afters_;
  FlushList flushes_;
  ChannelShard& shard_;
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_CHANNEL_CHANNEL_SHARD_H_
