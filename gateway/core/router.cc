// SPDX-License-Identifier: Apache-2.0

#include "gateway/core/router.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/contract/limits.h"
#include "proto/contract/names.h"
#include "proto/contract/require.h"

namespace herald::gateway {
namespace {

using contract::MutexLock;
using link::v1::GatewayItem;
using link::v1::ServiceItem;

std::string Encode(GatewayItem item) {
  link::v1::AttachRequest frame;
  *frame.add_items() = std::move(item);
  return frame.SerializeAsString();
}

bool IsPresence(absl::string_view channel) {
  return contract::TypeOfChannel(channel) == contract::ChannelType::kPresence;
}

absl::Duration GrantLife(int64_t expires_after_ms) {
  return expires_after_ms == 0 ? absl::InfiniteDuration()
                               : absl::Milliseconds(expires_after_ms);
}

}  // namespace

Router::Router(uint64_t gateway_id, std::string version, const Dialect* dialect,
               Observer* observer)
    : gateway_id_(gateway_id),
      version_(std::move(version)),
      dialect_(dialect),
      observer_(observer) {
  contract::Require(gateway_id > 0 && gateway_id >> 63 == 0);
}

void Router::SetShards(std::vector<ShardInbox*> shards) {
  shards_ = std::move(shards);
}

void Router::LinkUp(UplinkPtr uplink, absl::Duration down) {
  {
    MutexLock lock(&mu_);
    contract::Require(uplink_ == nullptr);
    EnqueueAttach(*uplink, down);
    reported_clients_ = -1;  // A new link has heard no report.
    uplink_ = uplink;
  }
  uplink->Flush();
}

void Router::EnqueueAttach(Uplink& uplink, absl::Duration down) {
  GatewayItem hello;
  hello.mutable_hello()->set_protocol_version(contract::kLinkProtocolVersion);
  hello.mutable_hello()->set_gateway_id(static_cast<int64_t>(gateway_id_));
  hello.mutable_hello()->set_version(version_);
  hello.mutable_hello()->set_link_down_ms(absl::ToInt64Milliseconds(down));
  uplink.EnqueueUnbounded(Encode(std::move(hello)));
  for (const auto& [channel, held] : held_) {
    if (held.count == 0) continue;
    GatewayItem item;
    item.mutable_held()->set_channel(channel);
    item.mutable_held()->set_subscription_count(held.count);
    held.members.AppendTo(item.mutable_held());
    uplink.EnqueueUnbounded(Encode(std::move(item)));
  }
  GatewayItem attached;
  attached.mutable_attached();
  uplink.EnqueueUnbounded(Encode(std::move(attached)));
}

void Router::LinkDown(absl::string_view why) {
  settled_ = false;
  {
    MutexLock lock(&mu_);
    uplink_ = nullptr;
    Batches batches(shards_.size());
    for (const auto& [number, ticket] : std::exchange(tickets_, {})) {
      Held& held = held_[ticket.channel];
      --held.open_tickets;
      ForgetIfUnused(ticket.channel);
      if (ticket.cancelled) continue;
      batches[static_cast<size_t>(ticket.shard)].push_back(
          Refused{number, link::v1::Refused::CODE_UNAVAILABLE,
                  "the service is not reachable"});
    }
    for (const auto& [ticket, shard] : std::exchange(renewals_, {})) {
      Renewed undecided;
      undecided.ticket = ticket;
      batches[static_cast<size_t>(shard)].push_back(std::move(undecided));
    }
    calls_.clear();
    settings_waiting_ = 0;
    Post(std::move(batches));
  }
  observer_->OnLinkEnded(why);
}

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
      return OnSubscribed(std::move(*item.mutable_subscribed()), batches);
    case ServiceItem::kRefused:
      return OnRefused(std::move(*item.mutable_refused()), batches);
    case ServiceItem::kPublication:
      return OnPublication(item.publication(), batches);
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
    case ServiceItem::ITEM_NOT_SET:
      return;  // Of a newer service.
  }
}

void Router::OnSubscribed(link::v1::Subscribed yes, Batches* batches) {
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
    return ForgetIfUnused(ticket.channel);
  }
  Count(held, ticket.shard, 1);
  if (is_member) held.members.Add(yes.member(), ticket.socket_id);
  Confirmed confirmed;
  confirmed.ticket = yes.ticket();
  confirmed.channel = ticket.channel;
  confirmed.socket_id = ticket.socket_id;
  confirmed.user_id = yes.member().user_id();
  confirmed.is_member = is_member;
  confirmed.expires_after = GrantLife(yes.expires_after_ms());
  confirmed.renewable = yes.renewable();
  confirmed.subscribed = SubscribedFrame(ticket.channel, held);
  (*batches)[static_cast<size_t>(ticket.shard)].push_back(std::move(confirmed));
}

FrameBytes Router::SubscribedFrame(const std::string& channel, Held& held) {
  const bool presence = IsPresence(channel);
  return dialect_->Subscribed(channel,
                              presence ? &held.roster.Json() : nullptr);
}

void Router::OnRefused(link::v1::Refused no, Batches* batches) {
  const auto it = tickets_.find(no.ticket());
  if (it == tickets_.end()) return;
  const Ticket ticket = std::move(it->second);
  tickets_.erase(it);
  --held_[ticket.channel].open_tickets;
  ForgetIfUnused(ticket.channel);
  if (ticket.cancelled) return;
  (*batches)[static_cast<size_t>(ticket.shard)].push_back(
      Refused{no.ticket(), no.code(), std::move(*no.mutable_reason())});
}

void Router::OnPublication(const link::v1::Publication& publication,
                           Batches* batches) {
  const auto it = held_.find(publication.channel());
  if (it == held_.end() || it->second.count == 0) return;
  ChannelFrame frame;
  frame.channel = publication.channel();
  frame.frame = dialect_->Event(publication);
  frame.published_us = publication.published_us();
  const std::optional<contract::SocketId> except =
      contract::ParseSocketId(publication.except_socket_id());
  if (except.has_value() && except->gateway == gateway_id_) {
    frame.except_socket = except->socket;
  }
  ToSubscribers(it->second, std::move(frame), batches);
}

void Router::OnMember(const std::string& channel, const v1::Member& member,
                      bool added, Batches* batches) {
  const auto it = held_.find(channel);
  if (it == held_.end()) return;
  Held& held = it->second;
  const bool changed =
      added ? held.roster.Add(member) : held.roster.Remove(member.user_id());
  if (!changed) return;
  ChannelFrame frame;
  frame.channel = channel;
  frame.frame = added ? dialect_->MemberAdded(channel, member.user_id(),
                                              member.user_info())
                      : dialect_->MemberRemoved(channel, member.user_id());
  ToSubscribers(held, std::move(frame), batches);
}

void Router::OnRoster(const link::v1::Roster& roster, Batches* batches) {
  const auto it = held_.find(roster.channel());
  if (it == held_.end()) return;
  Held& held = it->second;
  const Roster::Difference difference = held.roster.Replace(roster);
  for (const v1::Member& member : difference.added) {
    ToSubscribers(held,
                  {roster.channel(),
                   dialect_->MemberAdded(roster.channel(), member.user_id(),
                                         member.user_info())},
                  batches);
  }
  for (const std::string& user_id : difference.removed) {
    ToSubscribers(
        held,
        {roster.channel(), dialect_->MemberRemoved(roster.channel(), user_id)},
        batches);
  }
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
  const auto shared =
      std::make_shared<const link::v1::Settings>(std::move(settings));
  for (auto& batch : *batches) batch.push_back(NewSettings{shared});
}

void Router::ToSubscribers(const Held& held, ChannelFrame frame,
                           Batches* batches) {
  const auto shared = std::make_shared<const ChannelFrame>(std::move(frame));
  for (size_t shard = 0; shard < held.by_shard.size(); ++shard) {
    if (held.by_shard[shard] > 0) (*batches)[shard].push_back(shared);
  }
}

void Router::Count(Held& held, int shard, int64_t delta) {
  held.by_shard.resize(shards_.size());
  int64_t& count = held.by_shard[static_cast<size_t>(shard)];
  count += delta;
  held.count += delta;
  contract::Require(count >= 0);
}

void Router::ForgetIfUnused(const std::string& channel) {
  const auto it = held_.find(channel);
  if (it == held_.end()) return;
  if (it->second.count == 0 && it->second.open_tickets == 0) held_.erase(it);
}

int Router::ShardOf(absl::string_view socket_id) const {
  const std::optional<contract::SocketId> id =
      contract::ParseSocketId(socket_id);
  if (!id || id->gateway != gateway_id_ || shards_.empty()) return -1;
  return static_cast<int>(id->socket % shards_.size());
}

void Router::Enqueue(GatewayItem item) {
  if (uplink_ != nullptr) uplink_->Enqueue(Encode(std::move(item)));
}

bool Router::Send(GatewayItem item) {
  UplinkPtr uplink;
  {
    MutexLock lock(&mu_);
    if (uplink_ == nullptr) return false;
    Enqueue(std::move(item));
    uplink = uplink_;
  }
  uplink->Flush();
  return true;
}

void Router::Post(Batches batches) {
  for (size_t shard = 0; shard < batches.size(); ++shard) {
    if (batches[shard].empty()) continue;
    shards_[shard]->Post(std::move(batches[shard]));
  }
}

int64_t Router::Subscribe(int shard, link::v1::Subscribe question) {
  UplinkPtr uplink;
  int64_t ticket = 0;
  {
    MutexLock lock(&mu_);
    if (!settled_ || uplink_ == nullptr) return 0;
    ticket = ++last_ticket_;
    question.set_ticket(ticket);
    tickets_[ticket] = {shard, question.channel(), question.socket_id()};
    ++held_[question.channel()].open_tickets;
    GatewayItem item;
    *item.mutable_subscribe() = std::move(question);
    Enqueue(std::move(item));
    uplink = uplink_;
  }
  uplink->Flush();
  return ticket;
}

void Router::Repeat(int shard, const std::string& channel, int64_t ticket) {
  MutexLock lock(&mu_);
  const auto it = held_.find(channel);
  if (it == held_.end()) return;
  Batches batches(shards_.size());
  batches[static_cast<size_t>(shard)].push_back(
      SubscribedAgain{ticket, SubscribedFrame(channel, it->second)});
  Post(std::move(batches));
}

void Router::Cancel(int64_t ticket) {
  {
    MutexLock lock(&mu_);
    const auto it = tickets_.find(ticket);
    if (it == tickets_.end()) return;
    it->second.cancelled = true;
  }
  GatewayItem item;
  item.mutable_cancel()->set_ticket(ticket);
  Send(std::move(item));
}

void Router::Unsubscribe(int shard, link::v1::Unsubscribe subscription) {
  UplinkPtr uplink;
  {
    MutexLock lock(&mu_);
    const std::string channel = subscription.channel();
    const auto it = held_.find(channel);
    contract::Require(it != held_.end());
    Count(it->second, shard, -1);
    if (!subscription.user_id().empty()) {
      it->second.members.Remove(subscription.user_id(),
                                subscription.socket_id());
    }
    ForgetIfUnused(channel);
    renewals_.erase(subscription.ticket());
    GatewayItem item;
    *item.mutable_unsubscribe() = std::move(subscription);
    Enqueue(std::move(item));
    uplink = uplink_;
  }
  if (uplink != nullptr) uplink->Flush();
}

bool Router::Whisper(link::v1::Whisper whisper) {
  if (!settled_) return false;
  GatewayItem item;
  *item.mutable_whisper() = std::move(whisper);
  return Send(std::move(item));
}

bool Router::Renew(int shard, link::v1::Subscribe question) {
  if (!settled_) return false;
  UplinkPtr uplink;
  {
    MutexLock lock(&mu_);
    if (uplink_ == nullptr) return false;
    renewals_[question.ticket()] = shard;
    GatewayItem item;
    *item.mutable_renew()->mutable_subscribe() = std::move(question);
    Enqueue(std::move(item));
    uplink = uplink_;
  }
  uplink->Flush();
  return true;
}

void Router::CallDone(link::v1::CallResult result) {
  {
    MutexLock lock(&mu_);
    const auto it = calls_.find(result.call_id());
    if (it != calls_.end()) {
      OpenCall& call = it->second;
      call.disconnected_count += result.disconnected_count();
      if (--call.parts > 0) return;
      result.set_disconnected_count(call.disconnected_count);
      calls_.erase(it);
    }
  }
  if (result.call_id() == 0) return;  // A replay, for which nobody waits.
  GatewayItem item;
  *item.mutable_call_result() = std::move(result);
  Send(std::move(item));
}

void Router::SettingsApplied(int64_t revision) {
  {
    MutexLock lock(&mu_);
    if (--settings_waiting_ != 0) return;
  }
  GatewayItem item;
  item.mutable_settings_acknowledged()->set_revision(revision);
  Send(std::move(item));
}

void Router::Report(int64_t client_count) {
  {
    MutexLock lock(&mu_);
    if (uplink_ == nullptr || reported_clients_ == client_count) return;
    reported_clients_ = client_count;
  }
  GatewayItem item;
  item.mutable_report()->set_client_count(client_count);
  Send(std::move(item));
}

void Router::Goodbye() {
  GatewayItem item;
  item.mutable_goodbye();
  Send(std::move(item));
}

}  // namespace herald::gateway
