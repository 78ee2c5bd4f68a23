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
#include "service/calls/node_calls.h"
#include "service/channel/joined_status.h"
#include "service/channel/request_checks.h"
#include "service/gateways/link_checks.h"

namespace herald::core {
namespace {

// Hello.link_down_ms counts from when the gateway noticed the end of its link.
// Keepalive needs up to 8 s for that, and items sent meanwhile are lost.
constexpr absl::Duration kReplaySlack = absl::Seconds(10);

// Items that waited for an adoption, and are handled in one turn.
constexpr int kWaitingPerTurn = 1000;

// Whether the item is allowed before `attached` and after it.
bool MayComeAnyTime(const link::v1::GatewayItem& item) {
  using link::v1::GatewayItem;
  return item.item_case() == GatewayItem::kSettingsAcknowledged ||
         item.item_case() == GatewayItem::kReport ||
         item.item_case() == GatewayItem::kGoodbye ||
         item.item_case() == GatewayItem::kMoving ||
         item.item_case() == GatewayItem::ITEM_NOT_SET;
}

}  // namespace

Links::Links(const Ports& ports, const CoreOptions& options, const Parts& parts)
    : table_(ports.table),
      membership_(ports.membership),
      bus_(ports.bus),
      timers_(ports.timers),
      observer_(ports.observer),
      readiness_(ports.readiness),
      options_(options),
      bytes_(parts.bytes),
      open_(parts.open),
      calls_(parts.calls),
      gateways_(parts.gateways),
      whispers_(parts.whispers),
      subscriptions_(parts.subscriptions),
      sign_ins_(parts.sign_ins),
      recoveries_(parts.recoveries),
      adoptions_(parts.adoptions),
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
                                          SinkPtr sink, bool proven,
                                          LinkBytes::AccountPtr account) {
  if (readiness_->phase() == Readiness::Phase::kStopped) {
    return absl::UnavailableError("the service is stopping");
  }
  const absl::Status valid = CheckHello(hello);
  if (!valid.ok()) return valid;
  if (account == nullptr) {
    account = OpenAccount(admission::kNoSource);
    account->SetSink(sink);
  }
  if (proven) account->SetProven();
  const admission::Source source = account->source();
  auto gateway =
      std::make_shared<Attachment>(hello, std::move(sink), timers_->Now(),
                                   proven, source, std::move(account));
  Gateways::Displaced displaced;
  const absl::Status added = gateways_->Add(gateway, &displaced);
  if (!added.ok()) return added;
  if (const AttachmentPtr& old = displaced.old) {
    Close(old, "a newer link of the same gateway has taken over");
    old->sink->Close(
        absl::AbortedError("a newer link of the same gateway has taken over"));
  }
  if (const AttachmentPtr& evicted = displaced.evicted) {
    constexpr char kWhy[] = "too many gateways: gave way to a newer link";
    Close(evicted, kWhy);
    // Its peer may read nothing.
    evicted->sink->Abort(absl::ResourceExhaustedError(kWhy));
  }
  observer_->OnLinkOpened(gateway->gateway);
  gateway->sink->Flush();
  AskForNumber(gateway);
  timers_->After(options_.attach_max, [weak =
                                           std::weak_ptr<Attachment>(gateway)] {
    const AttachmentPtr late = weak.lock();
    if (late == nullptr || late->attached || late->ended) return;
    late->sink->Close(absl::DeadlineExceededError("the attach took too long"));
  });
  // Stop() may have listed the links before this one was added.
  if (readiness_->phase() == Readiness::Phase::kStopped)
    gateway->sink->Close(readiness_->Check());
  return gateway;
}

void Links::AskForNumber(const AttachmentPtr& gateway) {
  // The answer may come inside the call, and is handled without the lock.
  struct NumberAnswer {
    JoinedStatus parts{2};  // The call and the answer.
    int64_t number = 0;
  };
  const auto asked = std::make_shared<NumberAnswer>();
  const auto join = [this, gateway, asked](const absl::Status& status) {
    if (!asked->parts.Join(status)) return;
    const absl::Status answer = asked->parts.status();
    if (answer.ok()) return OnAttachNumber(gateway, asked->number);
    OnAttachNumber(gateway, answer);
  };
  {
    // The newest link must get the greatest number: the engine ignores calls
    // with any other one. Without the lock, a newer link could replace this one
    // and ask between the check and the call, and this one's number would be
    // greater. A link that was replaced already gets none.
    contract::MutexLock lock(&attach_order_);
    if (gateways_->Find(gateway->gateway) != gateway) return;
    membership_->Attach(gateway->gateway,
                        [asked, join](const absl::StatusOr<int64_t>& attach) {
                          asked->number = attach.value_or(0);
                          join(attach.status());
                        });
  }
  join(absl::OkStatus());
}

absl::Status Links::Handle(const AttachmentPtr& gateway,
                           link::v1::GatewayItem item) {
  using link::v1::GatewayItem;
  if (gateway->ended) {
    return absl::AbortedError("the link was ended by the service");
  }
  if (item.item_case() == GatewayItem::kHello) {
    return absl::FailedPreconditionError("hello came twice");
  }
  const bool any_time = MayComeAnyTime(item);
  const bool holds = item.item_case() == GatewayItem::kHeld ||
                     item.item_case() == GatewayItem::kAttached;
  if (!any_time && holds == gateway->said_attached) {
    return absl::FailedPreconditionError(
        holds ? "held or attached came after attached"
              : "an item came before attached");
  }
  // Until it acknowledges the settings, a gateway may apply the payload bound
  // of another service.
  const absl::Status valid =
      CheckItem(item, gateway->gateway,
                gateway->acknowledged ? options_.settings.max_payload()
                                      : contract::kPayloadBytesLimit);
  if (!valid.ok()) return valid;
  if (holds && readiness_->phase() == Readiness::Phase::kStarting) {
    gateway->held_at = absl::ToUnixNanos(timers_->Now());
  }
  if (gateway->adopting && !any_time) {
    bool waits = false;
    const absl::Status status = Wait(gateway, item, &waits);
    if (!status.ok() || waits) return status;
  }
  return Pass(gateway, std::move(item));
}

absl::Status Links::Pass(const AttachmentPtr& gateway,
                         link::v1::GatewayItem item) {
  using link::v1::GatewayItem;
  switch (item.item_case()) {
    case GatewayItem::kHeld:
      return OnHeld(gateway, std::move(*item.mutable_held()));
    case GatewayItem::kAttached:
      return OnAttached(gateway);
    case GatewayItem::kSubscribe:
      return subscriptions_->OnSubscribe(gateway,
                                         std::move(*item.mutable_subscribe()));
    case GatewayItem::kCancel:
      return subscriptions_->OnCancel(gateway, item.cancel().ticket());
    case GatewayItem::kUnsubscribe:
      return subscriptions_->OnUnsubscribe(gateway, item.unsubscribe());
    case GatewayItem::kWhisper:
      return whispers_->On(gateway, std::move(*item.mutable_whisper()));
    case GatewayItem::kRenew:
      return subscriptions_->OnRenew(
          gateway, std::move(*item.mutable_renew()->mutable_subscribe()));
    case GatewayItem::kSocketQuestion:
      sign_ins_->OnQuestion(gateway,
                            std::move(*item.mutable_socket_question()));
      return absl::OkStatus();
    case GatewayItem::kCallResult:
      calls_->Answer(item.call_result().call_id(), gateway,
                     ResultOf(item.call_result()));
      return absl::OkStatus();
    case GatewayItem::kRecover:
      return recoveries_->OnRecover(gateway,
                                    std::move(*item.mutable_recover()));
    case GatewayItem::kCongestion: {
      FlushList flushes;
      whispers_->OnCongestion(item.congestion(), flushes);
      return absl::OkStatus();
    }
    case GatewayItem::kReport:
      gateway->client_count = item.report().client_count();
      return absl::OkStatus();
    case GatewayItem::kGoodbye:
      gateway->goodbye = true;
      return absl::OkStatus();
    case GatewayItem::kMoving:
      if (!gateway->moving.exchange(true)) {
        observer_->OnMoving(gateway->gateway, item.moving().target());
      }
      return absl::OkStatus();
    case GatewayItem::kSettingsAcknowledged:
      gateway->acknowledged = true;
      return absl::OkStatus();
    default:  // Unknown items are ignored.
      return absl::OkStatus();
  }
}

absl::Status Links::OnHeld(const AttachmentPtr& gateway, link::v1::Held held) {
  const int64_t bytes = MemoryOf(held);
  gateway->held_bytes += bytes;
  gateway->bytes->Add(bytes);
  if (gateway->held_bytes > options_.held_bytes_max) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the gateway holds more than ", options_.held_bytes_max, " bytes"));
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
  if (!gateway->held_names.insert(held.channel()).second) {
    return absl::InvalidArgumentError(
        absl::StrCat("channel ", held.channel(), " is held twice"));
  }
  gateway->held.push_back(std::move(held));
  return absl::OkStatus();
}

// The attach number and `attached` come in either order: the later one of the
// two begins the adoption. The lock makes sure that exactly one of them does.
absl::Status Links::OnAttached(const AttachmentPtr& gateway) {
  gateway->said_attached = true;
  std::vector<link::v1::Held> held = std::exchange(gateway->held, {});
  gateway->held_names = absl::flat_hash_set<std::string>();
  gateway->adopting = true;
  {
    contract::MutexLock lock(&gateway->mu);
    if (gateway->attach == 0) {
      gateway->to_adopt = std::move(held);
      return absl::OkStatus();
    }
  }
  return Adopt(gateway, std::move(held));
}

void Links::OnAttachNumber(const AttachmentPtr& gateway,
                           const absl::StatusOr<int64_t>& attach) {
  if (!attach.ok()) {
    gateway->numberless = true;
    gateway->sink->Close(attach.status());
    // `numberless` is set before `ended` is read, and Close() does the
    // opposite, so one of the two forgets the gateway.
    if (gateway->ended) ForgetNumberless(gateway);
    return;
  }
  std::optional<std::vector<link::v1::Held>> held;
  {
    contract::MutexLock lock(&gateway->mu);
    gateway->attach = *attach;
    held = std::exchange(gateway->to_adopt, std::nullopt);
  }
  // Close() may have come too early to read the number. If it did read it, a
  // second Detach() is harmless, as is one for a link that was replaced.
  if (gateway->ended) {
    return membership_->Detach(gateway->gateway, *attach, gateway->goodbye);
  }
  if (held.has_value()) {
    Adopt(gateway, *std::move(held)).IgnoreError();  // It has ended the link.
  }
}

absl::Status Links::Adopt(const AttachmentPtr& gateway,
                          std::vector<link::v1::Held> held) {
  adoptions_->Begin(gateway, std::move(held),
                    [this, gateway](const absl::Status& status) {
                      OnAdopted(gateway, status);
                    });
  contract::MutexLock lock(&gateway->mu);
  return gateway->failure;
}

// First the recorded items, then `settled`, then the queued items. A gateway
// counts Hello.link_down_ms from the end of its last settled link. So if this
// link ends before `settled`, the next one replays the same records. If
// `settled` came first, they would be lost. The queued items come last, because
// this attach may settle the service, which refuses questions until then.
void Links::OnAdopted(const AttachmentPtr& gateway,
                      const absl::Status& status) {
  if (gateway->ended) return;
  gateway->bytes->Add(-gateway->held_bytes);
  if (!status.ok()) return Fail(gateway, status);
  Replay(gateway);
}

void Links::Fail(const AttachmentPtr& gateway, const absl::Status& status) {
  {
    contract::MutexLock lock(&gateway->mu);
    gateway->failure.Update(status);
    gateway->waiting.clear();
    gateway->bytes->Add(-std::exchange(gateway->waiting_bytes, 0));
  }
  gateway->sink->Close(status);
}

absl::Status Links::Wait(const AttachmentPtr& gateway,
                         link::v1::GatewayItem& item, bool* waits) {
  contract::MutexLock lock(&gateway->mu);
  // HandleWaiting() clears it under this lock, and only if the queue is empty.
  // So no item passes a queued one.
  *waits = gateway->adopting;
  if (!*waits) return gateway->failure;
  const int64_t bytes = MemoryOf(item);
  if (gateway->waiting_bytes + bytes > options_.held_bytes_max) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the gateway sent more than ", options_.held_bytes_max,
                     " bytes of items before its subscriptions were adopted"));
  }
  gateway->waiting_bytes += bytes;
  gateway->bytes->Add(bytes);
  gateway->waiting.push_back(std::move(item));
  return gateway->failure;
}

// In turns, because this runs on the thread that delivered the engine's last
// answer, or on that of the timers. Others need it.
void Links::HandleWaiting(const AttachmentPtr& gateway) {
  for (int i = 0; i < kWaitingPerTurn; ++i) {
    link::v1::GatewayItem item;
    {
      contract::MutexLock lock(&gateway->mu);
      if (gateway->waiting.empty()) {
        gateway->adopting = false;
        return;
      }
      item = std::move(gateway->waiting.front());
      gateway->waiting.pop_front();
      const int64_t bytes = MemoryOf(item);
      gateway->waiting_bytes -= bytes;
      gateway->bytes->Add(-bytes);
    }
    if (gateway->ended) continue;
    const absl::Status status = Pass(gateway, std::move(item));
    if (!status.ok()) return Fail(gateway, status);
  }
  timers_->After(absl::ZeroDuration(),
                 [this, gateway] { HandleWaiting(gateway); });
}

void Links::Replay(const AttachmentPtr& gateway) {
  if (gateway->link_down <= absl::ZeroDuration()) return OnReplayed(gateway);
  // The age counts back from now, so it includes the time since the link was
  // opened. Items of that time arrive twice, which is harmless (node_calls.h).
  const absl::Duration age =
      timers_->Now() - gateway->since + gateway->link_down + kReplaySlack;
  bus_->RecordedWithin(age, [this, gateway](auto recorded) {
    for (Chunk& item : RecordsOrRenewAll(std::move(recorded))) {
      gateway->sink->EnqueueState(std::move(item));
    }
    gateway->sink->Flush();
    OnReplayed(gateway);
  });
}

void Links::OnReplayed(const AttachmentPtr& gateway) {
  if (gateway->ended) return;
  gateway->bytes->SetSettled();
  observer_->OnAttached(gateway->gateway, gateway->subscription_count);
  settling_->OnAttached(gateway);
  HandleWaiting(gateway);
}

// `ended` comes first: other threads check it with the shard locked before they
// add to the table, so nothing is added after Remove() (peer.h).
//
// Then the pending questions, whose decisions are dropped from now on, and the
// calls of backends, which fail now and not at their deadline.
//
// The table comes before the engine: when Detach() lets the members leave,
// their changes are no longer enqueued for this link.
//
// Gateways::Remove() comes before Detach(): it begins the lease that
// OnLeaseEnded() looks up, and the engine may end it at any time after
// Detach(). `attach` is read after `ended` was set, and OnAttachNumber() does
// the opposite, so at least one of the two calls Detach().
void Links::Close(const AttachmentPtr& gateway, absl::string_view why) {
  if (gateway->ended.exchange(true)) return;
  {
    contract::MutexLock lock(&gateway->mu);
    gateway->pending.clear();
  }
  calls_->End(gateway);
  table_->Remove(gateway,
                 [this](ChannelShard& shard, absl::string_view channel) {
                   shard.mu.AssertHeld();
                   open_->OnListenerLeft(shard, channel);
                 });
  const bool is_newest = gateways_->Remove(gateway);
  observer_->OnLinkEnded(gateway->gateway, why);
  // The start may have waited for this gateway only.
  if (readiness_->phase() == Readiness::Phase::kStarting)
    settling_->SettleIfDue();
  if (readiness_->phase() == Readiness::Phase::kStopped) return;
  int64_t attach = 0;
  {
    contract::MutexLock lock(&gateway->mu);
    attach = gateway->attach;
  }
  if (attach == 0) {
    // OnAttachNumber() will detach it, unless the engine has failed already.
    if (is_newest && gateway->numberless) ForgetNumberless(gateway);
    return;
  }
  // Also if a newer link has taken over: the engine may give that no number.
  membership_->Detach(gateway->gateway, attach, is_newest && gateway->goodbye);
}

void Links::ForgetNumberless(const AttachmentPtr& gateway) {
  gateways_->EndLease(gateway->gateway, /*attach=*/0, options_.lost_memory);
}

void Links::OnLeaseEnded(uint64_t gateway, int64_t attach) {
  const auto lease = gateways_->EndLease(gateway, attach, options_.lost_memory);
  if (lease.has_value() && !lease->moving) observer_->OnLeaseExpired(gateway);
}

}  // namespace herald::core
