// SPDX-License-Identifier: Apache-2.0

#include "gateway/router/item_dispatcher.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "gateway/channels/channel_rules.h"
#include "gateway/router/call_results.h"
#include "proto/contract/names.h"

namespace herald::gateway {
namespace {

using link::v1::GatewayItem;

using contract::ChannelKey;
using contract::ChannelKeyView;

bool IsPresence(ChannelKeyView channel) {
  return contract::TypeOfChannel(channel.name) ==
         contract::ChannelType::kPresence;
}

ChannelMessage MemberChange(ChannelKeyView channel, const v1::Member& member,
                            bool added) {
  std::string name(channel.name);
  return {ChannelKey(channel),
          added ? ShareMessage(MemberAddedMessage{std::move(name), member})
                : ShareMessage(
                      MemberRemovedMessage{std::move(name), member.user_id()})};
}

absl::Duration GrantLife(int64_t expires_after_ms) {
  return expires_after_ms == 0 ? absl::InfiniteDuration()
                               : absl::Milliseconds(expires_after_ms);
}

}  // namespace

void ItemDispatcher::Dispatch(link::v1::ServiceItem item, Batches* batches) {
  using link::v1::ServiceItem;
  switch (item.item_case()) {
    case ServiceItem::kSettings:
      return OnSettings(std::move(*item.mutable_settings()), batches);
    case ServiceItem::kSettled:
      *settled_ = true;
      return state_->observer->OnLinkSettled();
    case ServiceItem::kSubscribed:
      return OnSubscribed(item.subscribed(), batches);
    case ServiceItem::kRefused:
      return OnRefused(std::move(*item.mutable_refused()), batches);
    case ServiceItem::kSocketAnswer:
      return OnSocketAnswer(std::move(*item.mutable_socket_answer()), batches);
    case ServiceItem::kPublication:
      return OnPublication(std::move(*item.mutable_publication()), batches);
    case ServiceItem::kMemberAdded: {
      v1::Member member;
      member.set_user_id(item.member_added().user_id());
      member.set_user_info(item.member_added().user_info());
      return OnMember(ChannelKeyView::FromText(item.member_added().channel()),
                      member, true, batches);
    }
    case ServiceItem::kMemberRemoved: {
      v1::Member member;
      member.set_user_id(item.member_removed().user_id());
      return OnMember(ChannelKeyView::FromText(item.member_removed().channel()),
                      member, false, batches);
    }
    case ServiceItem::kRoster:
      return OnRoster(item.roster(), batches);
    case ServiceItem::kRenewed:
      return OnRenewed(std::move(*item.mutable_renewed()), batches);
    case ServiceItem::kRevocation:
      return batches->AddToAll(item.revocation());
    case ServiceItem::kRenewAll:
      return batches->AddToAll(RenewAll{});
    case ServiceItem::kCall:
      return OnCall(std::move(*item.mutable_call()), batches);
    case ServiceItem::kRecovery:
      return history_->OnRecovery(item.recovery(), batches);
    case ServiceItem::kCongestion:
      return OnCongestion(item.congestion(), batches);
    case ServiceItem::kNewPosition:
      return history_->OnNewPosition(item.new_position(), batches);
    case ServiceItem::ITEM_NOT_SET:
      return;  // From a newer service.
  }
}

void ItemDispatcher::OnSubscribed(const link::v1::Subscribed& yes,
                                  Batches* batches) {
  const auto it = state_->tickets.find(yes.ticket());
  if (it == state_->tickets.end()) return;
  const OpenTicket ticket = std::move(it->second);
  state_->tickets.erase(it);
  HeldChannel& held = state_->held.Obtain(ticket.channel);
  // The first subscription of the channel here: no socket knows a member yet.
  // Also for a cancelled ticket: the service sends the roster with the first
  // yes of a channel only, and another ticket may be open
  // (ARouter.KeepsTheRosterWhileASubscribeIsOpen).
  if (yes.has_roster()) held.roster.Replace(yes.roster());
  if (ticket.cancelled) return OnCancelled(ticket, yes, batches);
  const bool is_member = IsPresence(ticket.channel) && yes.has_member();
  // No socket has received an event, so the history starts here.
  if (held.count == 0) held.history = HistoryAt(yes.position());
  HeldChannels::Count(held, ticket.shard, state_->shards.size());
  --held.open_tickets;  // The channel stays: it is counted now.
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
  history_->Confirm(ticket.channel, held,
                    {std::move(confirmed), ticket.shard, ticket.recover},
                    batches);
}

void ItemDispatcher::OnCancelled(const OpenTicket& ticket,
                                 const link::v1::Subscribed& yes,
                                 Batches* batches) {
  // The service has counted the subscription: the yes and the cancel have
  // crossed. So it is ended like a subscription in use. The socket learns of a
  // refusal, and pays for a roster that it caused without waiting for it
  // (ASessionThatAsksAgain.PaysForARosterThatItDoesNotWaitFor).
  link::v1::Unsubscribe end;
  end.set_ticket(yes.ticket());
  end.set_channel(ticket.channel.text());
  end.set_socket_id(ticket.socket_id);
  end.set_user_id(yes.member().user_id());
  state_->EnqueueCrossed(std::move(end));
  state_->held.CloseTicket(ticket.channel);
  batches->Add(ticket.shard,
               Refused{yes.ticket(), link::v1::Refused::CODE_CANCELLED, "",
                       static_cast<int64_t>(yes.roster().ByteSizeLong())});
}

void ItemDispatcher::OnRefused(link::v1::Refused no, Batches* batches) {
  const auto it = state_->tickets.find(no.ticket());
  if (it == state_->tickets.end()) {
    // Subscribes and questions about sockets are numbered by one counter, so a
    // number is in one of the two tables.
    return AnswerSocket({0, no.ticket(), std::nullopt, no.code(),
                         std::move(*no.mutable_reason())},
                        batches);
  }
  const OpenTicket ticket = std::move(it->second);
  state_->tickets.erase(it);
  state_->held.CloseTicket(ticket.channel);
  batches->Add(ticket.shard, Refused{no.ticket(), no.code(),
                                     std::move(*no.mutable_reason())});
}

void ItemDispatcher::OnSocketAnswer(link::v1::SocketAnswer answer,
                                    Batches* batches) {
  SocketAnswered answered;
  answered.ticket = answer.ticket();
  if (answer.has_signed_in()) {
    answered.user = std::move(*answer.mutable_signed_in()->mutable_user());
  } else {
    answered.code = link::v1::Refused::CODE_UNAVAILABLE;
    answered.reason = "the service gave an answer of an unknown kind";
  }
  AnswerSocket(std::move(answered), batches);
}

void ItemDispatcher::AnswerSocket(SocketAnswered answer, Batches* batches) {
  const auto it = state_->socket_questions.find(answer.ticket);
  if (it == state_->socket_questions.end()) return;
  const OpenSocketQuestion asked = it->second;
  state_->socket_questions.erase(it);
  answer.socket = asked.socket;
  batches->Add(asked.shard, std::move(answer));
}

void ItemDispatcher::OnRenewed(link::v1::Renewed answer, Batches* batches) {
  // Not found if the subscription has ended before the answer
  // (Router::Forget()).
  const auto it = state_->renewals.find(answer.ticket());
  if (it == state_->renewals.end()) return;
  batches->Add(it->second, Renewed{answer.ticket(), answer.outcome(),
                                   GrantLife(answer.expires_after_ms()),
                                   std::move(*answer.mutable_reason())});
  state_->renewals.erase(it);
}

void ItemDispatcher::OnPublication(link::v1::Publication publication,
                                   Batches* batches) {
  const auto channel = ChannelKeyView::FromText(publication.channel());
  HeldChannel* const held = state_->held.Find(channel);
  // Open tickets alone need no publication: the yes brings the position to
  // start from.
  if (held == nullptr || held->count == 0) return;
  const int64_t offset = publication.offset();
  const bool is_numbered = offset > 0 && held->history != nullptr;
  // Before the message is made: a publication behind a gap is not delivered,
  // but requested again with those that are missing.
  if (is_numbered && !history_->Wants(channel, *held, offset, batches)) return;
  ChannelMessage message;
  message.channel = ChannelKey(channel);
  message.published_us = publication.published_us();
  const std::optional<contract::SocketId> except =
      contract::ParseSocketId(publication.except_socket_id());
  if (except.has_value() && except->gateway == state_->gateway_id) {
    message.except_socket = except->socket;
  }
  if (publication.whisper()) {
    message.whisper = std::make_shared<WhisperOrigin>();
    message.whisper->socket_id = publication.except_socket_id();
    message.whisper->bytes = static_cast<int64_t>(publication.data().size());
  }
  // Requested publications are not dropped (Session::OnConfirmed()).
  if (!is_numbered || offset == held->history->position().offset() + 1) {
    message.droppable = DroppableOf(message.channel, publication, *held);
  }
  // Clients know names. This ends `channel`, which is a view of the text.
  if (!message.channel.app().empty()) {
    publication.set_channel(std::string(message.channel.name()));
  }
  message.message = ShareMessage(EventMessage{std::move(publication)});
  const auto shared =
      std::make_shared<const ChannelMessage>(std::move(message));
  if (is_numbered) {
    return history_->Take(shared->channel, *held, offset, shared, batches);
  }
  HeldChannels::Deliver(*held, shared, batches);
}

std::shared_ptr<const Droppable> ItemDispatcher::DroppableOf(
    const ChannelKey& channel, const link::v1::Publication& publication,
    HeldChannel& held) {
  if (state_->rules->Of(channel.text()).slow_consumer ==
      contract::SlowConsumer::kDisconnect) {
    return nullptr;
  }
  Droppable droppable;
  droppable.channel = channel;
  if (publication.whisper()) droppable.kind = Droppable::Kind::kWhisper;
  if (publication.offset() > 0 && held.history != nullptr) {
    v1::Position before = held.history->position();
    before.set_offset(publication.offset() - 1);
    SubscribedMessage lost{std::string(channel.name()), nullptr,
                           std::move(before), false};
    // The roster at this place in the order, for a later use.
    if (IsPresence(channel)) lost.members = held.roster.Snapshot();
    droppable.lost = ShareMessage(std::move(lost));
  }
  return std::make_shared<const Droppable>(std::move(droppable));
}

void ItemDispatcher::OnMember(ChannelKeyView channel, const v1::Member& member,
                              bool added, Batches* batches) {
  // Applied without a subscriber, too: an open ticket may get a yes without a
  // roster, and answers with this one.
  HeldChannel* const held = state_->held.Find(channel);
  if (held == nullptr) return;
  const bool changed =
      added ? held->roster.Add(member) : held->roster.Remove(member.user_id());
  // Sockets get each change once, even if the link repeats it
  // (ARouter.AnnouncesMembersInOrderAndOnce).
  if (!changed) return;
  HeldChannels::Deliver(*held, MemberChange(channel, member, added), batches);
}

void ItemDispatcher::OnRoster(const link::v1::Roster& roster,
                              Batches* batches) {
  const auto channel = ChannelKeyView::FromText(roster.channel());
  HeldChannel* const held = state_->held.Find(channel);
  if (held == nullptr) return;
  // After an attach the service sends the whole roster, because changes of the
  // time without a link are lost. Sockets get the difference, so a restart of
  // the service announces no member twice.
  const Roster::Difference difference = held->roster.Replace(roster);
  for (const v1::Member& member : difference.added) {
    HeldChannels::Deliver(*held, MemberChange(channel, member, true), batches);
  }
  for (const std::string& user_id : difference.removed) {
    v1::Member member;
    member.set_user_id(user_id);
    HeldChannels::Deliver(*held, MemberChange(channel, member, false), batches);
  }
}

void ItemDispatcher::OnCongestion(const link::v1::Congestion& congestion,
                                  Batches* batches) {
  const int shard = state_->ShardOf(congestion.socket_id());
  if (shard < 0) return;
  batches->Add(
      shard, Congested{contract::ParseSocketId(congestion.socket_id())->socket,
                       congestion.bytes()});
}

void ItemDispatcher::OnCall(link::v1::Call call, Batches* batches) {
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
      // The router does not know on which loops a user has sockets. Each loop
      // answers, also one without any.
      state_->calls[call.call_id()].parts =
          static_cast<int>(state_->shards.size());
      return batches->AddToAll(call);
    case Call::CALL_NOT_SET:
      return;  // From a newer service; its call times out.
  }
  // A delivery like any other: the command takes effect behind the publications
  // that were received before it.
  const int shard = state_->ShardOf(socket_id);
  if (shard >= 0) {
    batches->Add(shard, std::move(call));
    return;
  }
  GatewayItem item;
  *item.mutable_call_result() = NoSuchSocket(call.call_id(), socket_id);
  state_->Enqueue(std::move(item));
}

void ItemDispatcher::OnSettings(link::v1::Settings settings, Batches* batches) {
  state_->settings_waiting = static_cast<int>(state_->shards.size());
  state_->settings =
      std::make_shared<const link::v1::Settings>(std::move(settings));
  // In force from here on, for the publications behind this item. The loops get
  // the rules in the same order, as a delivery. Settings that replace others
  // before these were applied everywhere restart the count
  // (Router::SettingsApplied()).
  state_->rules = CompileRules(*state_->settings);
  batches->AddToAll(NewSettings{state_->settings, state_->rules});
}

}  // namespace herald::gateway
