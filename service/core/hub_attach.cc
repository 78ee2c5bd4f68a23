// SPDX-License-Identifier: Apache-2.0
//
// The life of links: open, hold, attach, settle, lose and return; and what the
// listeners of a presence channel are told of its members.

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "proto/contract/limits.h"
#include "proto/contract/names.h"
#include "service/core/encoding.h"
#include "service/core/hub.h"

namespace herald::core {
namespace {

// A gateway counts from when it noticed that its link had ended. Keepalive
// takes up to 8 s for that, and what was sent meanwhile has not arrived.
constexpr absl::Duration kReplaySlack = absl::Seconds(10);

// What gateways may have rosters of, whatever the rules say of it now.
bool HasRoster(absl::string_view channel) {
  return contract::TypeOfChannel(channel) == contract::ChannelType::kPresence;
}

}  // namespace

Hub::Hub(HubOptions options, Engine* engine, Authorizer* authorizer,
         Timers* timers, Observer* observer)
    : options_(std::move(options)),
      engine_(engine),
      authorizer_(authorizer),
      timers_(timers),
      observer_(observer),
      start_time_(timers->Now()),
      table_(options_.settings.max_channels()),
      calls_(timers, observer),
      settings_(options_.settings) {
  UseRules({});
  engine_->SetListener(this);
}

void Hub::Start() {
  const auto after = [this](absl::Duration time, bool Hub::*over) {
    // Counted by the timers and not by the time of day, which may be set.
    timers_->After(time, [this, over] {
      {
        contract::MutexLock lock(&mu_);
        this->*over = true;
      }
      SettleIfDue();
    });
  };
  after(options_.settle_min, &Hub::settle_min_over_);
  after(options_.settle_max, &Hub::settle_max_over_);
}

void Hub::Stop() {
  phase_ = Phase::kStopped;
  std::vector<SinkPtr> watches;
  {
    contract::MutexLock lock(&mu_);
    watches = watch_sinks_;
  }
  const absl::Status why = absl::UnavailableError("the service is stopping");
  for (const SinkPtr& sink : watches) sink->Close(why);
  for (const AttachmentPtr& gateway : Attachments()) gateway->sink->Close(why);
}

std::shared_ptr<void> Hub::AwaitHello(const SinkPtr& sink) {
  auto waiting = std::make_shared<std::weak_ptr<Sink>>(sink);
  timers_->After(options_.attach_max, [weak = std::weak_ptr(waiting)] {
    const auto still = weak.lock();
    const SinkPtr late = still == nullptr ? nullptr : still->lock();
    if (late == nullptr) return;
    late->Close(absl::DeadlineExceededError("no hello came in time"));
  });
  return waiting;
}

absl::StatusOr<AttachmentPtr> Hub::Open(const link::v1::Hello& hello,
                                        SinkPtr sink) {
  if (phase_ == Phase::kStopped) {
    return absl::UnavailableError("the service is stopping");
  }
  if (hello.protocol_version() < contract::kLinkProtocolVersionMin ||
      hello.protocol_version() > contract::kLinkProtocolVersion) {
    return absl::FailedPreconditionError(absl::StrCat(
        "link protocol version ", hello.protocol_version(),
        " is not served; allowed are ", contract::kLinkProtocolVersionMin,
        " to ", contract::kLinkProtocolVersion));
  }
  if (hello.gateway_id() <= 0) {
    return absl::InvalidArgumentError("hello.gateway_id is not positive");
  }
  auto gateway =
      std::make_shared<Attachment>(hello, std::move(sink), timers_->Now());
  link::v1::ServiceItem item;
  AttachmentPtr old;
  {
    contract::MutexLock lock(&mu_);
    *item.mutable_settings() = settings_;
    gateway->sink->Enqueue(EncodeItem(std::move(item)));
    AttachmentPtr& slot = attachments_[gateway->gateway];
    old = std::exchange(slot, gateway);
    away_.erase(gateway->gateway);
    lost_.erase(gateway->gateway);
  }
  if (old != nullptr) {
    Close(old, "a newer link of the same gateway has taken over");
    old->sink->Close(
        absl::AbortedError("a newer link of the same gateway has taken over"));
  }
  observer_->OnLinkOpened(gateway->gateway);
  gateway->sink->Flush();
  timers_->After(options_.attach_max, [weak =
                                           std::weak_ptr<Attachment>(gateway)] {
    const AttachmentPtr late = weak.lock();
    if (late == nullptr || late->attached || late->ended) return;
    late->sink->Close(absl::DeadlineExceededError("the attach took too long"));
  });
  // Stop() has closed the links that it saw.
  if (phase_ == Phase::kStopped) gateway->sink->Close(CheckReady());
  return gateway;
}

absl::Status Hub::Handle(const AttachmentPtr& gateway,
                         link::v1::GatewayItem item) {
  using Item = link::v1::GatewayItem;
  if (gateway->ended) {
    return absl::AbortedError("the link was ended by the service");
  }
  if (item.item_case() == Item::kHello) {
    return absl::FailedPreconditionError("hello came twice");
  }
  const bool holds =
      item.item_case() == Item::kHeld || item.item_case() == Item::kAttached;
  const bool any_time = item.item_case() == Item::kSettingsAcknowledged ||
                        item.item_case() == Item::kReport ||
                        item.item_case() == Item::kGoodbye ||
                        item.item_case() == Item::ITEM_NOT_SET;
  if (!any_time && holds == gateway->attached) {
    return absl::FailedPreconditionError(
        holds ? "held or attached came after attached"
              : "an item came before attached");
  }
  switch (item.item_case()) {
    case Item::kHeld:
      return OnHeld(gateway, std::move(*item.mutable_held()));
    case Item::kAttached:
      return OnAttached(gateway);
    case Item::kSubscribe:
      return OnSubscribe(gateway, std::move(*item.mutable_subscribe()));
    case Item::kCancel:
      return OnCancel(gateway, item.cancel().ticket());
    case Item::kUnsubscribe:
      return OnUnsubscribe(gateway, item.unsubscribe());
    case Item::kWhisper:
      return OnWhisper(std::move(*item.mutable_whisper()));
    case Item::kRenew:
      return OnRenew(gateway,
                     std::move(*item.mutable_renew()->mutable_subscribe()));
    case Item::kCallResult: {
      const link::v1::CallResult& result = item.call_result();
      absl::StatusOr<int64_t> answer = result.disconnected_count();
      if (result.code() != 0) {
        answer = absl::Status(static_cast<absl::StatusCode>(result.code()),
                              result.message());
      }
      calls_.Answer(result.call_id(), gateway.get(), std::move(answer));
      return absl::OkStatus();
    }
    case Item::kRecover:
      return OnRecover(gateway, item.recover());
    case Item::kReport:
      gateway->client_count = item.report().client_count();
      return absl::OkStatus();
    case Item::kGoodbye:
      gateway->goodbye = true;
      return absl::OkStatus();
    default:  // Acknowledgements need no answer; unknown items are ignored.
      return absl::OkStatus();
  }
}

absl::Status Hub::OnHeld(const AttachmentPtr& gateway, link::v1::Held held) {
  absl::Status status = contract::CheckChannelName(held.channel());
  if (!status.ok()) return status;
  if (held.subscription_count() == 0 && !gateway->held.empty() &&
      gateway->held.back().channel() == held.channel()) {
    gateway->held.back().mutable_members()->MergeFrom(held.members());
    return absl::OkStatus();
  }
  if (held.subscription_count() <= 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("held channel ", held.channel(), " has no subscription"));
  }
  gateway->held.push_back(std::move(held));
  return absl::OkStatus();
}

absl::Status Hub::OnAttached(const AttachmentPtr& gateway) {
  const std::vector<link::v1::Held> all = std::exchange(gateway->held, {});
  absl::flat_hash_set<absl::string_view> names;
  for (const link::v1::Held& held : all) {
    if (!names.insert(held.channel()).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("channel ", held.channel(), " is held twice"));
    }
  }
  for (const link::v1::Held& held : all) Adopt(gateway, held);
  for (const std::string& channel : engine_->ChannelsOf(gateway->gateway)) {
    if (names.contains(channel)) continue;
    Shard& shard = table_.ShardOf(channel);
    const ShardLock lock(shard);
    // What a newer link of this gateway has said must not be undone.
    if (gateway->ended) break;
    engine_->Replace(channel, gateway->gateway, {},
                     shard.rules->Of(channel).member_grace);
  }
  Replay(gateway);
  observer_->OnAttached(gateway->gateway, gateway->subscription_count);
  bool settled = false;
  {
    // Settle() tells all who are attached when it takes the list; whoever comes
    // later tells itself.
    contract::MutexLock lock(&mu_);
    gateway->attached = true;
    settled = ready();
  }
  if (settled) {
    SendSettled(gateway);
  } else {
    SettleIfDue();
  }
  return absl::OkStatus();
}

void Hub::Adopt(const AttachmentPtr& gateway, const link::v1::Held& held) {
  const std::string& channel = held.channel();
  Shard& shard = table_.ShardOf(channel);
  const ShardLock lock(shard);
  if (gateway->ended) return;
  if (IsPresence(shard, channel)) {
    std::vector<GatewayMember> members;
    for (const link::v1::HeldMember& one : held.members()) {
      members.push_back(
          {one.member(), {one.socket_ids().begin(), one.socket_ids().end()}});
    }
    engine_->Replace(channel, gateway->gateway, members,
                     shard.rules->Of(channel).member_grace);
  }
  // Before it counts, so that it is told once where the channel is.
  Repair(shard, gateway, held);
  table_.Obtain(shard, channel, /*force=*/true);
  table_.Change(shard, channel, gateway, held.subscription_count());
  if (HasRoster(channel) && shard.settled) {
    link::v1::ServiceItem item;
    *item.mutable_roster() = RosterOf(channel);
    EnqueueStateIn(shard, gateway->sink, EncodeItem(std::move(item)));
  }
}

void Hub::Replay(const AttachmentPtr& gateway) {
  if (gateway->link_down <= absl::ZeroDuration()) return;
  // Since the link was opened the gateway hears everything by itself.
  const absl::Time since = gateway->since - gateway->link_down - kReplaySlack;
  std::optional<std::vector<Chunk>> missed;
  {
    contract::MutexLock lock(&mu_);
    missed = revocations_.Since(since, timers_->Now());
  }
  if (missed.has_value()) {
    for (Chunk& chunk : *missed) gateway->sink->EnqueueState(std::move(chunk));
  } else {
    link::v1::ServiceItem item;
    item.mutable_renew_all();
    gateway->sink->Enqueue(EncodeItem(std::move(item)));
  }
  gateway->sink->Flush();
}

void Hub::Close(const AttachmentPtr& gateway, absl::string_view why) {
  if (gateway->ended.exchange(true)) return;
  {
    contract::MutexLock lock(&gateway->mu);
    gateway->pending.clear();
  }
  calls_.End(gateway.get());
  table_.Remove(gateway, [this](Shard& shard, absl::string_view channel) {
    shard.mu.AssertHeld();
    OnListenerLeft(shard, channel);
  });
  const uint64_t id = gateway->gateway;
  int64_t lease = 0;
  bool replaced = false;
  {
    contract::MutexLock lock(&mu_);
    const auto it = attachments_.find(id);
    replaced = it == attachments_.end() || it->second != gateway;
    if (!replaced) {
      attachments_.erase(it);
      if (!gateway->goodbye) away_[id] = lease = ++last_lease_;
    }
  }
  observer_->OnLinkEnded(id, why);
  if (phase_ == Phase::kStarting) SettleIfDue();
  if (replaced || phase_ == Phase::kStopped) return;
  if (gateway->goodbye) return DropMembers(id);
  timers_->After(options_.lease, [this, id, lease] {
    if (!EndLease(id, lease)) return;
    observer_->OnLeaseExpired(id);
    DropMembers(id);
  });
}

bool Hub::EndLease(uint64_t gateway, int64_t lease) {
  {
    // It has returned, or was lost again after that: a lease of its own.
    contract::MutexLock lock(&mu_);
    const auto it = away_.find(gateway);
    if (it == away_.end() || it->second != lease) return false;
    away_.erase(it);
    lost_[gateway] = lease;
  }
  timers_->After(options_.lost_memory, [this, gateway, lease] {
    contract::MutexLock lock(&mu_);
    const auto it = lost_.find(gateway);
    if (it != lost_.end() && it->second == lease) lost_.erase(it);
  });
  return true;
}

void Hub::DropMembers(uint64_t gateway) {
  for (const std::string& channel : engine_->ChannelsOf(gateway)) {
    Shard& shard = table_.ShardOf(channel);
    const ShardLock lock(shard);
    // A gateway that is attaching meanwhile says itself what it holds.
    if (!IsGone(gateway)) return;
    engine_->Replace(channel, gateway, {},
                     shard.rules->Of(channel).member_grace);
  }
}

void Hub::SettleIfDue() {
  {
    contract::MutexLock lock(&mu_);
    if (settling_ || phase_ != Phase::kStarting || !settle_min_over_) return;
    for (const auto& [id, gateway] : attachments_) {
      if (!gateway->attached && !settle_max_over_) return;
    }
    settling_ = true;
  }
  if (Settle()) observer_->OnSettled(timers_->Now() - start_time_);
}

bool Hub::Settle() {
  table_.ForEachShard([this](Shard& shard) {
    const ShardLock lock(shard);
    shard.settled = true;
    for (const auto& [channel, entry] : shard.channels) {
      if (!HasRoster(channel)) continue;
      link::v1::ServiceItem item;
      *item.mutable_roster() = RosterOf(channel);
      const Chunk chunk = EncodeItem(std::move(item));
      for (const Interest& interest : entry.interests) {
        EnqueueStateIn(shard, interest.attachment->sink, chunk);
      }
    }
  });
  std::vector<AttachmentPtr> attached;
  {
    // Under the lock, so that a gateway either is in the list or sees that the
    // service is ready (OnAttached()).
    contract::MutexLock lock(&mu_);
    Phase starting = Phase::kStarting;
    if (!phase_.compare_exchange_strong(starting, Phase::kSettled)) {
      return false;
    }
    for (const auto& [id, gateway] : attachments_) {
      if (gateway->attached) attached.push_back(gateway);
    }
  }
  for (const AttachmentPtr& gateway : attached) SendSettled(gateway);
  return true;
}

void Hub::SendSettled(const AttachmentPtr& gateway) {
  link::v1::ServiceItem item;
  item.mutable_settled();
  gateway->sink->Enqueue(EncodeItem(std::move(item)));
  gateway->sink->Flush();
}

void Hub::OnMemberAdded(absl::string_view channel, const v1::Member& member) {
  v1::ServerMessage message;
  v1::MemberAdded& added = *message.mutable_member_added();
  added.set_channel(std::string(channel));
  added.set_user_id(member.user_id());
  added.set_user_info(member.user_info());
  link::v1::ServiceItem item;
  *item.mutable_member_added() = added;
  TellOfMember(channel, std::move(item), std::move(message));
}

void Hub::OnMemberRemoved(absl::string_view channel,
                          absl::string_view user_id) {
  v1::ServerMessage message;
  v1::MemberRemoved& removed = *message.mutable_member_removed();
  removed.set_channel(std::string(channel));
  removed.set_user_id(std::string(user_id));
  link::v1::ServiceItem item;
  *item.mutable_member_removed() = removed;
  TellOfMember(channel, std::move(item), std::move(message));
}

void Hub::OnMemberAway(absl::string_view channel, absl::string_view user_id,
                       absl::Duration grace) {
  timers_->After(grace, [this, channel = std::string(channel),
                         user_id = std::string(user_id)] {
    const ShardLock lock(table_.ShardOf(channel));
    engine_->EndGrace(channel, user_id);
  });
}

void Hub::TellOfMember(absl::string_view channel, link::v1::ServiceItem item,
                       v1::ServerMessage message) {
  Shard& shard = table_.ShardOf(channel);
  shard.mu.AssertHeld();
  if (!shard.settled) return;
  TellIn(
      shard, channel, [&] { return EncodeItem(std::move(item)); },
      [&] { return EncodeWatch(std::move(message)); }, &EnqueueIn);
}

link::v1::Roster Hub::RosterOf(absl::string_view channel) const {
  link::v1::Roster roster;
  roster.set_channel(std::string(channel));
  for (v1::PresentMember& present : engine_->Members(channel)) {
    v1::Member& member = *roster.add_members();
    member.set_user_id(std::move(*present.mutable_user_id()));
    member.set_user_info(std::move(*present.mutable_user_info()));
  }
  return roster;
}

std::vector<AttachmentPtr> Hub::Attachments() const {
  std::vector<AttachmentPtr> all;
  contract::MutexLock lock(&mu_);
  for (const auto& [id, gateway] : attachments_) all.push_back(gateway);
  return all;
}

bool Hub::IsGone(uint64_t gateway) const {
  contract::MutexLock lock(&mu_);
  return !attachments_.contains(gateway) && !away_.contains(gateway);
}

}  // namespace herald::core
