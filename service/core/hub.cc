// SPDX-License-Identifier: Apache-2.0
//
// Publishing and subscribing. hub_attach.cc has the life of links, hub_calls.cc
// what else backends ask.

#include "service/core/hub.h"

#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "proto/contract/limits.h"
#include "proto/contract/names.h"
#include "service/core/encoding.h"
#include "service/core/request_checks.h"

namespace herald::core {
namespace {

using contract::ChannelType;
using link::v1::Refused;

// Collects the receipts of one Broadcast, whose channels an engine may answer
// in any order. The call itself holds one share, so that `done` runs without a
// lock of the hub. It is gone with the last share.
class Gathering {
 public:
  Gathering(const v1::BroadcastRequest& request, Observer* observer,
            Hub::BroadcastDone done)
      : open_(request.channels_size() + 1),
        observer_(observer),
        done_(std::move(done)) {
    for (const std::string& channel : request.channels()) {
      response_.add_receipts()->set_channel(channel);
    }
  }

  // The engine's answer for the channel with that index in the request.
  void Take(int index, const absl::StatusOr<Engine::Receipt>& receipt) {
    if (receipt.ok()) {
      if (receipt->repeated) observer_->OnRepeated();
      v1::Receipt& out = *response_.mutable_receipts(index);
      out.set_epoch(receipt->position.epoch);
      out.set_offset(receipt->position.offset);
      out.set_subscribers(receipt->subscribers);
    } else {
      contract::MutexLock lock(&mu_);
      status_.Update(receipt.status());
    }
    GiveUpShare();
  }

  void GiveUpShare() {
    if (--open_ > 0) return;
    const std::unique_ptr<Gathering> self(this);
    contract::MutexLock lock(&mu_);
    if (status_.ok()) {
      done_(std::move(response_));
    } else {
      done_(status_);
    }
  }

 private:
  std::atomic<int> open_;
  Observer* const observer_;
  contract::Mutex mu_;
  absl::Status status_ ABSL_GUARDED_BY(mu_);
  v1::BroadcastResponse response_;  // Entries are made before, each set once.
  Hub::BroadcastDone done_;
};

// As `subscription_error` has it.
std::string NameOf(Refused::Code code) {
  return absl::AsciiStrToLower(
      absl::StripPrefix(Refused::Code_Name(code), "CODE_"));
}

// What a backend's Subscribe is answered for a refusal.
absl::Status StatusOf(Refused::Code code, absl::string_view reason) {
  switch (code) {
    case Refused::CODE_UNAUTHORIZED:
      return absl::PermissionDeniedError(reason);
    case Refused::CODE_CHANNEL_FULL:
    case Refused::CODE_TOO_MANY_CHANNELS:
      return absl::ResourceExhaustedError(reason);
    case Refused::CODE_INVALID_CHANNEL:
      return absl::InvalidArgumentError(reason);
    case Refused::CODE_CANCELLED:
      return absl::NotFoundError("the socket has closed or unsubscribed");
    default:
      return absl::UnavailableError(reason);
  }
}

// Zero means that the grant does not end; one that ends is never rounded there.
int64_t GrantMilliseconds(absl::Duration expires_after) {
  if (expires_after == absl::InfiniteDuration()) return 0;
  return std::max<int64_t>(1, absl::ToInt64Milliseconds(expires_after));
}

// A yes that keeps the rules of authorizer_service.proto, or the no that it
// counts as.
absl::Status CheckYes(const Decision& decision) {
  if (decision.expires_after <= absl::ZeroDuration()) {
    return absl::PermissionDeniedError("the authorizer's yes has expired");
  }
  if (!decision.member.has_value()) return absl::OkStatus();
  const absl::Status status = CheckMember(*decision.member);
  if (status.ok()) return status;
  return absl::PermissionDeniedError(
      absl::StrCat("the authorizer's member is not valid: ", status.message()));
}

Question QuestionOf(link::v1::Subscribe subscribe) {
  return {subscribe.socket_id(), subscribe.channel(),
          std::move(*subscribe.mutable_auth_token()),
          std::move(*subscribe.mutable_channel_data()),
          std::move(*subscribe.mutable_connection())};
}

}  // namespace

void Hub::Broadcast(const v1::BroadcastRequest& request, BroadcastDone done) {
  absl::Status status = CheckReady();
  if (status.ok()) {
    status = CheckBroadcast(request, options_.settings.max_payload());
  }
  // All or nothing.
  if (status.ok()) status = CheckPayloads(request);
  if (!status.ok()) return done(status);
  const int64_t now_us = absl::ToUnixMicros(timers_->Now());
  auto* const all = new Gathering(request, observer_, std::move(done));
  for (int i = 0; i < request.channels_size(); ++i) {
    auto publication = std::make_shared<Publication>();
    publication->channel = request.channels(i);
    publication->event = request.event();
    publication->data = request.data();
    publication->except_socket_id = request.except_socket_id();
    publication->published_us = now_us;
    Shard& shard = table_.ShardOf(request.channels(i));
    const ShardLock lock(shard);
    engine_->Publish(
        std::move(publication),
        {request.idempotency_key(), HistoryOf(shard, request.channels(i))},
        [all, i](const auto& receipt) { all->Take(i, receipt); });
  }
  all->GiveUpShare();
}

int64_t Hub::OnPublication(const PublicationPtr& publication) {
  Shard& shard = table_.ShardOf(publication->channel);
  shard.mu.AssertHeld();
  int64_t subscribers = 0;
  int64_t gateways = 0;
  const auto channel = shard.channels.find(publication->channel);
  if (channel != shard.channels.end()) {
    subscribers = channel->second.subscriber_count;
    for (const Interest& interest : channel->second.interests) {
      EnqueueIn(shard, interest.attachment->sink, publication->LinkChunk());
      ++gateways;
    }
  }
  const auto watches = shard.watches.find(publication->channel);
  if (watches != shard.watches.end()) {
    for (const SinkPtr& sink : watches->second) {
      EnqueueIn(shard, sink, publication->WatchChunk());
    }
  }
  observer_->OnPublished(static_cast<int64_t>(publication->data.size()),
                         subscribers, gateways, publication->whisper);
  return subscribers;
}

absl::Status Hub::OnSubscribe(const AttachmentPtr& gateway,
                              link::v1::Subscribe subscribe) {
  PendingSubscribe question{subscribe.ticket(), subscribe.socket_id(),
                            subscribe.channel(), subscribe.call_id()};
  if (question.ticket <= 0) {
    return absl::InvalidArgumentError("subscribe.ticket is not positive");
  }
  const absl::Status ready = CheckReady();
  if (!ready.ok()) {
    Refuse(gateway, question, Refused::CODE_UNAVAILABLE, ready.message());
    return absl::OkStatus();
  }
  const absl::Status name = contract::CheckChannelName(question.channel);
  if (!name.ok()) {
    Refuse(gateway, question, Refused::CODE_INVALID_CHANNEL, name.message());
    return absl::OkStatus();
  }
  if (subscribe.has_member()) {
    Allow(gateway, question, {.status = {}, .member = subscribe.member()},
          /*renewable=*/false);
    return absl::OkStatus();
  }
  if (!contract::NeedsAuthorization(question.channel)) {
    Allow(gateway, question, {}, /*renewable=*/false);
    return absl::OkStatus();
  }
  const int64_t ticket = question.ticket;
  {
    contract::MutexLock lock(&gateway->mu);
    if (!gateway->pending.try_emplace(ticket, std::move(question)).second) {
      return absl::InvalidArgumentError("subscribe.ticket is open already");
    }
  }
  authorizer_->Authorize(QuestionOf(std::move(subscribe)),
                         [this, gateway, ticket](Decision decision) {
                           Decide(gateway, ticket, std::move(decision));
                         });
  return absl::OkStatus();
}

void Hub::Decide(const AttachmentPtr& gateway, int64_t ticket,
                 Decision decision) {
  PendingSubscribe question;
  {
    contract::MutexLock lock(&gateway->mu);
    const auto it = gateway->pending.find(ticket);
    if (it == gateway->pending.end()) return;  // The link is gone.
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
    return Allow(gateway, question, std::move(decision), /*renewable=*/true);
  }
  Refuse(gateway, question,
         absl::IsPermissionDenied(decision.status) ? Refused::CODE_UNAUTHORIZED
                                                   : Refused::CODE_UNAVAILABLE,
         decision.status.message());
}

std::optional<Refusal> Hub::Admit(Shard& shard, absl::string_view channel,
                                  const std::optional<v1::Member>& member) {
  const bool presence = IsPresence(shard, channel);
  if (presence && !member.has_value()) {
    return Refusal{
        Refused::CODE_UNAUTHORIZED,
        "a presence channel needs a member, and the authorizer named none"};
  }
  if (presence &&
      engine_->MemberBytesWith(channel, *member) > contract::kMembersBytesMax) {
    return Refusal{Refused::CODE_CHANNEL_FULL,
                   absl::StrCat("channel ", channel, " has members of ",
                                contract::kMembersBytesMax, " bytes already")};
  }
  ChannelEntry* const entry = table_.Obtain(shard, channel, /*force=*/false);
  if (entry == nullptr) {
    return Refusal{Refused::CODE_TOO_MANY_CHANNELS,
                   absl::StrCat("there are ", options_.settings.max_channels(),
                                " channels already (BROADCAST_MAX_CHANNELS)")};
  }
  const int64_t limit = shard.rules->Of(channel).max_subscribers;
  if (limit == 0 || entry->subscriber_count < limit) return std::nullopt;
  return Refusal{
      Refused::CODE_CHANNEL_FULL,
      absl::StrCat(
          "channel ", channel, " has its ", limit, " subscribers (",
          shard.rules->Source(channel, &contract::ChannelRule::max_subscribers,
                              "BROADCAST_MAX_SUBSCRIBERS"),
          ")")};
}

void Hub::Allow(const AttachmentPtr& gateway, const PendingSubscribe& question,
                Decision decision, bool renewable) {
  link::v1::ServiceItem item;
  link::v1::Subscribed& yes = *item.mutable_subscribed();
  yes.set_ticket(question.ticket);
  yes.set_expires_after_ms(GrantMilliseconds(decision.expires_after));
  yes.set_renewable(renewable);
  if (decision.member.has_value()) *yes.mutable_member() = *decision.member;
  const std::string& channel = question.channel;
  std::optional<Refusal> refusal;
  {
    Shard& shard = table_.ShardOf(channel);
    const ShardLock lock(shard);
    if (gateway->ended) return;
    refusal = Admit(shard, channel, decision.member);
    if (!refusal.has_value()) {
      const bool first =
          shard.channels.at(channel).Find(gateway.get()) == nullptr;
      if (IsPresence(shard, channel)) {
        engine_->Join(channel, *decision.member,
                      {gateway->gateway, question.socket_id});
      }
      // Where rules count nobody too: it may have kept some of an earlier time.
      if (first && contract::TypeOfChannel(channel) == ChannelType::kPresence) {
        *yes.mutable_roster() = RosterOf(channel);
      }
      const HistoryLimits history = HistoryOf(shard, channel);
      if (history.size > 0) {
        *yes.mutable_position() =
            ToProto(engine_->PositionOf(channel, history));
      }
      table_.Change(shard, channel, gateway, 1);
      EnqueueIn(shard, gateway->sink, EncodeItem(std::move(item)));
    }
  }
  if (refusal.has_value()) {
    return Refuse(gateway, question, refusal->code, refusal->reason);
  }
  observer_->OnSubscribeAnswered("allowed");
  if (question.call_id != 0) calls_.Answer(question.call_id, gateway.get(), 0);
}

void Hub::Refuse(const AttachmentPtr& gateway, const PendingSubscribe& question,
                 Refused::Code code, absl::string_view reason) {
  link::v1::ServiceItem item;
  Refused& no = *item.mutable_refused();
  no.set_ticket(question.ticket);
  no.set_code(code);
  no.set_reason(PassableReason(reason));
  gateway->sink->Enqueue(EncodeItem(std::move(item)));
  gateway->sink->Flush();
  observer_->OnSubscribeAnswered(NameOf(code));
  if (question.call_id != 0) {
    calls_.Answer(question.call_id, gateway.get(), StatusOf(code, reason));
  }
}

absl::Status Hub::OnCancel(const AttachmentPtr& gateway, int64_t ticket) {
  int64_t call_id = 0;
  {
    // It stays open for as long as the authorizer has it: the answer is what
    // lets a gateway bound the questions of one socket.
    contract::MutexLock lock(&gateway->mu);
    const auto it = gateway->pending.find(ticket);
    if (it == gateway->pending.end()) return absl::OkStatus();
    it->second.cancelled = true;
    call_id = it->second.call_id;
  }
  if (call_id != 0) {
    calls_.Answer(call_id, gateway.get(),
                  StatusOf(Refused::CODE_CANCELLED, ""));
  }
  return absl::OkStatus();
}

absl::Status Hub::OnUnsubscribe(const AttachmentPtr& gateway,
                                const link::v1::Unsubscribe& unsubscribe) {
  const std::string& channel = unsubscribe.channel();
  Shard& shard = table_.ShardOf(channel);
  const ShardLock lock(shard);
  if (gateway->ended) return absl::OkStatus();
  const auto it = shard.channels.find(channel);
  if (it == shard.channels.end() || it->second.Find(gateway.get()) == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("unsubscribe names channel ", contract::Quoted(channel),
                     ", of which the gateway has no subscription"));
  }
  table_.Change(shard, channel, gateway, -1);
  OnListenerLeft(shard, channel);
  if (contract::TypeOfChannel(channel) == ChannelType::kPresence) {
    engine_->Leave(channel, unsubscribe.user_id(),
                   {gateway->gateway, unsubscribe.socket_id()},
                   shard.rules->Of(channel).member_grace);
  }
  return absl::OkStatus();
}

absl::Status Hub::OnWhisper(link::v1::Whisper whisper) {
  absl::Status status = contract::CheckChannelName(whisper.channel());
  if (!status.ok()) return status;
  auto publication = std::make_shared<Publication>();
  publication->channel = std::move(*whisper.mutable_channel());
  publication->event = std::move(*whisper.mutable_event());
  publication->data = std::move(*whisper.mutable_data());
  publication->except_socket_id = std::move(*whisper.mutable_socket_id());
  publication->whisper = true;
  publication->user_id = std::move(*whisper.mutable_user_id());
  publication->published_us = absl::ToUnixMicros(timers_->Now());
  Shard& shard = table_.ShardOf(publication->channel);
  const ShardLock lock(shard);
  // The gateway names the users of presence channels by their names.
  if (!IsPresence(shard, publication->channel)) publication->user_id.clear();
  // Nobody waits for the answer: a client event has no receipt.
  engine_->Publish(std::move(publication), {}, [](const auto& /*receipt*/) {});
  return absl::OkStatus();
}

absl::Status Hub::OnRenew(const AttachmentPtr& gateway,
                          link::v1::Subscribe subscribe) {
  const int64_t ticket = subscribe.ticket();
  const std::string channel = subscribe.channel();
  const std::string user_id = subscribe.member().user_id();
  absl::Status status = contract::CheckChannelName(channel);
  if (!status.ok()) return status;
  authorizer_->Authorize(
      QuestionOf(std::move(subscribe)),
      [gateway, ticket, user_id](Decision decision) {
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
        renewed.set_outcome(link::v1::Renewed::OUTCOME_UNDECIDED);
        if (answer.ok()) {
          renewed.set_outcome(link::v1::Renewed::OUTCOME_ALLOWED);
          renewed.set_expires_after_ms(
              GrantMilliseconds(decision.expires_after));
        } else if (absl::IsPermissionDenied(answer)) {
          renewed.set_outcome(link::v1::Renewed::OUTCOME_DENIED);
          renewed.set_reason(PassableReason(answer.message()));
        }
        gateway->sink->Enqueue(EncodeItem(std::move(item)));
        gateway->sink->Flush();
      });
  return absl::OkStatus();
}

}  // namespace herald::core
