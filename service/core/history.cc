// SPDX-License-Identifier: Apache-2.0

#include "service/core/history.h"

#include <algorithm>

namespace herald::core {
namespace {

using contract::MutexLock;

// What an entry and a channel take beside their bytes, about: list and table
// nodes, the deque's first blocks, the string that a chunk is.
constexpr int64_t kEntryBytes = 96;
constexpr int64_t kChannelBytes = 1024;

int64_t SizeOf(const Chunk& chunk) {
  return static_cast<int64_t>(chunk->size()) + kEntryBytes;
}

int64_t SizeOf(const std::string& channel) {
  return kChannelBytes + 2 * static_cast<int64_t>(channel.size());
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

History::Place History::Find(absl::string_view channel,
                             const HistoryLimits& limits, absl::Time now) {
  MutexLock lock(&mu_);
  Place place;
  const Channel& found = Obtain(channel, limits, now, &place.begun);
  place.position = {found.epoch, found.offset};
  return place;
}

History::Place History::Number(absl::string_view channel,
                               const HistoryLimits& limits, absl::Time now) {
  MutexLock lock(&mu_);
  Place place;
  Channel& found = Obtain(channel, limits, now, &place.begun);
  ++found.offset;
  place.position = {found.epoch, found.offset};
  return place;
}

int64_t History::Keep(absl::string_view channel, const Position& position,
                      Chunk chunk, absl::Time now) {
  MutexLock lock(&mu_);
  Channel* const found = Use(channel, now);
  // Given up meanwhile, for others: then there is nothing to go on with.
  if (found == nullptr || found->epoch != position.epoch) return 0;
  bytes_ += SizeOf(chunk);
  found->entries.push_back({std::move(chunk), now});
  while (static_cast<int64_t>(found->entries.size()) > found->limits.size) {
    DropFirst(*found);
  }
  int64_t given_up = 0;
  for (; bytes_ > bytes_max_ && !channels_.empty(); ++given_up) {
    Erase(std::prev(channels_.end()));
  }
  return given_up;
}

std::optional<Position> History::Peek(absl::string_view channel) const {
  MutexLock lock(&mu_);
  const auto it = by_name_.find(channel);
  if (it == by_name_.end()) return std::nullopt;
  return Position{it->second->epoch, it->second->offset};
}

Missed History::Since(absl::string_view channel, const Position& since,
                      size_t count_max, absl::Time now) {
  MutexLock lock(&mu_);
  Missed missed;
  Channel* const found = Use(channel, now);
  if (found == nullptr) return missed;
  DropExpired(*found, now);
  missed.position = {found->epoch, found->offset};
  const auto there = static_cast<int64_t>(found->entries.size());
  const bool latest = since.epoch.empty() && since.offset == 0;
  if (!latest && since.epoch != found->epoch) return missed;
  if (since.offset < 0 || since.offset > found->offset) return missed;
  const int64_t behind = latest ? 1 : found->offset - since.offset;
  if (behind > there) return missed;
  missed.available = true;
  missed.since = found->offset - behind;
  const auto first = found->entries.end() - behind;
  const auto count = std::min(static_cast<size_t>(behind), count_max);
  for (auto it = first; missed.chunks.size() < count; ++it) {
    missed.chunks.push_back(it->chunk);
  }
  return missed;
}

Missed History::All(absl::string_view channel, size_t count_max,
                    absl::Time now) {
  Position oldest;
  {
    MutexLock lock(&mu_);
    Channel* const found = Use(channel, now);
    if (found == nullptr) return {};
    DropExpired(*found, now);
    const auto there = static_cast<int64_t>(found->entries.size());
    oldest = {found->epoch, found->offset - there};
  }
  return Since(channel, oldest, count_max, now);
}

void History::Forget(absl::string_view channel) {
  MutexLock lock(&mu_);
  const auto it = by_name_.find(channel);
  if (it != by_name_.end()) Erase(it->second);
}

std::vector<std::string> History::Expire(absl::Time now) {
  std::vector<std::string> idle;
  MutexLock lock(&mu_);
  while (!sweeps_.empty() && sweeps_.top().first <= now) {
    const Sweep sweep = sweeps_.top();
    sweeps_.pop();
    const auto it = by_name_.find(sweep.second);
    // Of an earlier life of the channel.
    if (it == by_name_.end() || it->second->swept_at != sweep.first) continue;
    Channel& channel = *it->second;
    DropExpired(channel, now);
    if (channel.entries.empty() && channel.used + channel.limits.ttl <= now) {
      idle.push_back(channel.name);
    }
    SweepLater(channel, now);
  }
  return idle;
}

int64_t History::bytes() const {
  MutexLock lock(&mu_);
  return bytes_;
}

int64_t History::channel_count() const {
  MutexLock lock(&mu_);
  return static_cast<int64_t>(channels_.size());
}

History::Channel* History::Use(absl::string_view channel, absl::Time now) {
  const auto it = by_name_.find(channel);
  if (it == by_name_.end()) return nullptr;
  channels_.splice(channels_.begin(), channels_, it->second);
  it->second->used = now;
  return &*it->second;
}

History::Channel& History::Obtain(absl::string_view channel,
                                  const HistoryLimits& limits, absl::Time now,
                                  bool* begun) {
  Channel* found = Use(channel, now);
  *begun = found == nullptr;
  if (*begun) {
    found = &channels_.emplace_front();
    found->name = std::string(channel);
    found->epoch = EpochOf(random_());
    found->used = now;
    by_name_.emplace(found->name, channels_.begin());
    bytes_ += SizeOf(found->name);
  }
  const bool sooner = limits.ttl < found->limits.ttl;
  found->limits = limits;
  if (*begun || sooner) SweepLater(*found, now);
  return *found;
}

void History::Erase(Channels::iterator channel) {
  while (!channel->entries.empty()) DropFirst(*channel);
  bytes_ -= SizeOf(channel->name);
  by_name_.erase(channel->name);
  channels_.erase(channel);
}

void History::DropFirst(Channel& channel) {
  bytes_ -= SizeOf(channel.entries.front().chunk);
  channel.entries.pop_front();
}

void History::DropExpired(Channel& channel, absl::Time now) {
  while (!channel.entries.empty() &&
         channel.entries.front().time + channel.limits.ttl <= now) {
    DropFirst(channel);
  }
}

void History::SweepLater(Channel& channel, absl::Time now) {
  channel.swept_at = now + channel.limits.ttl;
  sweeps_.emplace(channel.swept_at, channel.name);
}

}  // namespace herald::core
