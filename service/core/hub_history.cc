// SPDX-License-Identifier: Apache-2.0
//
// Where channels are, and what was missed: by a gateway that returns, by the
// sockets of one that asks, by Watches, and by backends that read.

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/contract/limits.h"
#include "proto/contract/names.h"
#include "service/core/encoding.h"
#include "service/core/hub.h"
#include "service/core/request_checks.h"

namespace herald::core {
namespace {

constexpr size_t kAll = std::numeric_limits<size_t>::max();

// How often histories are looked through for what is out of time.
constexpr absl::Duration kExpireInterval = absl::Seconds(1);

// A page of GetHistory() fits into gRPC's default bound of 4 MiB.
constexpr size_t kPageBytesMax = 1 << 20;

Position FromProto(const v1::Position& position) {
  return {position.epoch(), position.offset()};
}

link::v1::ServiceItem NewPosition(absl::string_view channel,
                                  const Position& position, bool lost) {
  link::v1::ServiceItem item;
  link::v1::NewPosition& out = *item.mutable_new_position();
  out.set_channel(std::string(channel));
  if (!position.epoch.empty()) *out.mutable_position() = ToProto(position);
  out.set_lost(lost);
  return item;
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

void Hub::EndHistory(Shard& shard, absl::string_view channel) {
  if (HistoryOf(shard, channel).size > 0) return;
  engine_->Forget(channel);
  TellPosition(shard, channel, {});
}

void Hub::TellPosition(Shard& shard, absl::string_view channel,
                       const Position& position) {
  const auto item = [&] {
    return EncodeItem(NewPosition(channel, position, /*lost=*/false));
  };
  const auto message = [&] {
    v1::ServerMessage subscribed = WatchSubscribed(channel);
    subscribed.mutable_subscribed()->set_epoch(position.epoch);
    subscribed.mutable_subscribed()->set_offset(position.offset);
    return EncodeWatch(std::move(subscribed));
  };
  TellIn(shard, channel, item, message, &EnqueueStateIn);
}

void Hub::OnHistoryBegan(absl::string_view channel, const Position& position) {
  Shard& shard = table_.ShardOf(channel);
  shard.mu.AssertHeld();
  TellPosition(shard, channel, position);
  if (!expiring_.exchange(true)) {
    timers_->After(kExpireInterval, [this] { ExpireHistories(); });
  }
}

void Hub::OnListenerLeft(const Shard& shard, absl::string_view channel) {
  if (shard.channels.contains(channel)) return;
  if (!shard.watches.contains(channel)) engine_->Release(channel);
}

void Hub::ExpireHistories() {
  for (const std::string& channel : engine_->Expire()) {
    Shard& shard = table_.ShardOf(channel);
    const ShardLock lock(shard);
    // Who listens keeps the counter, so that the next event goes on with it.
    if (shard.channels.contains(channel)) continue;
    if (!shard.watches.contains(channel)) engine_->ForgetIfIdle(channel);
  }
  // Cleared before the look, so that a history that begins now is seen by one
  // of the two.
  expiring_ = false;
  if (phase_ == Phase::kStopped || engine_->HistoryCount() == 0) return;
  if (expiring_.exchange(true)) return;
  timers_->After(kExpireInterval, [this] { ExpireHistories(); });
}

void Hub::Repair(Shard& shard, const AttachmentPtr& gateway,
                 const link::v1::Held& held) {
  const std::string& channel = held.channel();
  const HistoryLimits limits = HistoryOf(shard, channel);
  const bool knows = !held.position().epoch().empty();
  if (limits.size == 0) {
    if (!knows) return;
    return EnqueueStateIn(shard, gateway->sink,
                          EncodeItem(NewPosition(channel, {}, /*lost=*/true)));
  }
  // Said first, so that an epoch which begins with it comes before the rest.
  const Position position = engine_->PositionOf(channel, limits);
  Missed missed;
  if (knows) {
    missed = engine_->Since(channel, FromProto(held.position()), kAll);
    observer_->OnRecovery(missed.available);
  }
  // Who knows no position was told that there is no history, and may have
  // missed something all the same while its link was down.
  if (!missed.available) {
    return EnqueueStateIn(
        shard, gateway->sink,
        EncodeItem(NewPosition(channel, position, /*lost=*/true)));
  }
  for (Chunk& chunk : missed.chunks) {
    EnqueueStateIn(shard, gateway->sink, std::move(chunk));
  }
}

absl::Status Hub::OnRecover(const AttachmentPtr& gateway,
                            const link::v1::Recover& recover) {
  const std::string& channel = recover.channel();
  Shard& shard = table_.ShardOf(channel);
  const ShardLock lock(shard);
  if (gateway->ended) return absl::OkStatus();
  // What the rules give no room any more may have holes.
  const auto it = shard.channels.find(channel);
  const bool listens =
      it != shard.channels.end() && it->second.Find(gateway.get()) != nullptr;
  Missed missed;
  if (listens && HistoryOf(shard, channel).size > 0) {
    missed = engine_->Since(channel, FromProto(recover.since()), kAll);
  }
  observer_->OnRecovery(missed.available);
  link::v1::ServiceItem item;
  link::v1::Recovery& answer = *item.mutable_recovery();
  answer.set_channel(channel);
  *answer.mutable_since() = recover.since();
  answer.set_available(missed.available);
  if (missed.available) {
    *answer.mutable_since() = ToProto({missed.position.epoch, missed.since});
    answer.set_until(missed.position.offset);
  } else {
    answer.set_available_since(missed.available_since);
  }
  EnqueueStateIn(shard, gateway->sink, EncodeItem(std::move(item)));
  for (Chunk& chunk : missed.chunks) {
    EnqueueStateIn(shard, gateway->sink, std::move(chunk));
  }
  return absl::OkStatus();
}

v1::ServerMessage Hub::WatchSubscribed(absl::string_view channel) const {
  v1::ServerMessage message;
  v1::Subscribed& subscribed = *message.mutable_subscribed();
  subscribed.set_channel(std::string(channel));
  *subscribed.mutable_members() =
      std::move(*RosterOf(channel).mutable_members());
  return message;
}

void Hub::BeginWatch(Shard& shard, const SinkPtr& sink,
                     absl::string_view channel,
                     const v1::ChannelPosition* since, int64_t& room) {
  v1::ServerMessage message = WatchSubscribed(channel);
  v1::Subscribed& subscribed = *message.mutable_subscribed();
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
  int64_t bytes = 0;
  for (const Chunk& chunk : missed.chunks) {
    bytes += static_cast<int64_t>(chunk->size());
  }
  if (bytes > room) missed = {};
  if (missed.available) room -= bytes;
  if (since != nullptr) {
    subscribed.set_recovered(missed.available);
    observer_->OnRecovery(missed.available);
  }
  EnqueueStateIn(shard, sink, EncodeWatch(std::move(message)));
  for (Chunk& chunk : missed.chunks) sink->EnqueueMissed(std::move(chunk));
}

absl::StatusOr<v1::GetHistoryResponse> Hub::GetHistory(
    const v1::GetHistoryRequest& request) {
  absl::Status status = CheckReady();
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
    Shard& shard = table_.ShardOf(request.channel());
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

}  // namespace herald::core
