// SPDX-License-Identifier: Apache-2.0

#include "service/api/watches.h"

#include <atomic>
#include <limits>
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

constexpr size_t kUnbounded = std::numeric_limits<size_t>::max();

int64_t BytesOf(const std::vector<Chunk>& chunks) {
  size_t bytes = 0;
  for (const Chunk& chunk : chunks) bytes += chunk->size();
  return static_cast<int64_t>(bytes);
}

}  // namespace

// State of one Watch that its channels share. They may open in any order, and
// concurrently.
class Watches::Beginning {
 public:
  explicit Beginning(SinkPtr sink) : sink_(std::move(sink)) {}

  const SinkPtr& sink() const { return sink_; }

  // Reserves `bytes` of the bound on initial rosters, or of missed
  // publications; false if the bound is exceeded. A single roster may exceed
  // it.
  bool TakeRoster(int64_t bytes) {
    contract::MutexLock lock(&mu_);
    const bool is_first = room_.rosters == kWatchRostersBytesMax;
    if (bytes > room_.rosters && !is_first) return false;
    room_.rosters -= bytes;
    return true;
  }
  bool TakeMissed(int64_t bytes) {
    contract::MutexLock lock(&mu_);
    if (bytes > room_.missed) return false;
    room_.missed -= bytes;
    return true;
  }

  // The Watch has ended: channels that open later ignore it. They check ended()
  // with their shard locked, and Unwatch() locks the shard after End().
  void End() { ended_ = true; }
  bool ended() const { return ended_; }

  // The first error of a channel.
  void Fail(const absl::Status& status) {
    contract::MutexLock lock(&mu_);
    status_.Update(status);
  }
  absl::Status status() const {
    contract::MutexLock lock(&mu_);
    return status_;
  }

 private:
  const SinkPtr sink_;
  std::atomic<bool> ended_{false};
  mutable contract::Mutex mu_;
  WatchRoom room_ ABSL_GUARDED_BY(mu_);
  absl::Status status_ ABSL_GUARDED_BY(mu_);
};

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
  const auto beginning = std::make_shared<Beginning>(sink);
  {
    contract::MutexLock lock(&mu_);
    if (static_cast<int64_t>(watches_.size()) >= kWatchesMax) {
      return absl::ResourceExhaustedError(
          absl::StrCat("there are ", kWatchesMax, " Watches already"));
    }
    watches_[sink] = beginning;
  }
  v1::ServerMessage connected;
  connected.mutable_connected();
  sink->EnqueueState(EncodeWatch(std::move(connected)));
  for (const std::string& channel : request.channels()) {
    const auto it = since.find(channel);
    std::optional<Position> from;
    if (it != since.end()) {
      from = Position{it->second->epoch(), it->second->offset()};
    }
    Open(beginning, channel, std::move(from));
    status = beginning->status();
    if (!status.ok()) break;
  }
  if (!status.ok()) Unwatch(request, sink);
  // Stop() may have listed the Watches before this one was added.
  if (readiness_->phase() == Readiness::Phase::kStopped)
    sink->Close(readiness_->Check());
  return status;
}

void Watches::Open(const BeginningPtr& beginning, const std::string& channel,
                   std::optional<Position> since) {
  ChannelShard& shard = table_->ShardOf(channel);
  const ShardLock lock(shard);
  open_->WhenOpen(shard, channel,
                  [this, beginning, channel, since = std::move(since)](
                      ChannelShard& locked, const absl::Status& opened) {
                    locked.mu.AssertHeld();
                    if (beginning->ended()) return;
                    if (!opened.ok()) return Fail(locked, beginning, opened);
                    Recover(locked, beginning, channel, since);
                  });
}

void Watches::Fail(ChannelShard& shard, const BeginningPtr& beginning,
                   const absl::Status& status) {
  beginning->Fail(status);
  AfterLock(shard, [beginning, status] { beginning->sink()->Close(status); });
}

void Watches::Recover(ChannelShard& shard, const BeginningPtr& beginning,
                      const std::string& channel,
                      const std::optional<Position>& since) {
  if (!since.has_value()) {
    return Begin(shard, beginning, channel, std::nullopt);
  }
  if (!log_->PositionOf(channel).has_value()) {
    return Begin(shard, beginning, channel, Missed());
  }
  open_->Hold(shard, channel);
  log_->Since(channel, since, kUnbounded,
              [this, beginning, channel](absl::StatusOr<Missed> missed) {
                ChannelShard& locked = table_->ShardOf(channel);
                locked.mu.AssertHeld();
                if (!beginning->ended()) {
                  Begin(locked, beginning, channel,
                        missed.ok() ? *std::move(missed) : Missed());
                }
                open_->Release(locked, channel);
              });
}

void Watches::Begin(ChannelShard& shard, const BeginningPtr& beginning,
                    const std::string& channel, std::optional<Missed> missed) {
  const absl::Status status =
      SendBeginning(shard, beginning, channel, std::move(missed));
  if (!status.ok()) return Fail(shard, beginning, status);
  shard.watches[channel].insert(beginning->sink());
}

void Watches::Unwatch(const v1::WatchRequest& request, const SinkPtr& sink) {
  {
    contract::MutexLock lock(&mu_);
    const auto it = watches_.find(sink);
    if (it != watches_.end()) it->second->End();
  }
  for (const std::string& channel : request.channels()) {
    ChannelShard& shard = table_->ShardOf(channel);
    const ShardLock lock(shard);
    const auto it = shard.watches.find(channel);
    if (it == shard.watches.end()) continue;
    it->second.erase(sink);
    if (it->second.empty()) shard.watches.erase(it);
    open_->OnListenerLeft(shard, channel);
  }
  contract::MutexLock lock(&mu_);
  watches_.erase(sink);
}

absl::Status Watches::SendBeginning(ChannelShard& shard,
                                    const BeginningPtr& beginning,
                                    absl::string_view channel,
                                    std::optional<Missed> missed) {
  const SinkPtr& sink = beginning->sink();
  v1::Subscribed subscribed;
  const std::optional<Position> position = log_->PositionOf(channel);
  if (position.has_value()) {
    subscribed.set_epoch(position->epoch);
    subscribed.set_offset(position->offset);
  }
  std::vector<Chunk> chunks;
  if (missed.has_value()) {
    const bool recovered =
        missed->available && beginning->TakeMissed(BytesOf(missed->chunks));
    if (recovered) chunks = std::move(missed->chunks);
    subscribed.set_recovered(recovered);
    observer_->OnRecovery(recovered);
  }
  std::vector<Chunk> first =
      fanout_->WatchBeginning(channel, std::move(subscribed));
  if (membership_->MemberCount(channel) > 0 &&
      !beginning->TakeRoster(BytesOf(first))) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the rosters of these channels have more than ",
                     kWatchRostersBytesMax, " bytes; use several Watches"));
  }
  for (Chunk& chunk : first) {
    EnqueueStateIn(shard, sink, std::move(chunk));
  }
  for (Chunk& chunk : chunks) sink->EnqueueMissed(std::move(chunk));
  shard.flushes->Add(sink);
  return absl::OkStatus();
}

void Watches::Stop() {
  std::vector<SinkPtr> watches;
  {
    contract::MutexLock lock(&mu_);
    for (const auto& [sink, beginning] : watches_) watches.push_back(sink);
  }
  const absl::Status why = absl::UnavailableError("the service is stopping");
  for (const SinkPtr& sink : watches) sink->Close(why);
}

}  // namespace herald::core
