// SPDX-License-Identifier: Apache-2.0

#include "service/api/queries.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/timestamp.pb.h"
#include "proto/contract/limits.h"
#include "proto/contract/names.h"
#include "service/channel/encoding.h"
#include "service/channel/request_checks.h"

namespace herald::core {
namespace {

using contract::ChannelType;

// A page of GetHistory() fits into gRPC's default bound of 4 MiB.
constexpr size_t kPageBytesMax = 1 << 20;

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

// Shows a time of the monotonic clock as a time of day.
void SetTime(absl::Time time, const Timers& timers,
             google::protobuf::Timestamp* out) {
  const int64_t us =
      absl::ToUnixMicros(timers.TimeOfDay() - (timers.Now() - time));
  out->set_seconds(us / 1'000'000);
  out->set_nanos(static_cast<int32_t>(us % 1'000'000 * 1000));
}

absl::Status NoHistory(absl::string_view channel) {
  return absl::FailedPreconditionError(
      absl::StrCat("channel ", contract::Quoted(channel), " keeps no history"));
}

// Why what followed `since` is not there.
absl::Status Unavailable(const std::string& channel, const v1::Position& since,
                         const Position& now) {
  if (now.epoch.empty()) {
    return absl::OutOfRangeError(absl::StrCat(
        "channel ", contract::Quoted(channel), " remembers nothing of epoch ",
        contract::Quoted(since.epoch())));
  }
  const std::string where =
      absl::StrCat("channel ", contract::Quoted(channel), " is at epoch ",
                   now.epoch, " and offset ", now.offset, ": ");
  if (since.epoch() != now.epoch) {
    return absl::OutOfRangeError(absl::StrCat(
        where, "epoch ", contract::Quoted(since.epoch()), " is over"));
  }
  return absl::OutOfRangeError(
      absl::StrCat(where, "what followed offset ", since.offset(),
                   since.offset() > now.offset ? " was not said yet"
                                               : " is forgotten in part"));
}

}  // namespace

v1::Channel Queries::Describe(absl::string_view channel) {
  v1::Channel out;
  out.set_name(std::string(channel));
  out.set_type(ProtoType(channel));
  Shard& shard = table_->ShardOf(channel);
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

absl::StatusOr<v1::GetMembersResponse> Queries::GetMembers(
    const v1::GetMembersRequest& request) {
  absl::Status status = readiness_->Check();
  if (status.ok()) status = contract::CheckChannelName(request.channel());
  if (!status.ok()) return status;
  const std::string& channel = request.channel();
  if (contract::TypeOfChannel(channel) != ChannelType::kPresence) {
    return absl::FailedPreconditionError(absl::StrCat(
        "channel ", contract::Quoted(channel), " is not a presence channel"));
  }
  if (request.page_size() < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("page_size ", request.page_size(), " is negative"));
  }
  const absl::StatusOr<std::string> after =
      ReadPageToken(channel, request.page_token());
  if (!after.ok()) return after.status();
  const PageSize size = {
      request.page_size() == 0
          ? std::numeric_limits<int64_t>::max()
          : std::min<int64_t>(request.page_size(), contract::kPageSizeMax),
      contract::kAnswerBytesMax};
  MembersPage page;
  {
    Shard& shard = table_->ShardOf(channel);
    const ShardLock lock(shard);
    if (!IsPresence(shard, channel)) {
      return absl::FailedPreconditionError(absl::StrCat(
          "channel ", contract::Quoted(channel), " has no members (",
          shard.rules->Source(channel, &contract::ChannelRule::presence, ""),
          ")"));
    }
    page = engine_->MembersAfter(channel, *after, size);
  }
  v1::GetMembersResponse response;
  if (page.more) {
    response.set_next_page_token(
        PageToken(channel, page.members.back().user_id()));
  }
  for (v1::PresentMember& member : page.members) {
    *response.add_members() = std::move(member);
  }
  return response;
}

absl::StatusOr<v1::GetChannelResponse> Queries::GetChannel(
    const v1::GetChannelRequest& request) {
  absl::Status status = readiness_->Check();
  if (status.ok()) status = contract::CheckChannelName(request.channel());
  if (!status.ok()) return status;
  v1::GetChannelResponse response;
  *response.mutable_channel() = Describe(request.channel());
  return response;
}

absl::StatusOr<v1::ListChannelsResponse> Queries::ListChannels(
    const v1::ListChannelsRequest& request) {
  absl::Status status = readiness_->Check();
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
  table_->ForEachShard([&](Shard& shard) {
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

absl::StatusOr<v1::GetStatsResponse> Queries::GetStats() {
  const absl::Status status = readiness_->Check();
  if (!status.ok()) return status;
  v1::GetStatsResponse response;
  std::vector<AttachmentPtr> gateways = gateways_->All();
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
    SetTime(gateway->since, *timers_, out.mutable_attach_time());
    clients += out.client_count();
  }
  response.set_client_count(clients);
  response.set_channel_count(table_->channel_count());
  response.set_subscription_count(table_->subscription_count());
  response.set_version(version_);
  SetTime(settling_->start_time(), *timers_, response.mutable_start_time());
  return response;
}

absl::StatusOr<v1::GetHistoryResponse> Queries::GetHistory(
    const v1::GetHistoryRequest& request) {
  absl::Status status = readiness_->Check();
  if (status.ok()) status = contract::CheckChannelName(request.channel());
  if (status.ok() && request.limit() < 0) {
    status = absl::InvalidArgumentError(
        absl::StrCat("limit ", request.limit(), " is negative"));
  }
  if (status.ok()) {
    status = CheckPosition("since", FromProto(request.since()));
  }
  if (!status.ok()) return status;
  const auto limit = static_cast<size_t>(
      request.limit() == 0
          ? contract::kPageSizeDefault
          : std::min<int64_t>(request.limit(), contract::kPageSizeMax));
  std::optional<Position> since;
  if (!request.since().epoch().empty()) {
    since = FromProto(request.since());
  }
  Missed missed;
  {
    Shard& shard = table_->ShardOf(request.channel());
    const ShardLock lock(shard);
    if (HistoryOf(shard, request.channel()).size == 0) {
      return NoHistory(request.channel());
    }
    missed = engine_->Since(request.channel(), since, limit);
  }
  if (since.has_value() && !missed.available) {
    return Unavailable(request.channel(), request.since(), missed.position);
  }
  v1::GetHistoryResponse response;
  response.set_epoch(missed.position.epoch);
  response.set_offset(missed.position.offset);
  size_t bytes = 0;
  for (const Chunk& chunk : missed.chunks) {
    bytes += chunk->size();
    if (bytes > kPageBytesMax && response.messages_size() > 0) break;
    *response.add_messages() = DecodeEvent(chunk).value();
  }
  return response;
}

ServiceCounts Queries::Counts() const {
  ServiceCounts counts;
  for (const AttachmentPtr& gateway : gateways_->All()) {
    if (!gateway->attached) continue;
    ++counts.gateways;
    counts.clients += gateway->client_count;
  }
  counts.channels = table_->channel_count();
  counts.subscriptions = table_->subscription_count();
  counts.members = engine_->TotalMemberCount();
  counts.watches = watches_->count();
  counts.histories = engine_->HistoryCount();
  counts.history_bytes = engine_->HistoryBytes();
  return counts;
}

}  // namespace herald::core
