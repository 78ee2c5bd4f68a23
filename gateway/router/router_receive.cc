// SPDX-License-Identifier: Apache-2.0
//
// What the service says: who of the shards it is for, and as what.

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gateway/router/channel_rules.h"
#include "gateway/router/router.h"
#include "proto/contract/names.h"

namespace herald::gateway {
namespace {

using contract::MutexLock;
using link::v1::GatewayItem;
using link::v1::ServiceItem;

bool IsPresence(absl::string_view channel) {
  return contract::TypeOfChannel(channel) == contract::ChannelType::kPresence;
}

EncodedMessagePtr MemberChange(const std::string& channel,
                               const v1::Member& member, bool added) {
  if (added) return ShareMessage(MemberAddedMessage{channel, member});
  return ShareMessage(MemberRemovedMessage{channel, member.user_id()});
}

absl::Duration GrantLife(int64_t expires_after_ms) {
  return expires_after_ms == 0 ? absl::InfiniteDuration()
                               : absl::Milliseconds(expires_after_ms);
}

}  // namespace

absl::Status Router::Receive(link::v1::AttachResponse frame) {
  UplinkPtr uplink;
  {
    MutexLock lock(&mu_);
    Batches batches(shards_.size());
    for (ServiceItem& item : *frame.mutable_items()) {
      Dispatch(std::move(item), &batches);
    }
    Post(std::move(batches));
    uplink = uplink_;
  }
  // What the items made us say: the end of a cancelled ticket, for instance.
  if (uplink != nullptr) uplink->Flush();
  return absl::OkStatus();
}

void Router::Dispatch(ServiceItem item, Batches* batches) {
  switch (item.item_case()) {
    case ServiceItem::kSettings:
      return OnSettings(std::move(*item.mutable_settings()), batches);
    case ServiceItem::kSettled:
      settled_ = true;
      return observer_->OnLinkSettled();
    case ServiceItem::kSubscribed:
      return OnSubscribed(item.subscribed(), batches);
    case ServiceItem::kRefused:
      return OnRefused(std::move(*item.mutable_refused()), batches);
    case ServiceItem::kPublication:
      return OnPublication(std::move(*item.mutable_publication()), batches);
    case ServiceItem::kMemberAdded: {
      v1::Member member;
      member.set_user_id(item.member_added().user_id());
      member.set_user_info(item.member_added().user_info());
      return OnMember(item.member_added().channel(), member, true, batches);
    }
    case ServiceItem::kMemberRemoved: {
      v1::Member member;
      member.set_user_id(item.member_removed().user_id());
      return OnMember(item.member_removed().channel(), member, false, batches);
    }
    case ServiceItem::kRoster:
      return OnRoster(item.roster(), batches);
    case ServiceItem::kRenewed: {
      const link::v1::Renewed& in = item.renewed();
      const auto it = renewals_.find(in.ticket());
      if (it == renewals_.end()) return;
      (*batches)[static_cast<size_t>(it->second)].push_back(
          Renewed{in.ticket(), in.outcome(), GrantLife(in.expires_after_ms()),
                  in.reason()});
      renewals_.erase(it);
      return;
    }
    case ServiceItem::kRevocation:
      for (auto& batch : *batches) batch.push_back(item.revocation());
      return;
    case ServiceItem::kRenewAll:
      for (auto& batch : *batches) batch.push_back(RenewAll{});
      return;
    case ServiceItem::kCall:
      return OnCall(std::move(*item.mutable_call()), batches);
    case ServiceItem::kRecovery:
      return OnRecovery(item.recovery(), batches);
    case ServiceItem::kCongestion:
      return OnCongestion(item.congestion(), batches);
    case ServiceItem::kNewPosition:
      return OnNewPosition(item.new_position(), batches);
    case ServiceItem::ITEM_NOT_SET:
      return;  // Of a newer service.
  }
}

void Router::OnSubscribed(const link::v1::Subscribed& yes, Batches* batches) {
  const auto it = tickets_.find(yes.ticket());
  if (it == tickets_.end()) return;
  const Ticket ticket = std::move(it->second);
  tickets_.erase(it);
  Held& held = held_[ticket.channel];
  --held.open_tickets;
  // Its first subscription here: nobody was told anything yet.
  if (yes.has_roster()) held.roster.Replace(yes.roster());
  const bool is_member = IsPresence(ticket.channel) && yes.has_member();
  if (ticket.cancelled) {
    GatewayItem end;
    end.mutable_unsubscribe()->set_ticket(yes.ticket());
    end.mutable_unsubscribe()->set_channel(ticket.channel);
    end.mutable_unsubscribe()->set_socket_id(ticket.socket_id);
    end.mutable_unsubscribe()->set_user_id(yes.member().user_id());
    Enqueue(std::move(end));
    ForgetIfUnused(ticket.channel);
    (*batches)[static_cast<size_t>(ticket.shard)].push_back(
        Refused{yes.ticket(), link::v1::Refused::CODE_CANCELLED, "",
                static_cast<int64_t>(yes.roster().ByteSizeLong())});
    return;
  }
  // Nobody has heard what came before, so that is where the channel begins.
  if (held.count == 0) held.history = HistoryAt(yes.position());
  Count(held, ticket.shard, 1);
  if (is_member) held.members.Add(yes.member(), ticket.socket_id);
  Confirmed confirmed;
  confirmed.ticket = yes.ticket();
  confirmed.channel = ticket.channel;
  confirmed.socket_id = ticket.socket_id;
  confirmed.user_id = yes.member().user_id();
  confirmed.is_member = is_member;
  if (is_member) {
    confirmed.user_info_bytes =
        static_cast<int64_t>(yes.member().user_info().size());
  }
  confirmed.expires_after = GrantLife(yes.expires_after_ms());
  confirmed.renewable = yes.renewable();
  Confirm(ticket.channel, held,
          {std::move(confirmed), ticket.shard, ticket.recover}, batches);
}

void Router::OnRefused(link::v1::Refused no, Batches* batches) {
  const auto it = tickets_.find(no.ticket());
  if (it == tickets_.end()) return;
  const Ticket ticket = std::move(it->second);
  tickets_.erase(it);
  --held_[ticket.channel].open_tickets;
  ForgetIfUnused(ticket.channel);
  (*batches)[static_cast<size_t>(ticket.shard)].push_back(
      Refused{no.ticket(), no.code(), std::move(*no.mutable_reason())});
}

void Router::OnPublication(link::v1::Publication publication,
                           Batches* batches) {
  const auto it = held_.find(publication.channel());
  if (it == held_.end() || it->second.count == 0) return;
  const std::string& channel = it->first;
  Held& held = it->second;
  const int64_t offset = publication.offset();
  ChannelHistory* const history = offset > 0 ? held.history.get() : nullptr;
  if (history != nullptr && !history->Wants(offset)) {
    if (history->Skip(offset)) {
      observer_->OnGap();
      SettleHistory(channel, held, batches);
    }
    return;
  }
  ChannelMessage message;
  message.channel = channel;
  message.published_us = publication.published_us();
  const std::optional<contract::SocketId> except =
      contract::ParseSocketId(publication.except_socket_id());
  if (except.has_value() && except->gateway == gateway_id_) {
    message.except_socket = except->socket;
  }
  if (publication.whisper()) {
    message.whisper = std::make_shared<WhisperOrigin>();
    message.whisper->socket_id = publication.except_socket_id();
    message.whisper->bytes = static_cast<int64_t>(publication.data().size());
  }
  // What was asked for is not dropped (Session::OnConfirmed()).
  if (history == nullptr || offset == history->position().offset() + 1) {
    message.droppable = DroppableOf(publication, held);
  }
  message.message = ShareMessage(EventMessage{std::move(publication)});
  const auto shared =
      std::make_shared<const ChannelMessage>(std::move(message));
  if (history == nullptr) return ToSubscribers(held, shared, batches);
  if (history->Take(offset, shared, missed_bytes_max_)) {
    ToSubscribers(held, shared, batches);
  }
  if (history->IsComplete()) SettleHistory(channel, held, batches);
}

std::shared_ptr<const Droppable> Router::DroppableOf(
    const link::v1::Publication& publication, Held& held) {
  const std::string& channel = publication.channel();
  if (rules_->Of(channel).slow_consumer ==
      contract::SlowConsumer::kDisconnect) {
    return nullptr;
  }
  Droppable droppable;
  droppable.channel = channel;
  if (publication.whisper()) droppable.kind = Droppable::Kind::kWhisper;
  if (publication.offset() > 0 && held.history != nullptr) {
    v1::Position before = held.history->position();
    before.set_offset(publication.offset() - 1);
    SubscribedMessage lost{channel, nullptr, std::move(before), false};
    // The roster of this place in the order, whenever it is needed.
    if (IsPresence(channel)) lost.members = held.roster.Snapshot();
    droppable.lost = ShareMessage(std::move(lost));
  }
  return std::make_shared<const Droppable>(std::move(droppable));
}

void Router::OnMember(const std::string& channel, const v1::Member& member,
                      bool added, Batches* batches) {
  const auto it = held_.find(channel);
  if (it == held_.end()) return;
  Held& held = it->second;
  const bool changed =
      added ? held.roster.Add(member) : held.roster.Remove(member.user_id());
  if (!changed) return;
  ToSubscribers(held, {channel, MemberChange(channel, member, added)}, batches);
}

void Router::OnRoster(const link::v1::Roster& roster, Batches* batches) {
  const auto it = held_.find(roster.channel());
  if (it == held_.end()) return;
  const std::string& channel = it->first;
  Held& held = it->second;
  const Roster::Difference difference = held.roster.Replace(roster);
  for (const v1::Member& member : difference.added) {
    ToSubscribers(held, {channel, MemberChange(channel, member, true)},
                  batches);
  }
  for (const std::string& user_id : difference.removed) {
    v1::Member member;
    member.set_user_id(user_id);
    ToSubscribers(held, {channel, MemberChange(channel, member, false)},
                  batches);
  }
}

void Router::OnCongestion(const link::v1::Congestion& congestion,
                          Batches* batches) {
  const int shard = ShardOf(congestion.socket_id());
  if (shard < 0) return;
  (*batches)[static_cast<size_t>(shard)].push_back(
      Congested{contract::ParseSocketId(congestion.socket_id())->socket,
                congestion.bytes()});
}

void Router::OnCall(link::v1::Call call, Batches* batches) {
  using Call = link::v1::Call;
  std::string socket_id;
  switch (call.call_case()) {
    case Call::kSubscribe:
      socket_id = call.subscribe().socket_id();
      break;
    case Call::kUnsubscribe:
      socket_id = call.unsubscribe().socket_id();
      break;
    case Call::kDisconnect:
      socket_id = call.disconnect().socket_id();
      if (!call.disconnect().has_user_id()) break;
      calls_[call.call_id()].parts = static_cast<int>(shards_.size());
      for (auto& batch : *batches) batch.push_back(call);
      return;
    case Call::CALL_NOT_SET:
      return;  // Of a newer service, which will not wait for ever.
  }
  const int shard = ShardOf(socket_id);
  if (shard >= 0) {
    (*batches)[static_cast<size_t>(shard)].push_back(std::move(call));
    return;
  }
  GatewayItem item;
  item.mutable_call_result()->set_call_id(call.call_id());
  item.mutable_call_result()->set_code(
      static_cast<int>(absl::StatusCode::kNotFound));
  item.mutable_call_result()->set_message(
      absl::StrCat("no gateway has socket ", contract::Quoted(socket_id)));
  Enqueue(std::move(item));
}

void Router::OnSettings(link::v1::Settings settings, Batches* batches) {
  settings_waiting_ = static_cast<int>(shards_.size());
  settings_ = std::make_shared<const link::v1::Settings>(std::move(settings));
  rules_ = CompileRules(*settings_);
  for (auto& batch : *batches) batch.push_back(NewSettings{settings_, rules_});
}

void Router::ToSubscribers(const Held& held, ChannelMessage message,
                           Batches* batches) {
  ToSubscribers(held,
                std::make_shared<const ChannelMessage>(std::move(message)),
                batches);
}

void Router::ToSubscribers(const Held& held, const ChannelMessagePtr& shared,
                           Batches* batches) {
  for (size_t shard = 0; shard < held.by_shard.size(); ++shard) {
    if (held.by_shard[shard] > 0) (*batches)[shard].push_back(shared);
  }
}

}  // namespace herald::gateway
