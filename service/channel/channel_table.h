// SPDX-License-Identifier: Apache-2.0
//
// Which gateways are interested in which channel, with how many subscriptions,
// and which Watches listen: what is looked up for every event.
//
// The table is sharded by channel name. Whoever touches a channel holds its
// shard's lock through ShardLock, which flushes the sinks that were written to
// when the lock is gone.
//
// Invariant: a channel is in the table only while it has a subscription or an
// admission is open, and its `subscriber_count` is the sum over its interests.
//
// Lock order: shard, then anything of a link, a sink or an engine.

#ifndef HERALD_SERVICE_CHANNEL_CHANNEL_TABLE_H_
#define HERALD_SERVICE_CHANNEL_CHANNEL_TABLE_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/container/inlined_vector.h"
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

struct Shard;

// Called with the shard locked when a channel is open, or could not be opened.
using WhenOpenBody = absl::AnyInvocable<void(Shard&, const absl::Status&)>;

// A part of the table under one lock.
struct Shard {
  contract::Mutex mu;
  absl::flat_hash_map<std::string, ChannelEntry> channels ABSL_GUARDED_BY(mu);
  absl::flat_hash_map<std::string, absl::flat_hash_set<SinkPtr>> watches
      ABSL_GUARDED_BY(mu);
  // The channels that an engine is opening (OpenChannels).
  absl::flat_hash_map<std::string, std::vector<WhenOpenBody>> opening
      ABSL_GUARDED_BY(mu);
  // Channels that stay open without a listener while the log is asked for what
  // a Watch or a gateway has missed of them, and how often (HoldOpen()).
  absl::flat_hash_map<std::string, int> held ABSL_GUARDED_BY(mu);
  // Where the lock's holder collects sinks, and what is to be done without the
  // lock; set by ShardLock.
  FlushList* flushes ABSL_GUARDED_BY(mu) = nullptr;
  AfterList* afters ABSL_GUARDED_BY(mu) = nullptr;
  // False while the service starts: member changes are not told one by one
  // then, for everybody gets a roster when the start is over.
  bool settled ABSL_GUARDED_BY(mu) = false;
  // What holds for some channels only; the same in all shards, but for a
  // moment. Never nullptr.
  contract::ChannelRulesPtr rules ABSL_GUARDED_BY(mu) =
      std::make_shared<const contract::ChannelRules>();
};

// Whether users are counted and told on the channel: its name says so, and no
// rule the opposite.
inline bool IsPresence(const Shard& shard, absl::string_view channel)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu) {
  return contract::TypeOfChannel(channel) == contract::ChannelType::kPresence &&
         shard.rules->Of(channel).presence;
}

// Whether gateways may have a roster of the channel: by its name, for rules may
// have counted its users at an earlier time.
inline bool HasRoster(absl::string_view channel) {
  return contract::TypeOfChannel(channel) == contract::ChannelType::kPresence;
}

// Whether the gateway has a subscription of the channel.
inline bool IsSubscribed(Shard& shard, absl::string_view channel,
                         const Peer* peer)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu) {
  const auto it = shard.channels.find(channel);
  return it != shard.channels.end() && it->second.Find(peer) != nullptr;
}

// Whether a gateway has a subscription of the channel, or asks for one, or a
// Watch is open, or one of both is about to be.
inline bool HasListeners(const Shard& shard, absl::string_view channel)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu) {
  return shard.channels.contains(channel) || shard.watches.contains(channel) ||
         shard.held.contains(channel);
}

// Keeps the channel open until ReleaseOpen(). It does not count as one that has
// subscriptions. Tell OpenChannels::OnListenerLeft() behind the release.
void HoldOpen(Shard& shard, absl::string_view channel)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu);
void ReleaseOpen(Shard& shard, absl::string_view channel)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu);

// How much of the channel is remembered.
inline HistoryLimits HistoryOf(const Shard& shard, absl::string_view channel)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu) {
  const contract::ChannelSettings settings = shard.rules->Of(channel);
  return {settings.history_size, settings.history_ttl};
}

// Calls `body` when the shard's lock is released. Use it to answer callers.
inline void AfterLock(Shard& shard, absl::AnyInvocable<void()> body)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu) {
  shard.afters->Add(std::move(body));
}

// Appends to a sink, which is flushed when the shard's lock is gone.
inline void EnqueueIn(Shard& shard, const SinkPtr& sink, Chunk chunk)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu) {
  sink->Enqueue(std::move(chunk));
  shard.flushes->Add(sink);
}
// False if it was lost, for the sink has no room for whispers.
inline bool EnqueueWhisperIn(Shard& shard, const SinkPtr& sink, Chunk chunk)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu) {
  shard.flushes->Add(sink);
  return sink->EnqueueWhisper(std::move(chunk));
}
inline void EnqueueStateIn(Shard& shard, const SinkPtr& sink, Chunk chunk)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu) {
  sink->EnqueueState(std::move(chunk));
  shard.flushes->Add(sink);
}

inline void EnqueueMembersIn(Shard& shard, const SinkPtr& sink, Chunk chunk)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu) {
  sink->EnqueueMembers(std::move(chunk));
  shard.flushes->Add(sink);
}

// Appends for all who listen: `item` to gateways, `messages` to Watches. Each
// is made once, and only if there is a listener for it.
void TellIn(Shard& shard, absl::string_view channel,
            absl::FunctionRef<Chunk()> item,
            absl::FunctionRef<std::vector<Chunk>()> messages,
            void (*enqueue)(Shard&, const SinkPtr&, Chunk))
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu);

class ABSL_SCOPED_LOCKABLE ShardLock {
 public:
  explicit ShardLock(Shard& shard) ABSL_EXCLUSIVE_LOCK_FUNCTION(shard.mu)
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
  Shard& shard_;
};

class ChannelTable {
 public:
  // `channels_max` of 0 means no limit.
  explicit ChannelTable(int64_t channels_max) : channels_max_(channels_max) {}

  Shard& ShardOf(absl::string_view channel);

  // Calls `body` with each shard, unlocked.
  void ForEachShard(absl::FunctionRef<void(Shard&)> body);

  // The channel's entry, made if need be; nullptr if it is not there and the
  // limit is reached. `force` passes over the limit.
  ChannelEntry* Obtain(Shard& shard, absl::string_view channel, bool force)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu);

  // Whether Obtain() would return nullptr.
  bool IsFull(const Shard& shard, absl::string_view channel) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu) {
    return channels_max_ > 0 && channel_count_ >= channels_max_ &&
           !shard.channels.contains(channel);
  }

  // As Obtain(), for a subscription whose admission is open: the entry stays
  // until EndReservation().
  ChannelEntry* Reserve(Shard& shard, absl::string_view channel, bool force)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu);
  void EndReservation(Shard& shard, absl::string_view channel)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu);

  // Changes a gateway's interest by `delta` subscriptions. What has none left
  // is removed. REQUIRES: not below zero; the entry exists.
  void Change(Shard& shard, absl::string_view channel, const PeerPtr& peer,
              int64_t delta) ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu);

  // Removes all interests of one gateway, which has `ended`, and calls `body`
  // for each channel with its shard locked.
  void Remove(const PeerPtr& peer,
              absl::FunctionRef<void(Shard&, absl::string_view)> body);

  // Whether some channel has a rule of its own, or had one a moment ago.
  bool has_rules() const { return has_rules_; }
  void set_has_rules(bool has_rules) { has_rules_ = has_rules; }

  int64_t channel_count() const { return channel_count_; }
  int64_t subscription_count() const { return subscription_count_; }

 private:
  static constexpr size_t kShards = 64;

  using Channels = absl::flat_hash_map<std::string, ChannelEntry>;

  // Removes the entry if nobody needs it any more.
  void Drop(Shard& shard, Channels::iterator channel)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu);

  const int64_t channels_max_;
  std::array<Shard, kShards> shards_;
  std::atomic<int64_t> channel_count_{0};
  std::atomic<bool> has_rules_{false};
  std::atomic<int64_t> subscription_count_{0};
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_CHANNEL_CHANNEL_TABLE_H_
