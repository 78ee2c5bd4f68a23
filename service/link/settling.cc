// SPDX-License-Identifier: Apache-2.0

#include "service/link/settling.h"

#include <optional>
#include <utility>
#include <vector>

#include "service/channel/encoding.h"

namespace herald::core {
namespace {

// How often the silence of attaching gateways is checked.
constexpr absl::Duration kCheckInterval = absl::Milliseconds(100);

void SendSettled(const AttachmentPtr& gateway) {
  link::v1::ServiceItem item;
  item.mutable_settled();
  gateway->sink->Enqueue(EncodeItem(std::move(item)));
  gateway->sink->Flush();
}

}  // namespace

void Settling::Start() {
  const auto after = [this](absl::Duration time, bool Settling::*over) {
    // Counted by the timers and not by the time of day, which may be set.
    timers_->After(time, [this, over] {
      {
        contract::MutexLock lock(&mu_);
        this->*over = true;
      }
      SettleIfDue();
    });
  };
  after(settle_min_, &Settling::min_over_);
  after(settle_hello_, &Settling::hello_over_);
  after(settle_max_, &Settling::max_over_);
  timers_->After(settle_hello_, [this] { SettleWhenDue(); });
}

void Settling::SettleWhenDue() {
  SettleIfDue();
  if (readiness_->phase() != Readiness::Phase::kStarting) return;
  timers_->After(kCheckInterval, [this] { SettleWhenDue(); });
}

void Settling::OnAttached(const AttachmentPtr& gateway) {
  if (gateways_->MarkAttached(gateway, *readiness_)) {
    SendSettled(gateway);
  } else {
    SettleIfDue();
  }
}

void Settling::SettleIfDue() {
  {
    contract::MutexLock lock(&mu_);
    if (settling_ || readiness_->phase() != Readiness::Phase::kStarting ||
        !min_over_) {
      return;
    }
    const absl::Time since =
        hello_over_ ? timers_->Now() - attach_pause_max_ : absl::InfinitePast();
    if (!max_over_ && gateways_->IsAnyAttaching(since)) return;
    // Set before the lock is released: Settle() locks shards, and another
    // gateway may attach meanwhile.
    settling_ = true;
  }
  if (Settle()) observer_->OnSettled(timers_->Now() - start_time_);
}

bool Settling::Settle() {
  table_->ForEachShard([this](ChannelShard& shard) {
    const ShardLock lock(shard);
    // From here on single changes are sent. In the section of the rosters, so
    // that no change is lost between the two, and none is in both.
    shard.settled = true;
    for (const auto& [channel, entry] : shard.channels) {
      if (!HasRoster(channel)) continue;
      const Chunk chunk = fanout_->RosterItem(channel);
      for (const Interest& interest : entry.interests) {
        EnqueueStateIn(shard, interest.peer->sink, chunk);
      }
    }
  });
  // Ready only after the rosters: a gateway asks its first question when it has
  // `settled`, and must have the rosters by then.
  const std::optional<std::vector<AttachmentPtr>> attached =
      gateways_->SettleAll(readiness_);
  if (!attached.has_value()) return false;
  for (const AttachmentPtr& gateway : *attached) SendSettled(gateway);
  return true;
}

}  // namespace herald::core
