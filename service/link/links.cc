// SPDX-License-Identifier: Apache-2.0

#include "service/link/links.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "proto/contract/limits.h"
#include "proto/contract/names.h"
#include "service/channel/encoding.h"
#include "service/channel/request_checks.h"
#include "service/link/link_checks.h"

namespace herald::core {
namespace {

// A gateway counts from when it noticed that its link had ended. Keepalive
// takes up to 8 s for that, and what was sent meanwhile has not arrived.
constexpr absl::Duration kReplaySlack = absl::Seconds(10);

// Whether the item may come before `attached` and after it.
bool MayComeAnyTime(const link::v1::GatewayItem& item) {
  using Item = link::v1::GatewayItem;
  return item.item_case() == Item::kSettingsAcknowledged ||
         item.item_case() == Item::kReport ||
         item.item_case() == Item::kGoodbye ||
         item.item_case() == Item::kMoving ||
         item.item_case() == Item::ITEM_NOT_SET;
}

absl::StatusOr<int64_t> AnswerOf(const link::v1::CallResult& result) {
  if (result.code() == 0) return result.disconnected_count();
  return absl::Status(static_cast<absl::StatusCode>(result.code()),
                      PassableReason(result.message()));
}

}  // namespace

Links::Links(const Ports& ports, const CoreOptions& options, const Parts& parts)
    : table_(ports.table),
      engine_(ports.engine),
      timers_(ports.timers),
      observer_(ports.observer),
      readiness_(ports.readiness),
      options_(options),
      fanout_(parts.fanout),
      upkeep_(parts.upkeep),
      calls_(parts.calls),
      gateways_(parts.gateways),
      whispers_(parts.whispers),
      subscriptions_(parts.subscriptions),
      recoveries_(parts.recoveries),
      settling_(parts.settling) {}

void Links::Stop() {
  const absl::Status why = absl::UnavailableError("the service is stopping");
  for (const AttachmentPtr& gateway : gateways_->All()) {
    gateway->sink->Close(why);
  }
}

std::shared_ptr<void> Links::AwaitHello(const SinkPtr& sink) {
  auto waiting = std::make_shared<std::weak_ptr<Sink>>(sink);
  timers_->After(options_.attach_max, [weak = std::weak_ptr(waiting)] {
    const auto still = weak.lock();
    const SinkPtr late = still == nullptr ? nullptr : still->lock();
    if (late == nullptr) return;
    late->Close(absl::DeadlineExceededError("no hello came in time"));
  });
  return waiting;
}

absl::StatusOr<AttachmentPtr> Links::Open(const link::v1::Hello& hello,
                                          SinkPtr sink, bool proven) {
  if (readiness_->phase() == Readiness::Phase::kStopped) {
    return absl::UnavailableError("the service is stopping");
  }
  const absl::Status valid = CheckHello(hello);
  if (!valid.ok()) return valid;
  auto gateway = std::make_shared<Attachment>(hello, std::move(sink),
                                              timers_->Now(), proven);
  AttachmentPtr old;
  const absl::Status added = gateways_->Add(gateway, hello, &old);
  if (!added.ok()) return added;
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
  if (readiness_->phase() == Readiness::Phase::kStopped)
    gateway->sink->Close(readiness_->Check());
  return gateway;
}

absl::Status Links::Handle(const AttachmentPtr& gateway,
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
  if (!MayComeAnyTime(item) && holds == gateway->attached) {
    return absl::FailedPreconditionError(
        holds ? "held or attached came after attached"
              : "an item came before attached");
  }
  // A gateway that has just come may apply the payload of another service yet.
  const absl::Status valid =
      CheckItem(item, gateway->gateway,
                gateway->acknowledged ? options_.settings.max_payload()
                                      : contract::kPayloadBytesLimit);
  if (!valid.ok()) return valid;
  return Pass(gateway, std::move(item));
}

absl::Status Links::Pass(const AttachmentPtr& gateway,
                         link::v1::GatewayItem item) {
  using Item = link::v1::GatewayItem;
  switch (item.item_case()) {
    case Item::kHeld:
      return OnHeld(gateway, std::move(*item.mutable_held()));
    case Item::kAttached:
      return OnAttached(gateway);
    case Item::kSubscribe:
      return subscriptions_->OnSubscribe(gateway,
                                         std::move(*item.mutable_subscribe()));
    case Item::kCancel:
      return subscriptions_->OnCancel(gateway, item.cancel().ticket());
    case Item::kUnsubscribe:
      return subscriptions_->OnUnsubscribe(gateway, item.unsubscribe());
    case Item::kWhisper:
      return whispers_->On(gateway, std::move(*item.mutable_whisper()));
    case Item::kRenew:
      return subscriptions_->OnRenew(
          gateway, std::move(*item.mutable_renew()->mutable_subscribe()));
    case Item::kCallResult:
      calls_->Answer(item.call_result().call_id(), gateway.get(),
                     AnswerOf(item.call_result()));
      return absl::OkStatus();
    case Item::kRecover:
      recoveries_->OnRecover(gateway, std::move(*item.mutable_recover()));
      return absl::OkStatus();
    case Item::kCongestion: {
      FlushList flushes;
      whispers_->OnCongestion(item.congestion(), flushes);
      return absl::OkStatus();
    }
    case Item::kReport:
      gateway->client_count = item.report().client_count();
      return absl::OkStatus();
    case Item::kGoodbye:
      gateway->goodbye = true;
      return absl::OkStatus();
    case Item::kMoving:
      if (!std::exchange(gateway->moving, true)) {
        observer_->OnMoving(gateway->gateway, item.moving().target());
      }
      return absl::OkStatus();
    case Item::kSettingsAcknowledged:
      gateway->acknowledged = true;
      return absl::OkStatus();
    default:  // Unknown items are ignored.
      return absl::OkStatus();
  }
}

absl::Status Links::OnHeld(const AttachmentPtr& gateway, link::v1::Held held) {
  gateway->held_bytes += static_cast<int64_t>(held.ByteSizeLong());
  if (gateway->held_bytes > contract::kLinkHeldBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the gateway holds more than ", contract::kLinkHeldBytesMax, " bytes"));
  }
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

absl::Status Links::OnAttached(const AttachmentPtr& gateway) {
  const std::vector<link::v1::Held> all = std::exchange(gateway->held, {});
  absl::flat_hash_set<absl::string_view> names;
  for (const link::v1::Held& held : all) {
    if (!names.insert(held.channel()).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("channel ", held.channel(), " is held twice"));
    }
  }
  for (const link::v1::Held& held : all) {
    const absl::Status status = Adopt(gateway, held);
    if (!status.ok()) return status;
  }
  for (const std::string& channel : engine_->ChannelsOf(gateway->gateway)) {
    if (names.contains(channel)) continue;
    Shard& shard = table_->ShardOf(channel);
    const ShardLock lock(shard);
    // What a newer link of this gateway has said must not be undone.
    if (gateway->ended) break;
    engine_->Replace(channel, gateway->gateway, {},
                     shard.rules->Of(channel).member_grace);
  }
  Replay(gateway);
  observer_->OnAttached(gateway->gateway, gateway->subscription_count);
  settling_->OnAttached(gateway);
  return absl::OkStatus();
}

absl::Status Links::Adopt(const AttachmentPtr& gateway,
                          const link::v1::Held& held) {
  const std::string& channel = held.channel();
  Shard& shard = table_->ShardOf(channel);
  const ShardLock lock(shard);
  if (gateway->ended) return absl::OkStatus();
  if (IsPresence(shard, channel)) {
    const absl::Status status = CheckMembersFit(*engine_, held);
    if (!status.ok()) return status;
    std::vector<GatewayMember> members;
    for (const link::v1::HeldMember& one : held.members()) {
      members.push_back(
          {one.member(), {one.socket_ids().begin(), one.socket_ids().end()}});
    }
    engine_->Replace(channel, gateway->gateway, members,
                     shard.rules->Of(channel).member_grace);
  }
  // Before it counts, so that it is told once where the channel is.
  recoveries_->Repair(shard, gateway, held);
  table_->Obtain(shard, channel, /*force=*/true);
  table_->Change(shard, channel, gateway, held.subscription_count());
  if (HasRoster(channel) && shard.settled) {
    link::v1::ServiceItem item;
    *item.mutable_roster() = fanout_->RosterOf(channel);
    EnqueueStateIn(shard, gateway->sink, EncodeItem(std::move(item)));
  }
  return absl::OkStatus();
}

void Links::Replay(const AttachmentPtr& gateway) {
  if (gateway->link_down <= absl::ZeroDuration()) return;
  // Since the link was opened the gateway hears everything by itself.
  const absl::Time since = gateway->since - gateway->link_down - kReplaySlack;
  std::optional<std::vector<Chunk>> missed = gateways_->RememberedSince(since);
  if (missed.has_value()) {
    for (Chunk& chunk : *missed) gateway->sink->EnqueueState(std::move(chunk));
  } else {
    link::v1::ServiceItem item;
    item.mutable_renew_all();
    gateway->sink->Enqueue(EncodeItem(std::move(item)));
  }
  gateway->sink->Flush();
}

void Links::Close(const AttachmentPtr& gateway, absl::string_view why) {
  if (gateway->ended.exchange(true)) return;
  {
    contract::MutexLock lock(&gateway->mu);
    gateway->pending.clear();
  }
  calls_->End(gateway.get());
  table_->Remove(gateway, [this](Shard& shard, absl::string_view channel) {
    shard.mu.AssertHeld();
    upkeep_->OnListenerLeft(shard, channel);
  });
  const uint64_t id = gateway->gateway;
  const std::optional<int64_t> lease = gateways_->Remove(gateway);
  observer_->OnLinkEnded(id, why);
  if (readiness_->phase() == Readiness::Phase::kStarting)
    settling_->SettleIfDue();
  if (!lease.has_value() || readiness_->phase() == Readiness::Phase::kStopped)
    return;
  if (gateway->goodbye) return DropMembers(id);
  timers_->After(options_.lease,
                 [this, id, lease = *lease, moved = gateway->moving] {
                   if (!gateways_->EndLease(id, lease, options_.lost_memory))
                     return;
                   if (!moved) observer_->OnLeaseExpired(id);
                   DropMembers(id);
                 });
}

void Links::DropMembers(uint64_t gateway) {
  for (const std::string& channel : engine_->ChannelsOf(gateway)) {
    Shard& shard = table_->ShardOf(channel);
    const ShardLock lock(shard);
    // A gateway that is attaching meanwhile says itself what it holds.
    if (!gateways_->IsGone(gateway)) return;
    engine_->Replace(channel, gateway, {},
                     shard.rules->Of(channel).member_grace);
  }
}

}  // namespace herald::core
