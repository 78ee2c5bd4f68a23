// SPDX-License-Identifier: Apache-2.0

#include "service/history/history.h"

#include <algorithm>

namespace herald::core {
namespace {

using contract::MutexLock;

int64_t SizeOf(const Chunk& chunk) {
  return static_cast<int64_t>(chunk->size()) + kHistoryEntryBytes;
}

int64_t SizeOf(absl::string_view channel) {
  return kHistoryChannelBytes + 2 * static_cast<int64_t>(channel.size());
}

// 60 bits as 12 characters, which a std::string keeps without an allocation.
std::string EpochOf(uint64_t bits) {
  constexpr char kDigits[] = "abcdefghijkmnpqrstuvwxyz23456789";
  std::string epoch(12, '\0');
  for (char& c : epoch) {
    c = kDigits[bits % 32];
    bits /= 32;
  }
  return epoch;
}

}  // namespace

Missed LocateMissed(const Position& position, int64_t count,
                    const std::optional<Position>& since) {
  Missed missed;
  missed.position = position;
  int64_t behind = count;
  if (since.has_value()) {
    const bool latest = since->epoch.empty() && since->offset == 0;
    if (!latest && since->epoch != position.epoch) return missed;
    // Before the offset is checked: a refusal shows from where on all is there
    // (AHistory.ReturnsTheOldestCompletePosition).
    missed.available_since = position.offset - count;
    if (since->offset < 0 || since->offset > position.offset) return missed;
    behind = latest ? 1 : position.offset - since->offset;
    if (behind > count) return missed;
  }
  missed.available = true;
  missed.since = position.offset - behind;
  return missed;
}

History::Place History::Advance(absl::string_view channel,
                                const HistoryLimits& limits, absl::Time now,
                                int64_t step) {
  // Declared before the lock, so that its memory is freed without it.
  StoredChannels gone;
  MutexLock lock(&mu_);
  Place place;
  auto found = Use(channel, now);
  place.begun = found == empty_.end();
  if (place.begun) {
    found = empty_.emplace(empty_.begin());
    found->name = std::string(channel);
    found->epoch = EpochOf(random_());
    found->used = now;
    by_name_.emplace(found->name, found);
    count_ = by_name_.size();
    bytes_ += found->bytes = SizeOf(found->name);
  }
  found->offset += step;
  const bool sooner = limits.ttl < found->limits.ttl;
  found->limits = limits;
  // A later time needs nothing: the sweep that is due earlier sets the next one
  // (AHistory.LooksSoonerWhenItsTimeBecomesShorter).
  if (place.begun || sooner) SweepLater(*found, now);
  place.position = {found->epoch, found->offset};
  place.given_up = MakeRoom(found, gone);
  return place;
}

int64_t History::Keep(absl::string_view channel, const Position& position,
                      Chunk chunk, absl::Time now) {
  StoredChannels gone;
  MutexLock lock(&mu_);
  const auto found = Use(channel, now);
  // The channel was evicted meanwhile, in favour of others.
  if (found == empty_.end() || found->epoch != position.epoch) return 0;
  const int64_t bytes = SizeOf(chunk);
  // It would not fit even alone. To evict others for it would not help
  // (AHistory.EvictsNoOtherChannelForAnEventThatCannotFit).
  if (bytes + SizeOf(found->name) > bytes_max_) {
    Erase(found, gone);
    return 1;
  }
  if (found->entries.empty()) kept_.splice(kept_.begin(), empty_, found);
  found->entries.push_back({std::move(chunk), now});
  found->bytes += bytes;
  bytes_ += bytes;
  while (static_cast<int64_t>(found->entries.size()) > found->limits.size) {
    DropFirst(found);
  }
  return MakeRoom(found, gone);
}

std::optional<Position> History::Locate(absl::string_view channel,
                                        absl::Time now) {
  if (empty()) return std::nullopt;
  MutexLock lock(&mu_);
  const auto found = Use(channel, now);
  if (found == empty_.end()) return std::nullopt;
  return Position{found->epoch, found->offset};
}

std::optional<Position> History::Peek(absl::string_view channel) const {
  MutexLock lock(&mu_);
  const auto it = by_name_.find(channel);
  if (it == by_name_.end()) return std::nullopt;
  return Position{it->second->epoch, it->second->offset};
}

Missed History::Since(absl::string_view channel,
                      const std::optional<Position>& since, size_t count_max,
                      absl::Time now) {
  MutexLock lock(&mu_);
  const auto found = Use(channel, now);
  if (found == empty_.end()) return {};
  DropExpired(found, now);
  return MissedOf({found->epoch, found->offset}, found->entries, since,
                  count_max);
}

void History::Touch(absl::string_view channel, absl::Time now) {
  MutexLock lock(&mu_);
  Use(channel, now);
}

bool History::Forget(absl::string_view channel) {
  StoredChannels gone;
  MutexLock lock(&mu_);
  const auto it = by_name_.find(channel);
  if (it == by_name_.end()) return false;
  Erase(it->second, gone);
  return true;
}

void History::ForgetIfIdle(absl::string_view channel, absl::Time now) {
  StoredChannels gone;
  MutexLock lock(&mu_);
  const auto it = by_name_.find(channel);
  // It may have been used since Expire()
  // (AHistory.ForgetsIdleChannelsOnlyIfTheyStillAre).
  if (it == by_name_.end() || !IsIdle(*it->second, now)) return;
  Erase(it->second, gone);
}

std::vector<std::string> History::Expire(absl::Time now) {
  std::vector<std::string> idle;
  MutexLock lock(&mu_);
  while (!sweeps_.empty() && sweeps_.begin()->first <= now) {
    const auto channel = by_name_.at(sweeps_.begin()->second);
    DropExpired(channel, now);
    if (IsIdle(*channel, now)) idle.push_back(channel->name);
    // Idle ones, too: the caller forgets them with their shard locked, and they
    // may be in use again by then.
    SweepLater(*channel, now);
  }
  return idle;
}

std::vector<std::string> History::Names() const {
  std::vector<std::string> names;
  MutexLock lock(&mu_);
  for (const auto& [name, channel] : by_name_) names.emplace_back(name);
  return names;
}

int64_t History::bytes() const {
  MutexLock lock(&mu_);
  return bytes_;
}

int64_t History::channel_count() const {
  MutexLock lock(&mu_);
  return static_cast<int64_t>(by_name_.size());
}

History::StoredChannels::iterator History::Use(absl::string_view channel,
                                               absl::Time now) {
  const auto it = by_name_.find(channel);
  if (it == by_name_.end()) return empty_.end();
  StoredChannels& list = it->second->entries.empty() ? empty_ : kept_;
  list.splice(list.begin(), list, it->second);
  it->second->used = now;
  return it->second;
}

int64_t History::MakeRoom(StoredChannels::iterator user, StoredChannels& gone) {
  // The user is the first of its list.
  // Channels without publications first: with them no publication is lost.
  for (StoredChannels* const list : {&empty_, &kept_}) {
    while (bytes_ > bytes_max_ && !list->empty() && &list->back() != &*user) {
      Erase(std::prev(list->end()), gone);
    }
  }
  while (bytes_ > bytes_max_ && user->entries.size() > 1) DropFirst(user);
  return static_cast<int64_t>(gone.size());
}

void History::Erase(StoredChannels::iterator channel, StoredChannels& gone) {
  bytes_ -= channel->bytes;
  // The keys are views of the name, which lives until `gone` is freed.
  by_name_.erase(channel->name);
  count_ = by_name_.size();
  sweeps_.erase({channel->swept_at, channel->name});
  gone.splice(gone.end(), channel->entries.empty() ? empty_ : kept_, channel);
}

void History::DropFirst(StoredChannels::iterator channel) {
  const int64_t bytes = SizeOf(channel->entries.front().chunk);
  channel->bytes -= bytes;
  bytes_ -= bytes;
  channel->entries.pop_front();
  // The epoch goes on without publications.
  if (channel->entries.empty()) empty_.splice(empty_.begin(), kept_, channel);
}

void History::DropExpired(StoredChannels::iterator channel, absl::Time now) {
  while (!channel->entries.empty() &&
         channel->entries.front().time + channel->limits.ttl <= now) {
    DropFirst(channel);
  }
}

absl::Duration History::LifeOf(const StoredChannel& channel) {
  const absl::Duration ttl = channel.limits.ttl;
  return channel.offset == 0 ? std::min(ttl, kUnsaidLife) : ttl;
}

bool History::IsIdle(const StoredChannel& channel, absl::Time now) {
  return channel.entries.empty() && channel.used + LifeOf(channel) <= now;
}

void History::SweepLater(StoredChannel& channel, absl::Time now) {
  sweeps_.erase({channel.swept_at, channel.name});
  channel.swept_at = now + LifeOf(channel);
  sweeps_.emplace(channel.swept_at, channel.name);
}

}  // namespace herald::core
