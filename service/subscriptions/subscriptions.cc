// SPDX-License-Identifier: Apache-2.0

#include "service/subscriptions/subscriptions.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "proto/contract/limits.h"
#include "proto/contract/names.h"
#include "service/channel/encoding.h"
#include "service/channel/request_checks.h"

namespace herald::core {
namespace {

using link::v1::Refused;

// The code in a `subscription_error`.
std::string NameOf(Refused::Code code) {
  return absl::AsciiStrToLower(
      absl::StripPrefix(Refused::Code_Name(code), "CODE_"));
}

// The answer to a backend's Subscribe that is refused.
absl::Status StatusOf(Refused::Code code, absl::string_view reason) {
  switch (code) {
    case Refused::CODE_UNAUTHORIZED:
      return absl::PermissionDeniedError(reason);
    case Refused::CODE_CHANNEL_FULL:
    case Refused::CODE_TOO_MANY_CHANNELS:
      return absl::ResourceExhaustedError(reason);
    case Refused::CODE_INVALID_CHANNEL:
    case Refused::CODE_INVALID_MESSAGE:
      return absl::InvalidArgumentError(reason);
    case Refused::CODE_CANCELLED:
      return absl::NotFoundError("the socket has closed or unsubscribed");
    default:
      return absl::UnavailableError(reason);
  }
}

// Zero: the grant does not expire. A grant that does is never rounded to zero.
int64_t GrantMilliseconds(absl::Duration expires_after) {
  if (expires_after == absl::InfiniteDuration()) return 0;
  return std::max<int64_t>(1, absl::ToInt64Milliseconds(expires_after));
}

// OK if a yes keeps the rules of authorizer_service.proto. Otherwise the no
// that it counts as.
absl::Status CheckYes(const Verdict& decision) {
  if (decision.expires_after <= absl::ZeroDuration()) {
    return absl::PermissionDeniedError("the authorizer's yes has expired");
  }
  if (!decision.member.has_value()) return absl::OkStatus();
  const absl::Status status = CheckMember(*decision.member);
  if (status.ok()) return status;
  return absl::PermissionDeniedError(
      absl::StrCat("the authorizer's member is not valid: ", status.message()));
}

Question QuestionOf(const Attachment& gateway, link::v1::Subscribe subscribe) {
  return {std::move(*subscribe.mutable_socket_id()),
          std::move(*subscribe.mutable_channel()),
          std::move(*subscribe.mutable_auth_token()),
          std::move(*subscribe.mutable_channel_data()),
          std::move(*subscribe.mutable_connection()),
          gateway.source};
}

}  // namespace

absl::Status Subscriptions::OnSubscribe(const AttachmentPtr& gateway,
                                        link::v1::Subscribe subscribe) {
  PendingSubscribe question{subscribe.ticket(), subscribe.socket_id(),
                            subscribe.channel(), subscribe.call_id()};
  const absl::Status ready = readiness_->Check();
  if (!ready.ok()) {
    Refuse(gateway, question, Refused::CODE_UNAVAILABLE, ready.message());
    return absl::OkStatus();
  }
  const absl::Status name = contract::CheckChannelName(question.channel);
  if (!name.ok()) {
    Refuse(gateway, question, Refused::CODE_INVALID_CHANNEL, name.message());
    return absl::OkStatus();
  }
  if (question.call_id != 0 && !calls_->Claim(subscribe, gateway)) {
    // No backend vouches for the member, and none waits for the answer. The
    // link goes on, because a call may time out before its subscribe arrives.
    question.call_id = 0;
    Refuse(gateway, question, Refused::CODE_UNAVAILABLE,
           "the backend's Subscribe is not open any more; subscribe again");
    return absl::OkStatus();
  }
  if (subscribe.has_member()) {
    Allow({gateway,
           std::move(question),
           {.status = {}, .member = subscribe.member()}});
    return absl::OkStatus();
  }
  if (!contract::NeedsAuthorization(question.channel)) {
    Allow({gateway, std::move(question), {}});
    return absl::OkStatus();
  }
  // Pending before it is asked: an authorizer may decide inside the call, as
  // the one for signatures does.
  const int64_t ticket = question.ticket;
  {
    contract::MutexLock lock(&gateway->mu);
    if (!gateway->pending.try_emplace(ticket, std::move(question)).second) {
      return absl::InvalidArgumentError("subscribe.ticket is open already");
    }
  }
  authorizer_->Authorize(QuestionOf(*gateway, std::move(subscribe)),
                         [this, gateway, ticket](Verdict decision) {
                           Decide(gateway, ticket, std::move(decision));
                         });
  return absl::OkStatus();
}

void Subscriptions::Decide(const AttachmentPtr& gateway, int64_t ticket,
                           Verdict decision) {
  PendingSubscribe question;
  {
    contract::MutexLock lock(&gateway->mu);
    const auto it = gateway->pending.find(ticket);
    if (it == gateway->pending.end()) return;  // The link has ended.
    question = std::move(it->second);
    gateway->pending.erase(it);
  }
  if (question.cancelled) {
    return Refuse(gateway, question, Refused::CODE_CANCELLED, "cancelled");
  }
  if (decision.status.ok()) {
    decision.status = CheckYes(decision);
  }
  if (decision.status.ok()) {
    return Allow({gateway, std::move(question), std::move(decision),
                  /*renewable=*/true});
  }
  Refuse(gateway, question, RefusalCode(decision.status),
         decision.status.message());
}

void Subscriptions::Allow(Granted granted) {
  ChannelShard& shard = table_->ShardOf(granted.question.channel);
  const ShardLock lock(shard);
  if (granted.gateway->ended) return;
  // The common case: needs no allocation for a later answer.
  if (open_->IsOpen(shard, granted.question.channel)) {
    return Admit(shard, std::move(granted));
  }
  // Do not open a channel for a subscribe that will be refused.
  if (NeedsMember(shard, granted)) {
    return RefuseLater(shard, std::move(granted), NoMember());
  }
  if (table_->IsFull(shard, granted.question.channel)) {
    return RefuseLater(shard, std::move(granted), TooManyChannels());
  }
  const std::string channel = granted.question.channel;
  open_->WhenOpen(
      shard, channel,
      [this, granted = std::move(granted)](ChannelShard& held,
                                           const absl::Status& opened) mutable {
        held.mu.AssertHeld();
        if (granted.gateway->ended) return;
        if (opened.ok()) return Admit(held, std::move(granted));
        RefuseLater(held, std::move(granted),
                    {Refused::CODE_UNAVAILABLE, std::string(opened.message())});
      });
}

Refusal Subscriptions::NoMember() {
  return {Refused::CODE_UNAUTHORIZED,
          "a presence channel needs a member, and the authorizer named none"};
}

Refusal Subscriptions::TooManyChannels() const {
  return {Refused::CODE_TOO_MANY_CHANNELS,
          absl::StrCat("there are ", channels_max_,
                       " channels already (BROADCAST_MAX_CHANNELS)")};
}

bool Subscriptions::NeedsMember(const ChannelShard& shard,
                                const Granted& granted) {
  return IsPresence(shard, granted.question.channel) &&
         !granted.decision.member.has_value();
}

// Reserves before it asks the engine, which may answer later. The reservation
// keeps the channel open until Finish(). It also counts: against max_channels
// in the table, and against max_subscribers in `subscription.count`. Otherwise
// concurrent subscribes could all pass the same limit.
void Subscriptions::Admit(ChannelShard& shard, Granted granted) {
  const std::string channel = granted.question.channel;
  const bool present = IsPresence(shard, channel);
  if (NeedsMember(shard, granted)) {
    return RefuseLater(shard, std::move(granted), NoMember());
  }
  const ChannelEntry* const entry =
      table_->Reserve(shard, channel, /*force=*/false);
  if (entry == nullptr) {
    return RefuseLater(shard, std::move(granted), TooManyChannels());
  }
  AdmissionRequest subscription;
  subscription.socket = {granted.gateway->gateway, granted.question.socket_id};
  subscription.attach = granted.gateway->attach;
  if (present) subscription.member = granted.decision.member;
  // Without this one, which was reserved above.
  subscription.count = entry->subscriber_count + entry->reserved - 1;
  subscription.count_max = shard.rules->Of(channel).max_subscribers;
  membership_->Admit(channel, std::move(subscription),
                     [this, present, granted = std::move(granted)](
                         Admission admission) mutable {
                       ChannelShard& held =
                           table_->ShardOf(granted.question.channel);
                       held.mu.AssertHeld();
                       Finish(held, std::move(granted), present, admission);
                     });
}

void Subscriptions::Finish(ChannelShard& shard, Granted granted, bool present,
                           Admission admission) {
  const std::string channel = granted.question.channel;
  const AttachmentPtr gateway = granted.gateway;
  const bool changed = present != IsPresence(shard, channel);
  if (admission != Admission::kAdmitted) {
    Refusal refusal = RefusalOf(shard, channel, admission);
    if (!gateway->ended) {
      RefuseLater(shard, std::move(granted), std::move(refusal));
    }
  } else if (changed || gateway->ended) {
    // A gateway that has not received `subscribed` will not unsubscribe.
    membership_->Dismiss(
        channel, present ? granted.decision.member->user_id() : "",
        {gateway->gateway, granted.question.socket_id}, gateway->attach,
        changed ? absl::ZeroDuration() : shard.rules->Of(channel).member_grace);
    if (!gateway->ended) {
      // The rules have changed meanwhile: as if it had been asked now.
      table_->EndReservation(shard, channel);
      Admit(shard, std::move(granted));
      return open_->OnListenerLeft(shard, channel);
    }
  } else {
    Confirm(shard, std::move(granted));
  }
  // After Confirm(), so that the entry never becomes empty between. If the
  // subscribe was refused, the channel may now be without listeners.
  table_->EndReservation(shard, channel);
  open_->OnListenerLeft(shard, channel);
}

// The position is read here, in the locked section that also adds the
// subscription and enqueues `subscribed`: nothing is published between. So the
// gateway receives exactly the publications after the position, and after
// `subscribed`. A position read when the channel was opened would leave a gap.
//
// The roster is read before Change(): only a gateway's first subscription needs
// it, and IsSubscribed() is true afterwards. The item is enqueued after
// Change(), because a write in flight may send it at once. Replies of the
// gateway wait for the shard's lock and find the subscription.
void Subscriptions::Confirm(ChannelShard& shard, Granted granted) {
  const std::string& channel = granted.question.channel;
  const AttachmentPtr& gateway = granted.gateway;
  link::v1::ServiceItem item;
  link::v1::Subscribed& yes = *item.mutable_subscribed();
  yes.set_ticket(granted.question.ticket);
  yes.set_expires_after_ms(GrantMilliseconds(granted.decision.expires_after));
  yes.set_renewable(granted.renewable);
  if (granted.decision.member.has_value()) {
    *yes.mutable_member() = *granted.decision.member;
  }
  // Even if the rules disable presence: the gateway may have an old roster.
  if (HasRoster(channel) && !IsSubscribed(shard, channel, gateway.get())) {
    *yes.mutable_roster() = fanout_->RosterOf(channel);
  }
  const std::optional<Position> position = log_->PositionOf(channel);
  if (position.has_value()) *yes.mutable_position() = ToProto(*position);
  table_->Change(shard, channel, gateway, 1);
  // Not against the outbox's bound: a gateway may ask for a hundred rosters.
  const bool is_state = yes.has_roster();
  Chunk chunk = EncodeItem(std::move(item));
  if (is_state) {
    EnqueueStateIn(shard, gateway->sink, std::move(chunk));
  } else {
    EnqueueIn(shard, gateway->sink, std::move(chunk));
  }
  AfterLock(shard, [this, gateway, question = std::move(granted.question)] {
    observer_->OnSubscribeAnswered(question.socket_id, question.channel,
                                   "allowed");
    if (question.call_id != 0) {
      calls_->Answer(question.call_id, gateway, 0);
    }
  });
}

Refusal Subscriptions::RefusalOf(const ChannelShard& shard,
                                 absl::string_view channel,
                                 Admission admission) const {
  switch (admission) {
    case Admission::kTooManyMembers:
      return {Refused::CODE_CHANNEL_FULL,
              absl::StrCat("channel ", channel, " has members of ",
                           contract::kMembersBytesMax, " bytes already")};
    case Admission::kTooManySubscribers:
      return {Refused::CODE_CHANNEL_FULL,
              absl::StrCat("channel ", channel, " has its ",
                           shard.rules->Of(channel).max_subscribers,
                           " subscribers (",
                           shard.rules->Source(
                               channel, &contract::ChannelRule::max_subscribers,
                               "BROADCAST_MAX_SUBSCRIBERS"),
                           ")")};
    case Admission::kAdmitted:
    case Admission::kUnavailable:
      break;
  }
  return {Refused::CODE_UNAVAILABLE, "the subscription cannot be decided now"};
}

void Subscriptions::RefuseLater(ChannelShard& shard, Granted granted,
                                Refusal refusal) {
  AfterLock(shard, [this, granted = std::move(granted),
                    refusal = std::move(refusal)] {
    Refuse(granted.gateway, granted.question, refusal.code, refusal.reason);
  });
}

void Subscriptions::Refuse(const AttachmentPtr& gateway,
                           const PendingSubscribe& question, Refused::Code code,
                           absl::string_view reason) {
  gateway->sink->Enqueue(
      EncodeItem(RefusedItem(question.ticket, code, reason)));
  gateway->sink->Flush();
  observer_->OnSubscribeAnswered(question.socket_id, question.channel,
                                 NameOf(code));
  if (question.call_id != 0) {
    calls_->Answer(question.call_id, gateway, StatusOf(code, reason));
  }
}

absl::Status Subscriptions::OnCancel(const AttachmentPtr& gateway,
                                     int64_t ticket) {
  int64_t call_id = 0;
  {
    // The question stays open until the authorizer has decided: gateways bound
    // the questions of a socket by their answers.
    contract::MutexLock lock(&gateway->mu);
    const auto it = gateway->pending.find(ticket);
    if (it == gateway->pending.end()) return absl::OkStatus();
    it->second.cancelled = true;
    call_id = it->second.call_id;
  }
  // The backend does not wait for the authorizer
  // (ACall.IsAnsweredAtOnceWhenItsSubscribeIsCancelled).
  if (call_id != 0) {
    calls_->Answer(call_id, gateway, StatusOf(Refused::CODE_CANCELLED, ""));
  }
  return absl::OkStatus();
}

absl::Status Subscriptions::OnUnsubscribe(
    const AttachmentPtr& gateway, const link::v1::Unsubscribe& unsubscribe) {
  const std::string& channel = unsubscribe.channel();
  ChannelShard& shard = table_->ShardOf(channel);
  const ShardLock lock(shard);
  if (gateway->ended) return absl::OkStatus();
  if (!IsSubscribed(shard, channel, gateway.get())) {
    return absl::InvalidArgumentError(
        absl::StrCat("unsubscribe names channel ", contract::Quoted(channel),
                     ", of which the gateway has no subscription"));
  }
  // The table first, as in Links::Close(): a gateway without a subscription
  // left gets no change of the members. OnListenerLeft() last, because it may
  // close the channel.
  table_->Change(shard, channel, gateway, -1);
  membership_->Dismiss(
      channel, unsubscribe.user_id(),
      {gateway->gateway, unsubscribe.socket_id()}, gateway->attach,
      HasRoster(channel) ? shard.rules->Of(channel).member_grace
                         : absl::ZeroDuration());
  open_->OnListenerLeft(shard, channel);
  return absl::OkStatus();
}

absl::Status Subscriptions::OnRenew(const AttachmentPtr& gateway,
                                    link::v1::Subscribe subscribe) {
  const int64_t ticket = subscribe.ticket();
  const std::string channel = subscribe.channel();
  const std::string user_id = subscribe.member().user_id();
  authorizer_->Authorize(
      QuestionOf(*gateway, std::move(subscribe)),
      [gateway, ticket, user_id](Verdict decision) {
        if (gateway->ended) return;
        absl::Status answer = decision.status;
        if (answer.ok()) answer = CheckYes(decision);
        if (answer.ok() && !user_id.empty() &&
            (!decision.member || decision.member->user_id() != user_id)) {
          answer = absl::PermissionDeniedError("the user has changed");
        }
        link::v1::ServiceItem item;
        link::v1::Renewed& renewed = *item.mutable_renewed();
        renewed.set_ticket(ticket);
        // An authorizer that is away ends no grant before its time.
        renewed.set_outcome(link::v1::Renewed::OUTCOME_UNDECIDED);
        if (answer.ok()) {
          renewed.set_outcome(link::v1::Renewed::OUTCOME_ALLOWED);
          renewed.set_expires_after_ms(
              GrantMilliseconds(decision.expires_after));
        } else if (RefusalCode(answer) != Refused::CODE_UNAVAILABLE) {
          renewed.set_outcome(link::v1::Renewed::OUTCOME_DENIED);
          renewed.set_reason(PassableReason(answer.message()));
        }
        gateway->sink->Enqueue(EncodeItem(std::move(item)));
        gateway->sink->Flush();
      });
  return absl::OkStatus();
}

}  // namespace herald::core
