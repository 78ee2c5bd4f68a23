// SPDX-License-Identifier: Apache-2.0

#include "service/link/recoveries.h"

#include <iterator>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "service/channel/encoding.h"

namespace herald::core {
namespace {

constexpr size_t kAll = std::numeric_limits<size_t>::max();

// How soon a link whose outbox is full of what was missed is looked at again,
// and how many questions of it may wait: one for each channel that it asks for.
constexpr absl::Duration kRecoverPause = absl::Milliseconds(10);
constexpr size_t kRecoversWaitingMax = 100'000;

// If there are more bytes than the gateway has a use for, nothing is available
// from this far behind, and perhaps the end of it is.
void KeepWithin(int64_t bytes_max, Missed& missed) {
  int64_t bytes = 0;
  auto first = missed.chunks.end();
  while (first != missed.chunks.begin()) {
    bytes += static_cast<int64_t>((*std::prev(first))->size());
    if (bytes > bytes_max) break;
    --first;
  }
  if (first == missed.chunks.begin()) return;
  missed.available = false;
  missed.available_since =
      missed.since + std::distance(missed.chunks.begin(), first);
  missed.chunks.clear();
}

}  // namespace

absl::Status Recoveries::OnRecover(const AttachmentPtr& gateway,
                                   link::v1::Recover recover) {
  bool waits = false;
  bool begins = false;
  {
    contract::MutexLock lock(&gateway->mu);
    waits = gateway->recovering || !gateway->sink->HasRoomForState();
    if (waits && gateway->recovers.size() >= kRecoversWaitingMax) {
      return absl::ResourceExhaustedError(
          absl::StrCat("the gateway reads too slowly: ", kRecoversWaitingMax,
                       " recoveries wait for it"));
    }
    if (waits) {
      // Unknown fields may be as large as a frame.
      recover.DiscardUnknownFields();
      gateway->recovers.emplace_back().Swap(&recover);
      begins = !std::exchange(gateway->recovering, true);
    }
  }
  if (!waits) Recover(gateway, recover);
  if (begins) {
    timers_->After(kRecoverPause, [this, gateway] { RecoverWaiting(gateway); });
  }
  return absl::OkStatus();
}

void Recoveries::RecoverWaiting(const AttachmentPtr& gateway) {
  for (;;) {
    link::v1::Recover next;
    {
      contract::MutexLock lock(&gateway->mu);
      if (gateway->ended) gateway->recovers.clear();
      gateway->recovering = !gateway->recovers.empty();
      if (!gateway->recovering) return;
      if (!gateway->sink->HasRoomForState()) break;
      next = std::move(gateway->recovers.front());
      gateway->recovers.pop_front();
    }
    Recover(gateway, next);
  }
  timers_->After(kRecoverPause, [this, gateway] { RecoverWaiting(gateway); });
}

void Recoveries::Recover(const AttachmentPtr& gateway,
                         const link::v1::Recover& recover) {
  const std::string& channel = recover.channel();
  Shard& shard = table_->ShardOf(channel);
  const ShardLock lock(shard);
  if (gateway->ended) return;
  Missed missed;
  if (IsSubscribed(shard, channel, gateway.get())) {
    missed = log_->Since(channel, FromProto(recover.since()), kAll);
    // The latest alone is one message, which is never too much.
    if (recover.bytes_max() > 0 && !recover.since().epoch().empty()) {
      KeepWithin(recover.bytes_max(), missed);
    }
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
}

void Recoveries::Repair(Shard& shard, const AttachmentPtr& gateway,
                        const link::v1::Held& held) {
  const std::string& channel = held.channel();
  const std::optional<Position> position = log_->PositionOf(channel);
  const bool knows = !held.position().epoch().empty();
  if (!position.has_value()) {
    if (!knows) return;
    return EnqueueStateIn(shard, gateway->sink,
                          EncodeItem(NewPosition(channel, {}, /*lost=*/true)));
  }
  Missed missed;
  if (knows) {
    missed = log_->Since(channel, FromProto(held.position()), kAll);
    observer_->OnRecovery(missed.available);
  }
  // Who knows no position was told that there is no history, and may have
  // missed something all the same while its link was down.
  if (!missed.available) {
    return EnqueueStateIn(
        shard, gateway->sink,
        EncodeItem(NewPosition(channel, *position, /*lost=*/true)));
  }
  for (Chunk& chunk : missed.chunks) {
    EnqueueStateIn(shard, gateway->sink, std::move(chunk));
  }
}

}  // namespace herald::core
