// SPDX-License-Identifier: Apache-2.0
//
// The engine of a single service: everything in this process's memory. It
// answers and calls its listener before it returns, so its state never differs
// from the deliveries. Its timers end leases, graces and idle histories. It
// counts no subscriptions, because those of this node are all.
//
// Threads: see the ports. Its own lock is never held while it calls the
// listener, and the calls for one channel do not overlap. So the listener
// receives deliveries in the order in which the engine was called.

#ifndef HERALD_SERVICE_MEMORY_MEMORY_ENGINE_H_
#define HERALD_SERVICE_MEMORY_MEMORY_ENGINE_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/container/node_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/time/time.h"
#include "proto/contract/mutex.h"
#include "service/channel/timers.h"
#include "service/engine/engine.h"
#include "service/history/history.h"
#include "service/memory/departure_limiter.h"
#include "service/memory/gateway_channels.h"
#include "service/memory/idempotency_cache.h"
#include "service/memory/presence.h"
#include "service/memory/recent_items.h"

namespace herald::core {

struct MemoryEngineOptions {
  // BROADCAST_HISTORY_MEMORY.
  int64_t history_bytes_max = 256 << 20;

  // The bits of epochs. The default is std::random_device.
  std::function<uint64_t()> random = nullptr;

  // How long the members of a lost gateway wait for its return.
  absl::Duration lease = absl::Seconds(2);

  // How often a user may leave a channel at once. Only tests change it.
  int64_t departures_at_once = kDeparturesAtOnce;
};

class MemoryEngine final : public Engine {
 public:
  // `timers` outlives the engine, and is stopped before it is destroyed.
  explicit MemoryEngine(Timers* timers, MemoryEngineOptions options = {});

  void SetListener(EngineListener* listener) override { listener_ = listener; }

  // ChannelLog.
  void Open(absl::string_view channel, const HistoryLimits& limits,
            OpenDone done) override ABSL_LOCKS_EXCLUDED(open_mu_);
  void Close(absl::string_view channel) override ABSL_LOCKS_EXCLUDED(open_mu_);
  void Publish(std::shared_ptr<Publication> publication,
               const PublishOptions& options, PublishDone done) override;
  std::optional<Position> PositionOf(absl::string_view channel) override {
    return history_.Locate(channel, timers_->Now());
  }
  void Since(absl::string_view channel, const std::optional<Position>& since,
             size_t count_max, MissedDone done) override {
    done(history_.Since(channel, since, count_max, timers_->Now()));
  }
  void Fetch(absl::string_view channel, const std::optional<Position>& since,
             size_t count_max, MissedDone done) override;
  void Forget(absl::string_view channel) override ABSL_LOCKS_EXCLUDED(open_mu_);
  void ApplyHistoryRules() override;

  // Membership.
  std::vector<v1::PresentMember> Members(
      absl::string_view channel) const override ABSL_LOCKS_EXCLUDED(mu_);
  int64_t MemberCount(absl::string_view channel) const override
      ABSL_LOCKS_EXCLUDED(mu_);
  void Admit(absl::string_view channel, AdmissionRequest subscription,
             AdmitDone done) override ABSL_LOCKS_EXCLUDED(mu_);
  void Dismiss(absl::string_view channel, absl::string_view user_id,
               const SocketRef& socket, int64_t attach,
               absl::Duration grace) override ABSL_LOCKS_EXCLUDED(mu_);
  void Replace(absl::string_view channel, uint64_t gateway, int64_t attach,
               int64_t count, std::vector<GatewayMember> members,
               absl::Duration grace, ReplaceDone done) override
      ABSL_LOCKS_EXCLUDED(mu_);
  void Attach(uint64_t gateway, AttachDone done) override
      ABSL_LOCKS_EXCLUDED(mu_);
  void Keep(uint64_t gateway, int64_t attach,
            const std::vector<std::string>& channels) override
      ABSL_LOCKS_EXCLUDED(mu_);
  void Detach(uint64_t gateway, int64_t attach, bool goodbye) override
      ABSL_LOCKS_EXCLUDED(mu_);
  void ApplyPresenceRules() override ABSL_LOCKS_EXCLUDED(mu_);

  // Directory.
  void Describe(absl::string_view channel, Done<ChannelState> done) override;
  void ListMembers(absl::string_view channel, absl::string_view after,
                   const PageSize& size, Done<MembersPage> done) override
      ABSL_LOCKS_EXCLUDED(mu_);
  void ListChannels(absl::string_view prefix, absl::string_view after,
                    size_t count_max, Done<ChannelsPage> done) override;
  void Sum(Done<Totals> done) override;
  EngineCounts Counts() const override ABSL_LOCKS_EXCLUDED(mu_);

  // NodeBus: there are no other nodes.
  void SetNodeListener(NodeListener* /*listener*/) override {}
  void ListNodes(NodesDone done) override { done(std::vector<OtherNode>()); }
  void FindNode(uint64_t gateway, NodeDone done) override;
  void ToNode(absl::string_view /*node*/, std::string /*bytes*/) override {}
  void ToAll(std::string /*bytes*/) override {}
  void Record(Chunk item, RecordDone done) override;
  void RecordedWithin(absl::Duration age, RecordsDone done) override {
    done(recent_items_.Within(age, timers_->Now()));
  }

 private:
  // Numbers, delivers and stores the publication. This is one step, because the
  // channel's shard is locked.
  PublishResult Place(const std::shared_ptr<Publication>& publication,
                      const HistoryLimits& limits);

  // Notifies the listener of evictions, and of a history that has begun.
  void TellOf(absl::string_view channel, const History::Place& place,
              const Position& begins_at);
  // Notes that the channel's listeners were notified of its history, if it is
  // open.
  void NoteHistory(absl::string_view channel) ABSL_LOCKS_EXCLUDED(open_mu_);
  void TellOfEvictions(int64_t channels) {
    if (channels > 0) listener_->OnHistoriesEvicted(channels);
  }

  // Evicts expired histories of channels that are not open.
  void ExpireLater();
  void ExpireHistories() ABSL_LOCKS_EXCLUDED(open_mu_);

  // Applies `change` to the channel's members, with mu_ held, and notifies the
  // listener of the result.
  void ChangeMembers(absl::string_view channel,
                     absl::FunctionRef<Presence::Changes(Presence&)> change)
      ABSL_LOCKS_EXCLUDED(mu_);
  void EndGrace(absl::string_view channel, absl::string_view user_id)
      ABSL_LOCKS_EXCLUDED(mu_);

  // Whether `attach` is the gateway's newest attach number.
  bool IsNewest(uint64_t gateway, int64_t attach) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool IsAttached(uint64_t gateway, int64_t attach) const
      ABSL_LOCKS_EXCLUDED(mu_);
  // Removes the gateway's members from all channels but `kept`. `may` is called
  // with each channel's shard locked; false skips the channel.
  void RemoveGateway(uint64_t gateway,
                     const absl::flat_hash_set<absl::string_view>& kept,
                     absl::FunctionRef<bool()> may) ABSL_LOCKS_EXCLUDED(mu_);
  // False if the gateway has returned.
  bool EndLease(uint64_t gateway, int64_t attach) ABSL_LOCKS_EXCLUDED(mu_);
  ChannelState StateOf(absl::string_view channel);

  // Constant after SetListener().
  Timers* const timers_;
  const absl::Duration lease_;
  EngineListener* listener_ = nullptr;

  // Locked by themselves.
  IdempotencyCache keys_;
  History history_;
  RecentItems recent_items_;
  std::atomic<bool> expiring_{false};  // ExpireHistories() will be called.

  // Open channels, and whether their listeners were notified of a history. They
  // have a lock of their own, because mu_ is held while ApplyPresenceRules()
  // lists all channels.
  contract::Mutex open_mu_;
  absl::flat_hash_map<std::string, bool> open_ ABSL_GUARDED_BY(open_mu_);

  // One lock for the presence of all channels: member changes are rare compared
  // to publishing, which does not take it.
  mutable contract::Mutex mu_;
  DepartureLimiter departures_ ABSL_GUARDED_BY(mu_);
  GatewayChannels gateway_channels_ ABSL_GUARDED_BY(mu_);
  absl::node_hash_map<std::string, Presence> presence_ ABSL_GUARDED_BY(mu_);
  int64_t total_member_count_ ABSL_GUARDED_BY(mu_) = 0;
  // Of gateways with a link or a lease.
  absl::flat_hash_map<uint64_t, int64_t> attaches_ ABSL_GUARDED_BY(mu_);
  int64_t last_attach_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_MEMORY_MEMORY_ENGINE_H_
