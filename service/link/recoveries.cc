// SPDX-License-Identifier: Apache-2.0

#include "service/link/recoveries.h"

#include <iterator>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "service/channel/encoding.h"

namespace herald::core {
namespace {

constexpr size_t kAll = std::numeric_limits<size_t>::max();

// Questions that waited, and are answered in one turn: the thread of the timers
// has other work, too.
constexpr int kRecoversPerTurn = 1000;

// How often a link with waiting questions is checked, and how many questions
// may wait: one for each channel that the gateway asks for.
constexpr absl::Duration kRecoverPause = absl::Milliseconds(10);
constexpr size_t kRecoversWaitingMax = 100'000;

// Questions of one link that the log may have open. Each answer may be as large
// as a history.
constexpr size_t kRecoveriesAskedMax = 64;

// Refuses an answer of more than `bytes_max`, for which the gateway has no use.
// It may ask again from `available_since`: the publications after it fit.
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

bool HasRoomFor(const Attachment& gateway)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(gateway.mu) {
  return gateway.recoveries_asked < kRecoveriesAskedMax &&
         gateway.sink->HasRoomForState();
}

}  // namespace

absl::Status Recoveries::OnRecover(const AttachmentPtr& gateway,
                                   link::v1::Recover recover) {
  bool waits = false;
  bool begins = false;
  {
    contract::MutexLock lock(&gateway->mu);
    // A question also waits if others do. If it passed them, a gateway that
    // keeps asking would delay them without end.
    waits = gateway->recovering || !HasRoomFor(*gateway);
    if (waits && gateway->recovers.size() >= kRecoversWaitingMax) {
      return absl::ResourceExhaustedError(
          absl::StrCat("the gateway reads too slowly: ", kRecoversWaitingMax,
                       " recoveries wait for it"));
    }
    if (waits) {
      // Unknown fields may be as large as a frame.
      recover.DiscardUnknownFields();
      gateway->recovers.emplace_back().Swap(&recover);
      gateway->bytes->Add(MemoryOf(gateway->recovers.back()));
      begins = !std::exchange(gateway->recovering, true);
    }
  }
  if (!waits) Recover(gateway, std::move(recover));
  if (begins) {
    timers_->After(kRecoverPause, [this, gateway] { RecoverWaiting(gateway); });
  }
  return absl::OkStatus();
}

// Takes one question at a time and releases the attachment's lock: Recover()
// locks a shard, which comes before the attachment in the lock order. The bound
// is checked again for each: one answer alone may exceed it.
void Recoveries::RecoverWaiting(const AttachmentPtr& gateway) {
  for (int i = 0; i < kRecoversPerTurn; ++i) {
    link::v1::Recover next;
    {
      contract::MutexLock lock(&gateway->mu);
      if (gateway->ended) gateway->recovers.clear();
      gateway->recovering = !gateway->recovers.empty();
      if (!gateway->recovering) return;
      if (!HasRoomFor(*gateway)) break;
      gateway->bytes->Add(-MemoryOf(gateway->recovers.front()));
      next = std::move(gateway->recovers.front());
      gateway->recovers.pop_front();
    }
    Recover(gateway, std::move(next));
  }
  timers_->After(kRecoverPause, [this, gateway] { RecoverWaiting(gateway); });
}

void Recoveries::Recover(const AttachmentPtr& gateway,
                         link::v1::Recover recover) {
  const std::string channel = recover.channel();
  const Position since = FromProto(recover.since());
  ChannelShard& shard = table_->ShardOf(channel);
  const ShardLock lock(shard);
  if (gateway->ended) return;
  if (!IsSubscribed(shard, channel, gateway.get())) {
    return Answer(shard, gateway, recover, Missed());
  }
  // Counted first: the embedded engine answers inside the call.
  {
    contract::MutexLock gateway_lock(&gateway->mu);
    ++gateway->recoveries_asked;
  }
  log_->Since(channel, since, kAll,
              [this, gateway,
               recover = std::move(recover)](absl::StatusOr<Missed> missed) {
                ChannelShard& locked = table_->ShardOf(recover.channel());
                locked.mu.AssertHeld();
                {
                  contract::MutexLock gateway_lock(&gateway->mu);
                  --gateway->recoveries_asked;
                }
                if (gateway->ended) return;
                // After an error, or an unsubscribe meanwhile, nothing is
                // available.
                const bool has_answer =
                    missed.ok() &&
                    IsSubscribed(locked, recover.channel(), gateway.get());
                Answer(locked, gateway, recover,
                       has_answer ? *std::move(missed) : Missed());
              });
}

void Recoveries::Answer(ChannelShard& shard, const AttachmentPtr& gateway,
                        const link::v1::Recover& recover, Missed missed) {
  // A question without an epoch asks for the latest publication only, which is
  // never too large.
  if (recover.bytes_max() > 0 && !recover.since().epoch().empty()) {
    KeepWithin(recover.bytes_max(), missed);
  }
  observer_->OnRecovery(missed.available);
  link::v1::ServiceItem item;
  link::v1::Recovery& answer = *item.mutable_recovery();
  answer.set_channel(recover.channel());
  *answer.mutable_since() = recover.since();
  answer.set_available(missed.available);
  if (missed.available) {
    *answer.mutable_since() = ToProto({missed.position.epoch, missed.since});
    answer.set_until(missed.position.offset);
  } else {
    answer.set_available_since(missed.available_since);
  }
  // `recovery` announces the range of the publications behind it. The shard is
  // locked, so no other publication comes between. They count as state: an
  // answer may be larger than the outbox, and must not end the link.
  EnqueueStateIn(shard, gateway->sink, EncodeItem(std::move(item)));
  for (Chunk& chunk : missed.chunks) {
    EnqueueStateIn(shard, gateway->sink, std::move(chunk));
  }
}

void Recoveries::Repair(ChannelShard& shard, const AttachmentPtr& gateway,
                        const link::v1::Held& held, RepairDone done) {
  const std::string& channel = held.channel();
  const std::optional<Position> position = log_->PositionOf(channel);
  const bool knows = !held.position().epoch().empty();
  if (!position.has_value() || !knows) {
    // A gateway without a position was notified that there is no history, and
    // may have missed publications all the same while its link was down.
    if (position.has_value() || knows) {
      EnqueueStateIn(shard, gateway->sink,
                     EncodeItem(NewPosition(
                         channel, position.value_or(Position()), true)));
    }
    return done(shard);
  }
  log_->Since(channel, FromProto(held.position()), kAll,
              [this, gateway, &held,
               done = std::move(done)](absl::StatusOr<Missed> missed) mutable {
                ChannelShard& locked = table_->ShardOf(held.channel());
                locked.mu.AssertHeld();
                const bool available = missed.ok() && missed->available;
                observer_->OnRecovery(available);
                if (available) {
                  for (Chunk& chunk : missed->chunks) {
                    EnqueueStateIn(locked, gateway->sink, std::move(chunk));
                  }
                } else {
                  // Read now, not before Since(): the gateway enters the table
                  // at this position, and the log may have moved on meanwhile.
                  const Position now =
                      log_->PositionOf(held.channel()).value_or(Position());
                  EnqueueStateIn(locked, gateway->sink,
                                 EncodeItem(NewPosition(held.channel(), now,
                                                        /*lost=*/true)));
                }
                done(locked);
              });
}

}  // namespace herald::core
