// SPDX-License-Identifier: Apache-2.0
//
// What backends ask beside Broadcast: looking, watching, and what gateways
// carry out for them.

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/timestamp.pb.h"
#include "proto/contract/limits.h"
#include "proto/contract/names.h"
#include "service/core/encoding.h"
#include "service/core/hub.h"
#include "service/core/request_checks.h"

namespace herald::core {
namespace {

using contract::ChannelType;

v1::ChannelType ProtoType(absl::string_view channel) {
  switch (contract::TypeOfChannel(channel)) {
    case ChannelType::kPrivate:
      return v1::CHANNEL_TYPE_PRIVATE;
    case ChannelType::kPresence:
      return v1::CHANNEL_TYPE_PRESENCE;
    case ChannelType::kPublic:
      break;
  }
  return v1::CHANNEL_TYPE_PUBLIC;
}

void SetTime(absl::Time time, google::protobuf::Timestamp* out) {
  const int64_t us = absl::ToUnixMicros(time);
  out->set_seconds(us / 1'000'000);
  out->set_nanos(static_cast<int32_t>(us % 1'000'000 * 1000));
}

absl::Status NoSocket(absl::string_view socket_id) {
  return absl::NotFoundError(
      absl::StrCat("no gateway has socket ", contract::Quoted(socket_id)));
}

Calls::Done StatusOnly(Hub::CallDone done) {
  return [done = std::move(done)](absl::StatusOr<int64_t> result) mutable {
    done(result.status());
  };
}

// Adapts a Disconnect's answer.
auto Counted(
    absl::AnyInvocable<void(absl::StatusOr<v1::DisconnectResponse>)> done) {
  return [done = std::move(done)](absl::StatusOr<int64_t> count) mutable {
    if (!count.ok()) return done(count.status());
    v1::DisconnectResponse response;
    response.set_disconnected_count(*count);
    done(std::move(response));
  };
}

}  // namespace

absl::Status Hub::CheckReady() const {
  switch (phase_.load()) {
    case Phase::kStarting:
      return absl::UnavailableError("the service is starting");
    case Phase::kStopped:
      return absl::UnavailableError("the service is stopping");
    case Phase::kSettled:
      break;
  }
  return absl::OkStatus();
}

void Hub::CallGateway(absl::string_view socket_id, link::v1::Call call,
                      absl::Duration deadline, Calls::Done done) {
  absl::Status status = CheckReady();
  if (status.ok()) status = CheckSocketId("socket_id", socket_id);
  if (!status.ok()) return done(status);
  const uint64_t id = contract::ParseSocketId(socket_id)->gateway;
  AttachmentPtr gateway;
  {
    contract::MutexLock lock(&mu_);
    const auto it = attachments_.find(id);
    if (it != attachments_.end()) {
      gateway = it->second;
    } else if (!away_.contains(id) && !lost_.contains(id)) {
      return done(NoSocket(socket_id));
    }
  }
  if (gateway == nullptr || !gateway->attached) {
    return done(absl::UnavailableError(absl::StrCat("the gateway of socket ",
                                                    contract::Quoted(socket_id),
                                                    " has no link now")));
  }
  calls_.Start(std::move(call), {gateway}, deadline, std::move(done));
}

void Hub::Subscribe(const v1::SubscribeRequest& request, CallDone done) {
  absl::Status status = contract::CheckChannelName(request.channel());
  if (status.ok() && request.has_member())
    status = CheckMember(request.member());
  if (status.ok() && static_cast<int64_t>(request.auth_token().size()) >
                         contract::kAuthTokenBytesMax) {
    status = absl::InvalidArgumentError(absl::StrCat(
        "auth_token has ", request.auth_token().size(), " bytes; at most ",
        contract::kAuthTokenBytesMax, " are allowed"));
  }
  if (!status.ok()) return done(status);
  link::v1::Call call;
  link::v1::SubscribeCall& subscribe = *call.mutable_subscribe();
  subscribe.set_socket_id(request.socket_id());
  subscribe.set_channel(request.channel());
  subscribe.set_auth_token(request.auth_token());
  if (request.has_member()) *subscribe.mutable_member() = request.member();
  CallGateway(request.socket_id(), std::move(call),
              kCallDeadline + options_.authorizer_timeout,
              StatusOnly(std::move(done)));
}

void Hub::Unsubscribe(const v1::UnsubscribeRequest& request, CallDone done) {
  const absl::Status status = contract::CheckChannelName(request.channel());
  if (!status.ok()) return done(status);
  link::v1::Call call;
  call.mutable_unsubscribe()->set_socket_id(request.socket_id());
  call.mutable_unsubscribe()->set_channel(request.channel());
  CallGateway(request.socket_id(), std::move(call), kCallDeadline,
              StatusOnly(std::move(done)));
}

void Hub::Disconnect(
    const v1::DisconnectRequest& request,
    absl::AnyInvocable<void(absl::StatusOr<v1::DisconnectResponse>)> done) {
  link::v1::Call call;
  call.mutable_disconnect()->set_reason(PassableReason(request.reason()));
  if (request.subject_case() == v1::DisconnectRequest::kSocketId) {
    call.mutable_disconnect()->set_socket_id(request.socket_id());
    return CallGateway(request.socket_id(), std::move(call), kCallDeadline,
                       Counted(std::move(done)));
  }
  absl::Status status = CheckReady();
  if (status.ok() && !request.has_user_id()) {
    status = absl::InvalidArgumentError("neither socket_id nor user_id is set");
  }
  if (status.ok()) status = contract::CheckUserId(request.user_id());
  if (!status.ok()) return done(status);
  call.mutable_disconnect()->set_user_id(request.user_id());
  // Remembered before it is sent, for those who are away. Those who attach just
  // now may have replayed already, so they get it, too: hearing it twice is
  // harmless. Without a call_id nobody waits for it.
  link::v1::ServiceItem again;
  *again.mutable_call() = call;
  const Chunk chunk = EncodeItem(std::move(again));
  std::vector<AttachmentPtr> gateways;
  std::vector<AttachmentPtr> attaching;
  {
    contract::MutexLock lock(&mu_);
    Remember(chunk);
    for (const auto& [id, gateway] : attachments_) {
      (gateway->attached ? gateways : attaching).push_back(gateway);
    }
  }
  for (const AttachmentPtr& gateway : attaching) {
    gateway->sink->Enqueue(chunk);
    gateway->sink->Flush();
  }
  calls_.Start(std::move(call), gateways, kCallDeadline,
               Counted(std::move(done)));
}

absl::Status Hub::Revoke(v1::Revocation revocation) {
  absl::Status status;
  switch (revocation.subject_case()) {
    case v1::Revocation::kSocketId:
      status = CheckSocketId("socket_id", revocation.socket_id());
      break;
    case v1::Revocation::kUserId:
      status = contract::CheckUserId(revocation.user_id());
      break;
    default:
      status = absl::InvalidArgumentError(
          "a revocation names neither socket_id nor user_id");
  }
  if (status.ok() && !revocation.channel().empty()) {
    status = contract::CheckChannelName(revocation.channel());
  }
  if (!status.ok()) return status;
  revocation.set_reason(PassableReason(revocation.reason()));
  link::v1::ServiceItem item;
  *item.mutable_revocation() = std::move(revocation);
  const Chunk chunk = EncodeItem(std::move(item));
  std::vector<AttachmentPtr> gateways;
  {
    contract::MutexLock lock(&mu_);
    Remember(chunk);
    for (const auto& [id, gateway] : attachments_) gateways.push_back(gateway);
  }
  for (const AttachmentPtr& gateway : gateways) {
    gateway->sink->Enqueue(chunk);
    gateway->sink->Flush();
  }
  observer_->OnRevoked();
  return absl::OkStatus();
}

void Hub::Remember(const Chunk& revocation) {
  if (revocations_.Add(timers_->Now(), revocation)) {
    observer_->OnRevocationForgotten();
  }
}

v1::Channel Hub::Describe(absl::string_view channel) {
  v1::Channel out;
  out.set_name(std::string(channel));
  out.set_type(ProtoType(channel));
  Shard& shard = table_.ShardOf(channel);
  const ShardLock lock(shard);
  const auto it = shard.channels.find(channel);
  if (it != shard.channels.end()) {
    out.set_subscriber_count(it->second.subscriber_count);
  }
  out.set_member_count(engine_->MemberCount(channel));
  const std::optional<Position> position = engine_->Peek(channel);
  if (position.has_value()) {
    out.set_epoch(position->epoch);
    out.set_offset(position->offset);
  }
  return out;
}

absl::StatusOr<v1::GetMembersResponse> Hub::GetMembers(
    const v1::GetMembersRequest& request) {
  absl::Status status = CheckReady();
  if (status.ok()) status = contract::CheckChannelName(request.channel());
  if (!status.ok()) return status;
  const std::string& channel = request.channel();
  if (contract::TypeOfChannel(channel) != ChannelType::kPresence) {
    return absl::FailedPreconditionError(absl::StrCat(
        "channel ", contract::Quoted(channel), " is not a presence channel"));
  }
  v1::GetMembersResponse response;
  Shard& shard = table_.ShardOf(channel);
  const ShardLock lock(shard);
  if (!IsPresence(shard, channel)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "channel ", contract::Quoted(channel), " has no members (",
        shard.rules->Source(channel, &contract::ChannelRule::presence, ""),
        ")"));
  }
  for (v1::PresentMember& member : engine_->Members(channel)) {
    *response.add_members() = std::move(member);
  }
  return response;
}

absl::StatusOr<v1::GetChannelResponse> Hub::GetChannel(
    const v1::GetChannelRequest& request) {
  absl::Status status = CheckReady();
  if (status.ok()) status = contract::CheckChannelName(request.channel());
  if (!status.ok()) return status;
  v1::GetChannelResponse response;
  *response.mutable_channel() = Describe(request.channel());
  return response;
}

absl::StatusOr<v1::ListChannelsResponse> Hub::ListChannels(
    const v1::ListChannelsRequest& request) {
  absl::Status status = CheckReady();
  if (status.ok() && request.page_size() < 0) {
    status = absl::InvalidArgumentError(
        absl::StrCat("page_size ", request.page_size(), " is negative"));
  }
  const std::string& after = request.page_token();
  if (status.ok() && !after.empty() &&
      (!contract::CheckChannelName(after).ok() ||
       !absl::StartsWith(after, request.prefix()))) {
    status = absl::InvalidArgumentError(absl::StrCat(
        "page_token ", contract::Quoted(after), " is of no such page"));
  }
  if (!status.ok()) return status;
  const auto size = static_cast<size_t>(
      request.page_size() == 0
          ? contract::kPageSizeDefault
          : std::min<int64_t>(request.page_size(), contract::kPageSizeMax));
  // A heap of the `size` + 1 smallest names behind the token: its last one says
  // that there is a next page.
  std::vector<std::string> names;
  table_.ForEachShard([&](Shard& shard) {
    const ShardLock lock(shard);
    for (const auto& [name, entry] : shard.channels) {
      if (name <= after || !absl::StartsWith(name, request.prefix())) continue;
      if (names.size() == size + 1) {
        if (name >= names.front()) continue;
        std::pop_heap(names.begin(), names.end());
        names.pop_back();
      }
      names.push_back(name);
      std::push_heap(names.begin(), names.end());
    }
  });
  std::sort_heap(names.begin(), names.end());
  v1::ListChannelsResponse response;
  if (names.size() > size) {
    names.pop_back();
    response.set_next_page_token(names.back());
  }
  for (const std::string& name : names) {
    *response.add_channels() = Describe(name);
  }
  return response;
}

absl::StatusOr<v1::GetStatsResponse> Hub::GetStats() {
  const absl::Status status = CheckReady();
  if (!status.ok()) return status;
  v1::GetStatsResponse response;
  std::vector<AttachmentPtr> gateways = Attachments();
  std::sort(gateways.begin(), gateways.end(),
            [](const AttachmentPtr& a, const AttachmentPtr& b) {
              return a->gateway < b->gateway;
            });
  int64_t clients = 0;
  for (const AttachmentPtr& gateway : gateways) {
    if (!gateway->attached) continue;
    v1::Gateway& out = *response.add_gateways();
    out.set_id(absl::StrCat(gateway->gateway));
    out.set_client_count(gateway->client_count);
    out.set_subscription_count(gateway->subscription_count);
    out.set_version(gateway->version);
    SetTime(gateway->since, out.mutable_attach_time());
    clients += out.client_count();
  }
  response.set_client_count(clients);
  response.set_channel_count(table_.channel_count());
  response.set_subscription_count(table_.subscription_count());
  response.set_version(options_.version);
  SetTime(start_time_, response.mutable_start_time());
  return response;
}

absl::Status Hub::Watch(const v1::WatchRequest& request, const SinkPtr& sink) {
  absl::Status status = CheckReady();
  if (status.ok()) {
    status = CheckChannels(request.channels(), contract::kWatchChannelsMax);
  }
  absl::flat_hash_map<absl::string_view, const v1::ChannelPosition*> since;
  for (const v1::ChannelPosition& position : request.since()) {
    if (!status.ok()) break;
    status = CheckSince(request.channels(), position);
    if (status.ok() && !since.emplace(position.channel(), &position).second) {
      status = absl::InvalidArgumentError(
          absl::StrCat("since names channel ",
                       contract::Quoted(position.channel()), " twice"));
    }
  }
  if (!status.ok()) return status;
  {
    contract::MutexLock lock(&mu_);
    if (static_cast<int64_t>(watch_sinks_.size()) >= kWatchesMax) {
      return absl::ResourceExhaustedError(
          absl::StrCat("there are ", kWatchesMax, " Watches already"));
    }
    watch_sinks_.push_back(sink);
  }
  ++watch_count_;
  v1::ServerMessage connected;
  connected.mutable_connected();
  sink->EnqueueState(EncodeWatch(std::move(connected)));
  int64_t room = kWatchMissedBytesMax;
  for (const std::string& channel : request.channels()) {
    Shard& shard = table_.ShardOf(channel);
    const ShardLock lock(shard);
    const auto it = since.find(channel);
    BeginWatch(shard, sink, channel, it == since.end() ? nullptr : it->second,
               room);
    shard.watches[channel].push_back(sink);
  }
  // Stop() has closed the Watches that it saw.
  if (phase_ == Phase::kStopped) sink->Close(CheckReady());
  return absl::OkStatus();
}

void Hub::Unwatch(const v1::WatchRequest& request, const SinkPtr& sink) {
  const auto forget = [&sink](std::vector<SinkPtr>& sinks) {
    sinks.erase(std::remove(sinks.begin(), sinks.end(), sink), sinks.end());
  };
  for (const std::string& channel : request.channels()) {
    Shard& shard = table_.ShardOf(channel);
    const ShardLock lock(shard);
    const auto it = shard.watches.find(channel);
    if (it == shard.watches.end()) continue;
    forget(it->second);
    if (it->second.empty()) shard.watches.erase(it);
    OnListenerLeft(shard, channel);
  }
  --watch_count_;
  contract::MutexLock lock(&mu_);
  forget(watch_sinks_);
}

HubCounts Hub::Counts() const {
  HubCounts counts;
  for (const AttachmentPtr& gateway : Attachments()) {
    if (!gateway->attached) continue;
    ++counts.gateways;
    counts.clients += gateway->client_count;
  }
  counts.channels = table_.channel_count();
  counts.subscriptions = table_.subscription_count();
  counts.members = engine_->TotalMemberCount();
  counts.watches = watch_count_;
  counts.histories = engine_->HistoryCount();
  counts.history_bytes = engine_->HistoryBytes();
  return counts;
}

}  // namespace herald::core
