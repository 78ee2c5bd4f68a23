// SPDX-License-Identifier: Apache-2.0
//
// The heart of the service: joins those who publish with those who listen.
//
// Gateways attach through Open(), Handle() and Close(); backends call the
// methods that are named as their RPCs. The hub decides what they may do and
// puts what follows into sinks. It knows gateways and the members of presence
// channels, never browsers.
//
// Threads: every method may be called from any thread; Handle() and Close() of
// one attachment from one thread at a time.
//
// Order: whatever happens on one channel happens under its shard's lock, and
// sinks keep the order in which they are written. So every gateway hears of a
// channel in the same order, and `subscribed` comes before what it makes
// visible.
//
// Failure: the codes of broadcast_service.proto. Until the start is over, and
// after Stop(), everything that a backend asks is UNAVAILABLE.
//
// Lifetime: the ports outlive the hub, and the hub outlives their callbacks:
// stop the authorizer and the timers first.

#ifndef HERALD_SERVICE_CORE_HUB_H_
#define HERALD_SERVICE_CORE_HUB_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "herald/config/v1/config.pb.h"
#include "herald/link/v1/gateway_service.pb.h"
#include "herald/v1/broadcast_service.pb.h"
#include "proto/contract/mutex.h"
#include "service/core/attachment.h"
#include "service/core/authorizer.h"
#include "service/core/calls.h"
#include "service/core/channel_table.h"
#include "service/core/engine.h"
#include "service/core/hub_options.h"
#include "service/core/observer.h"
#include "service/core/revocation_memory.h"
#include "service/core/sink.h"
#include "service/core/timers.h"

namespace herald::core {

class Hub final : private EngineListener {
 public:
  Hub(HubOptions options, Engine* engine, Authorizer* authorizer,
      Timers* timers, Observer* observer);

  // Begins the start: opens the settling time.
  void Start();

  // Refuses what backends ask from now on and ends all links and Watches.
  void Stop();

  // Whether the start is over and Stop() was not called.
  bool ready() const { return phase_ == Phase::kSettled; }

  // A link has begun: its hello has `attach_max` to come. Let go of the result
  // when it has.
  std::shared_ptr<void> AwaitHello(const SinkPtr& sink);

  // A link's first item. Another link of the same gateway ends.
  absl::StatusOr<AttachmentPtr> Open(const link::v1::Hello& hello,
                                     SinkPtr sink);

  // A later item. An error is what the link must end with.
  absl::Status Handle(const AttachmentPtr& gateway, link::v1::GatewayItem item);

  // The link has ended. Its subscriptions are gone; its members wait.
  void Close(const AttachmentPtr& gateway, absl::string_view why);

  using BroadcastDone =
      absl::AnyInvocable<void(absl::StatusOr<v1::BroadcastResponse>)>;
  void Broadcast(const v1::BroadcastRequest& request, BroadcastDone done);

  using CallDone = absl::AnyInvocable<void(absl::Status)>;
  void Subscribe(const v1::SubscribeRequest& request, CallDone done);
  void Unsubscribe(const v1::UnsubscribeRequest& request, CallDone done);
  void Disconnect(
      const v1::DisconnectRequest& request,
      absl::AnyInvocable<void(absl::StatusOr<v1::DisconnectResponse>)> done);

  absl::StatusOr<v1::GetMembersResponse> GetMembers(
      const v1::GetMembersRequest& request);
  absl::StatusOr<v1::GetChannelResponse> GetChannel(
      const v1::GetChannelRequest& request);
  absl::StatusOr<v1::ListChannelsResponse> ListChannels(
      const v1::ListChannelsRequest& request);
  absl::StatusOr<v1::GetStatsResponse> GetStats();
  absl::StatusOr<v1::GetHistoryResponse> GetHistory(
      const v1::GetHistoryRequest& request);

  // Puts `connected` and the `subscribed`s into the sink, then what happens,
  // until Unwatch() with the same channels.
  absl::Status Watch(const v1::WatchRequest& request, const SinkPtr& sink);
  void Unwatch(const v1::WatchRequest& request, const SinkPtr& sink);

  // Takes grants back on all gateways, and on those that are away when they
  // return. INVALID_ARGUMENT if it names nobody or breaks the grammar.
  absl::Status Revoke(v1::Revocation revocation);

  // The rules of the file, which are valid, hold from here on, for the channels
  // that there are as well. Gateways are told. Threads: one call at a time.
  void SetRules(const config::v1::Config& config);

  HubCounts Counts() const;

  // BROADCAST_MAX_PAYLOAD.
  int64_t payload_bytes_max() const { return options_.settings.max_payload(); }

 private:
  enum class Phase { kStarting, kSettled, kStopped };

  // EngineListener; the channel's shard is locked.
  void OnHistoryBegan(absl::string_view channel,
                      const Position& position) override;
  int64_t OnPublication(const PublicationPtr& publication) override;
  void OnMemberAdded(absl::string_view channel,
                     const v1::Member& member) override;
  void OnMemberRemoved(absl::string_view channel,
                       absl::string_view user_id) override;
  void OnMemberAway(absl::string_view channel, absl::string_view user_id,
                    absl::Duration grace) override;
  void OnKeyEvicted() override { observer_->OnKeyEvicted(); }
  void OnHistoriesEvicted(int64_t channels) override {
    observer_->OnHistoriesEvicted(channels);
  }
  void TellOfMember(absl::string_view channel, link::v1::ServiceItem item,
                    v1::ServerMessage message);

  // hub.cc: subscriptions.
  absl::Status OnSubscribe(const AttachmentPtr& gateway,
                           link::v1::Subscribe subscribe);
  absl::Status OnCancel(const AttachmentPtr& gateway, int64_t ticket);
  absl::Status OnUnsubscribe(const AttachmentPtr& gateway,
                             const link::v1::Unsubscribe& unsubscribe);
  absl::Status OnWhisper(link::v1::Whisper whisper);
  absl::Status OnRenew(const AttachmentPtr& gateway,
                       link::v1::Subscribe subscribe);
  void Decide(const AttachmentPtr& gateway, int64_t ticket, Decision decision);
  void Allow(const AttachmentPtr& gateway, const PendingSubscribe& question,
             Decision decision, bool renewable);
  void Refuse(const AttachmentPtr& gateway, const PendingSubscribe& question,
              link::v1::Refused::Code code, absl::string_view reason);
  // Nothing if the channel may have one more subscription.
  std::optional<Refusal> Admit(Shard& shard, absl::string_view channel,
                               const std::optional<v1::Member>& member)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu);

  // hub_attach.cc: the life of links.
  absl::Status OnHeld(const AttachmentPtr& gateway, link::v1::Held held);
  absl::Status OnAttached(const AttachmentPtr& gateway);
  void Adopt(const AttachmentPtr& gateway, const link::v1::Held& held);
  void Replay(const AttachmentPtr& gateway);
  void DropMembers(uint64_t gateway);
  void SettleIfDue();
  bool Settle();  // False if Stop() came first.
  void SendSettled(const AttachmentPtr& gateway);
  link::v1::Roster RosterOf(absl::string_view channel) const;
  std::vector<AttachmentPtr> Attachments() const;
  // It has no link, and its lease is over.
  bool IsGone(uint64_t gateway) const;
  bool EndLease(uint64_t gateway, int64_t lease);  // False: another one runs.

  // hub_history.cc: positions, and what was missed.
  // If the rules give it no room any more: forgets it, and tells who listens.
  void EndHistory(Shard& shard, absl::string_view channel)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu);
  void TellPosition(Shard& shard, absl::string_view channel,
                    const Position& position)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu);
  void OnListenerLeft(const Shard& shard, absl::string_view channel)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu);
  absl::Status OnRecover(const AttachmentPtr& gateway,
                         const link::v1::Recover& recover);
  // What a gateway that has returned missed of a channel.
  void Repair(Shard& shard, const AttachmentPtr& gateway,
              const link::v1::Held& held)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu);
  // `subscribed`, and what was missed, which takes from `room`.
  void BeginWatch(Shard& shard, const SinkPtr& sink, absl::string_view channel,
                  const v1::ChannelPosition* since, int64_t& room)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mu);
  v1::ServerMessage WatchSubscribed(absl::string_view channel) const;
  void ExpireHistories();

  // hub_rules.cc: what holds for some channels only.
  void UseRules(const config::v1::Config& config);
  // RESOURCE_EXHAUSTED if one of the channels allows less data.
  absl::Status CheckPayloads(const v1::BroadcastRequest& request);

  // hub_calls.cc: what backends ask, but for Broadcast().
  absl::Status CheckReady() const;
  void Remember(const Chunk& revocation) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void CallGateway(absl::string_view socket_id, link::v1::Call call,
                   absl::Duration deadline, Calls::Done done);
  v1::Channel Describe(absl::string_view channel);

  // Constant after construction.
  const HubOptions options_;
  Engine* const engine_;
  Authorizer* const authorizer_;
  Timers* const timers_;
  Observer* const observer_;
  const absl::Time start_time_;

  std::atomic<Phase> phase_{Phase::kStarting};
  std::atomic<int64_t> watch_count_{0};
  std::atomic<bool> has_rules_{false};  // Or had, a moment ago.
  std::atomic<bool> expiring_{false};   // ExpireHistories() will be called.

  ChannelTable table_;
  Calls calls_;

  // Held for a moment, never with a shard locked inside.
  mutable contract::Mutex mu_;
  absl::flat_hash_map<uint64_t, AttachmentPtr> attachments_
      ABSL_GUARDED_BY(mu_);
  // Gateways whose lease runs, and which one.
  absl::flat_hash_map<uint64_t, int64_t> away_ ABSL_GUARDED_BY(mu_);
  int64_t last_lease_ ABSL_GUARDED_BY(mu_) = 0;
  // Those whose lease has ended within `lost_memory`, and which one.
  absl::flat_hash_map<uint64_t, int64_t> lost_ ABSL_GUARDED_BY(mu_);
  RevocationMemory revocations_ ABSL_GUARDED_BY(mu_);
  // What gateways are told, with the rules. Enqueued under the lock, so that no
  // link hears of an older revision last.
  link::v1::Settings settings_ ABSL_GUARDED_BY(mu_);
  std::vector<SinkPtr> watch_sinks_ ABSL_GUARDED_BY(mu_);
  bool settle_min_over_ ABSL_GUARDED_BY(mu_) = false;
  bool settle_max_over_ ABSL_GUARDED_BY(mu_) = false;
  bool settling_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_CORE_HUB_H_
