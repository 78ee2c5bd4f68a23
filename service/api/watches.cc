// SPDX-License-Identifier: Apache-2.0

#include "service/api/watches.h"

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "proto/contract/limits.h"
#include "proto/contract/names.h"
#include "service/channel/encoding.h"
#include "service/channel/request_checks.h"

namespace herald::core {
namespace {

constexpr size_t kAll = std::numeric_limits<size_t>::max();

int64_t BytesOf(const std::vector<Chunk>& chunks) {
  size_t bytes = 0;
  for (const Chunk& chunk : chunks) bytes += chunk->size();
  return static_cast<int64_t>(bytes);
}

}  // namespace

absl::Status Watches::Watch(const v1::WatchRequest& request,
                            const SinkPtr& sink) {
  absl::Status status = readiness_->Check();
  if (status.ok()) {
    status = CheckChannels(request.channels(), contract::kWatchChannelsMax);
  }
  if (status.ok())
    status = CheckKeepaliveInterval(request.keepalive_interval());
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
    watch_sinks_.insert(sink);
  }
  v1::ServerMessage connected;
  connected.mutable_connected();
  sink->EnqueueState(EncodeWatch(std::move(connected)));
  WatchRoom room;
  for (const std::string& channel : request.channels()) {
    if (!status.ok()) break;
    Shard& shard = table_->ShardOf(channel);
    const ShardLock lock(shard);
    const auto it = since.find(channel);
    const auto* const from = it == since.end() ? nullptr : it->second;
    const bool fits = BeginWatch(shard, sink, channel, from, room);
    shard.watches[channel].insert(sink);
    if (fits) continue;
    status = absl::ResourceExhaustedError(
        absl::StrCat("the rosters of these channels have more than ",
                     kWatchRostersBytesMax, " bytes; use several Watches"));
  }
  if (!status.ok()) Unwatch(request, sink);
  // Stop() has closed the Watches that it saw.
  if (readiness_->phase() == Readiness::Phase::kStopped)
    sink->Close(readiness_->Check());
  return status;
}

void Watches::Unwatch(const v1::WatchRequest& request, const SinkPtr& sink) {
  for (const std::string& channel : request.channels()) {
    Shard& shard = table_->ShardOf(channel);
    const ShardLock lock(shard);
    const auto it = shard.watches.find(channel);
    if (it == shard.watches.end()) continue;
    it->second.erase(sink);
    if (it->second.empty()) shard.watches.erase(it);
    upkeep_->OnListenerLeft(shard, channel);
  }
  contract::MutexLock lock(&mu_);
  watch_sinks_.erase(sink);
}

bool Watches::BeginWatch(Shard& shard, const SinkPtr& sink,
                         absl::string_view channel,
                         const v1::ChannelPosition* since, WatchRoom& room) {
  v1::Subscribed subscribed;
  const HistoryLimits limits = HistoryOf(shard, channel);
  Missed missed;
  if (limits.size > 0) {
    const Position position = engine_->PositionOf(channel, limits);
    subscribed.set_epoch(position.epoch);
    subscribed.set_offset(position.offset);
    if (since != nullptr) {
      missed = engine_->Since(channel,
                              Position{since->epoch(), since->offset()}, kAll);
    }
  }
  const int64_t missed_bytes = BytesOf(missed.chunks);
  if (missed_bytes > room.missed) missed = {};
  if (missed.available) room.missed -= missed_bytes;
  if (since != nullptr) {
    subscribed.set_recovered(missed.available);
    observer_->OnRecovery(missed.available);
  }
  std::vector<Chunk> beginning =
      fanout_->WatchBeginning(channel, std::move(subscribed));
  if (engine_->MemberCount(channel) > 0) {
    const int64_t bytes = BytesOf(beginning);
    const bool is_first = room.rosters == kWatchRostersBytesMax;
    if (bytes > room.rosters && !is_first) return false;
    room.rosters -= bytes;
  }
  for (Chunk& chunk : beginning) {
    EnqueueStateIn(shard, sink, std::move(chunk));
  }
  for (Chunk& chunk : missed.chunks) sink->EnqueueMissed(std::move(chunk));
  return true;
}

void Watches::Stop() {
  std::vector<SinkPtr> watches;
  {
    contract::MutexLock lock(&mu_);
    watches.assign(watch_sinks_.begin(), watch_sinks_.end());
  }
  const absl::Status why = absl::UnavailableError("the service is stopping");
  for (const SinkPtr& sink : watches) sink->Close(why);
}

}  // namespace herald::core
