// SPDX-License-Identifier: Apache-2.0

#include "service/api/queries.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "proto/contract/limits.h"
#include "proto/contract/names.h"
#include "service/channel/encoding.h"
#include "service/channel/request_checks.h"
#include "service/gateways/gateway_stats.h"

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

absl::Status NoHistory(absl::string_view channel) {
  return absl::FailedPreconditionError(
      absl::StrCat("channel ", contract::Quoted(channel), " keeps no history"));
}

// Why the publications after `since` are not available.
absl::Status Unavailable(const std::string& channel, const Position& since,
                         const Position& now) {
  if (now.epoch.empty()) {
    return absl::OutOfRangeError(absl::StrCat(
        "channel ", contract::Quoted(channel), " remembers nothing of epoch ",
        contract::Quoted(since.epoch)));
  }
  const std::string where =
      absl::StrCat("channel ", contract::Quoted(channel), " is at epoch ",
                   now.epoch, " and offset ", now.offset, ": ");
  if (since.epoch != now.epoch) {
    return absl::OutOfRangeError(absl::StrCat(
        where, "epoch ", contract::Quoted(since.epoch), " is over"));
  }
  return absl::OutOfRangeError(
      since.offset > now.offset
          ? absl::StrCat(where, "offset ", since.offset,
                         " is not published yet")
          : absl::StrCat(where, "some publications after offset ", since.offset,
                         " are not kept any more"));
}

v1::Channel ProtoOf(const ChannelState& state) {
  v1::Channel out;
  out.set_name(state.name);
  out.set_type(ProtoType(state.name));
  out.set_subscriber_count(state.subscriber_count);
  out.set_member_count(state.member_count);
  if (state.position.has_value()) {
    out.set_epoch(state.position->epoch);
    out.set_offset(state.position->offset);
  }
  return out;
}

v1::GetHistoryResponse PageOf(const Missed& missed) {
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

}  // namespace

absl::Status Queries::CheckHasMembers(absl::string_view channel) {
  ChannelShard& shard = table_->ShardOf(channel);
  const ShardLock lock(shard);
  if (IsPresence(shard, channel)) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "channel ", contract::Quoted(channel), " has no members (",
      shard.rules->Source(channel, &contract::ChannelRule::presence, ""), ")"));
}

void Queries::GetMembers(const v1::GetMembersRequest& request,
                         Done<v1::GetMembersResponse> done) {
  const std::string& channel = request.channel();
  absl::Status status = readiness_->Check();
  if (status.ok()) status = contract::CheckChannelName(channel);
  if (status.ok() &&
      contract::TypeOfChannel(channel) != ChannelType::kPresence) {
    status = absl::FailedPreconditionError(absl::StrCat(
        "channel ", contract::Quoted(channel), " is not a presence channel"));
  }
  if (status.ok() && request.page_size() < 0) {
    status = absl::InvalidArgumentError(
        absl::StrCat("page_size ", request.page_size(), " is negative"));
  }
  if (!status.ok()) return done(status);
  const absl::StatusOr<std::string> after =
      ReadPageToken(channel, request.page_token());
  if (!after.ok()) return done(after.status());
  status = CheckHasMembers(channel);
  if (!status.ok()) return done(status);
  const PageSize size = {
      request.page_size() == 0
          ? std::numeric_limits<int64_t>::max()
          : std::min<int64_t>(request.page_size(), contract::kPageSizeMax),
      contract::kAnswerBytesMax};
  directory_->ListMembers(channel, *after, size,
                          [channel, done = std::move(done)](
                              absl::StatusOr<MembersPage> page) mutable {
                            if (!page.ok()) return done(page.status());
                            v1::GetMembersResponse response;
                            if (page->more) {
                              response.set_next_page_token(PageToken(
                                  channel, page->members.back().user_id()));
                            }
                            for (v1::PresentMember& member : page->members) {
                              *response.add_members() = std::move(member);
                            }
                            done(std::move(response));
                          });
}

void Queries::GetChannel(const v1::GetChannelRequest& request,
                         Done<v1::GetChannelResponse> done) {
  absl::Status status = readiness_->Check();
  if (status.ok()) status = contract::CheckChannelName(request.channel());
  if (!status.ok()) return done(status);
  directory_->Describe(request.channel(),
                       [done = std::move(done)](
                           const absl::StatusOr<ChannelState>& state) mutable {
                         if (!state.ok()) return done(state.status());
                         v1::GetChannelResponse response;
                         *response.mutable_channel() = ProtoOf(*state);
                         done(std::move(response));
                       });
}

void Queries::ListChannels(const v1::ListChannelsRequest& request,
                           Done<v1::ListChannelsResponse> done) {
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
  if (!status.ok()) return done(status);
  const auto size = static_cast<size_t>(
      request.page_size() == 0
          ? contract::kPageSizeDefault
          : std::min<int64_t>(request.page_size(), contract::kPageSizeMax));
  directory_->ListChannels(
      request.prefix(), after, size,
      [done =
           std::move(done)](const absl::StatusOr<ChannelsPage>& page) mutable {
        if (!page.ok()) return done(page.status());
        v1::ListChannelsResponse response;
        if (page->more) {
          response.set_next_page_token(page->channels.back().name);
        }
        for (const ChannelState& state : page->channels) {
          *response.add_channels() = ProtoOf(state);
        }
        done(std::move(response));
      });
}

void Queries::GetStats(Done<v1::GetStatsResponse> done) {
  const absl::Status status = readiness_->Check();
  if (!status.ok()) return done(status);
  directory_->Sum([this, done = std::move(done)](
                      const absl::StatusOr<Totals>& totals) mutable {
    if (!totals.ok()) return done(totals.status());
    bus_->ListNodes(
        [this, totals = *totals, done = std::move(done)](
            const absl::StatusOr<std::vector<OtherNode>>& nodes) mutable {
          if (!nodes.ok()) return done(nodes.status());
          done(StatsOf(totals, *nodes));
        });
  });
}

v1::GetStatsResponse Queries::StatsOf(
    const Totals& totals, const std::vector<OtherNode>& nodes) const {
  node::v1::NodeStats all = NodeStatsOf(*gateways_, *timers_);
  for (const OtherNode& other : nodes) {
    node::v1::NodeStats stats;
    if (stats.ParseFromString(other.stats)) all.MergeFrom(stats);
  }
  // By their numbers. A gateway that has just moved may be listed twice, and
  // the newer link counts.
  const auto key = [](const v1::Gateway& gateway) {
    return std::make_tuple(gateway.id().size(), absl::string_view(gateway.id()),
                           -gateway.attach_time().seconds(),
                           -gateway.attach_time().nanos());
  };
  auto& gateways = *all.mutable_gateways();
  std::sort(gateways.begin(), gateways.end(),
            [&](const auto& a, const auto& b) { return key(a) < key(b); });
  gateways.erase(std::unique(gateways.begin(), gateways.end(),
                             [](const auto& a, const auto& b) {
                               return a.id() == b.id();
                             }),
                 gateways.end());
  v1::GetStatsResponse response;
  int64_t clients = 0;
  for (const v1::Gateway& gateway : gateways) {
    clients += gateway.client_count();
  }
  *response.mutable_gateways() = std::move(gateways);
  response.set_client_count(clients);
  response.set_channel_count(totals.channels);
  response.set_subscription_count(totals.subscriptions);
  response.set_version(version_);
  *response.mutable_start_time() =
      ToTimestamp(settling_->start_time(), *timers_);
  return response;
}

void Queries::GetHistory(const v1::GetHistoryRequest& request,
                         Done<v1::GetHistoryResponse> done) {
  const std::string& channel = request.channel();
  absl::Status status = readiness_->Check();
  if (status.ok()) status = contract::CheckChannelName(channel);
  if (status.ok() && request.limit() < 0) {
    status = absl::InvalidArgumentError(
        absl::StrCat("limit ", request.limit(), " is negative"));
  }
  if (status.ok()) {
    status = CheckPosition("since", FromProto(request.since()));
  }
  if (status.ok()) {
    ChannelShard& shard = table_->ShardOf(channel);
    const ShardLock lock(shard);
    if (HistoryOf(shard, channel).size == 0) status = NoHistory(channel);
  }
  if (!status.ok()) return done(status);
  const auto limit = static_cast<size_t>(
      request.limit() == 0
          ? contract::kPageSizeDefault
          : std::min<int64_t>(request.limit(), contract::kPageSizeMax));
  std::optional<Position> since;
  if (!request.since().epoch().empty()) {
    since = FromProto(request.since());
  }
  log_->Fetch(channel, since, limit,
              [channel, since, done = std::move(done)](
                  const absl::StatusOr<Missed>& missed) mutable {
                if (!missed.ok()) return done(missed.status());
                if (since.has_value() && !missed->available) {
                  return done(Unavailable(channel, *since, missed->position));
                }
                done(PageOf(*missed));
              });
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
  counts.watches = watches_->count();
  const EngineCounts engine = directory_->Counts();
  counts.members = engine.members;
  counts.histories = engine.histories;
  counts.history_bytes = engine.history_bytes;
  counts.link_bytes = link_bytes_->total();
  return counts;
}

}  // namespace herald::core
