// SPDX-License-Identifier: Apache-2.0
//
// The histories of channels: for each a ring of the latest encoded
// publications, and the counter that numbers them.
//
// A channel's counter begins with an `epoch` drawn at random and counts from 1.
// It lives until Forget(), or until memory is short: then whole channels are
// evicted, and their next publication begins a new epoch. Channels without
// publications are evicted first; of equals, the least recently used one. If
// only the channel in use is left, it drops its oldest publications instead.
// Publications older than the time to live are never returned; Expire() frees
// them.
//
// Memory: the chunks, which outboxes share, count against the bound, and so
// does a constant for each chunk and each channel. The bound holds whenever a
// call returns. Evicted channels are freed without the lock.
//
// Threads: any; it locks itself. Calls for one channel must not overlap.

#ifndef HERALD_SERVICE_HISTORY_HISTORY_H_
#define HERALD_SERVICE_HISTORY_HISTORY_H_

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "proto/contract/mutex.h"
#include "service/channel/position.h"
#include "service/channel/sink.h"

namespace herald::core {

// About how many bytes a publication and a channel take beyond their content:
// list and table nodes, the deque's first blocks, the string of a chunk.
inline constexpr int64_t kHistoryEntryBytes = 96;
inline constexpr int64_t kHistoryChannelBytes = 1024;

// The memory of a channel that keeps `size` publications of `bytes` each.
constexpr int64_t HistoryBytes(int64_t size, int64_t bytes) {
  return kHistoryChannelBytes + size * (kHistoryEntryBytes + bytes);
}

// A history that has had no publication yet is idle after at most this time.
inline constexpr absl::Duration kUnsaidLife = absl::Minutes(1);

// The answer to a question for the publications after `since`, without the
// chunks, for a channel at `position` that keeps its last `count` publications.
// The caller adds the publications from the result's `since` + 1 on. See
// History::Since().
Missed LocateMissed(const Position& position, int64_t count,
                    const std::optional<Position>& since);

// As LocateMissed(), with the chunks of the last publications, `entries`: at
// most `count_max` of them.
template <typename Entries>
Missed MissedOf(const Position& position, const Entries& entries,
                const std::optional<Position>& since, size_t count_max) {
  Missed missed =
      LocateMissed(position, static_cast<int64_t>(entries.size()), since);
  if (!missed.available) return missed;
  const int64_t behind = position.offset - missed.since;
  const auto count = std::min(static_cast<size_t>(behind), count_max);
  for (auto it = entries.end() - behind; missed.chunks.size() < count; ++it) {
    missed.chunks.push_back(it->chunk);
  }
  return missed;
}

class History {
 public:
  // `random` gives the bits of epochs.
  History(int64_t bytes_max, std::function<uint64_t()> random)
      : bytes_max_(bytes_max), random_(std::move(random)) {}

  struct Place {
    Position position;
    bool begun = false;    // The epoch has begun with this call.
    int64_t given_up = 0;  // Channels evicted because memory was short.
  };

  // Where the channel is; begins an epoch if it has none.
  Place Find(absl::string_view channel, const HistoryLimits& limits,
             absl::Time now) ABSL_LOCKS_EXCLUDED(mu_) {
    return Advance(channel, limits, now, 0);
  }

  // Takes the next offset.
  Place Number(absl::string_view channel, const HistoryLimits& limits,
               absl::Time now) ABSL_LOCKS_EXCLUDED(mu_) {
    return Advance(channel, limits, now, 1);
  }

  // Remembers the publication of the position that Number() has just returned.
  // Returns how many channels were evicted: its own if the publication alone
  // exceeds the bound.
  int64_t Keep(absl::string_view channel, const Position& position, Chunk chunk,
               absl::Time now) ABSL_LOCKS_EXCLUDED(mu_);

  // Where the channel is, if it has an epoch; Locate() counts as use.
  std::optional<Position> Locate(absl::string_view channel, absl::Time now)
      ABSL_LOCKS_EXCLUDED(mu_);
  std::optional<Position> Peek(absl::string_view channel) const
      ABSL_LOCKS_EXCLUDED(mu_);

  // The publications after `since`, or without it all that are remembered. An
  // empty epoch with offset 0 asks for the latest publication only. At most
  // `count_max` of them, the oldest first.
  Missed Since(absl::string_view channel, const std::optional<Position>& since,
               size_t count_max, absl::Time now) ABSL_LOCKS_EXCLUDED(mu_);

  // Counts as use.
  void Touch(absl::string_view channel, absl::Time now)
      ABSL_LOCKS_EXCLUDED(mu_);

  // Ends the channel's epoch. ForgetIfIdle() does so only if the channel is
  // idle: it has no publications and was not used for its time to live. Unknown
  // channels are not an error. Forget() returns whether there was an epoch.
  bool Forget(absl::string_view channel) ABSL_LOCKS_EXCLUDED(mu_);
  void ForgetIfIdle(absl::string_view channel, absl::Time now)
      ABSL_LOCKS_EXCLUDED(mu_);

  // Frees expired publications. Each channel is checked once per time to live;
  // returns the idle ones among the channels that were due.
  std::vector<std::string> Expire(absl::Time now) ABSL_LOCKS_EXCLUDED(mu_);

  std::vector<std::string> Names() const ABSL_LOCKS_EXCLUDED(mu_);
  // Whether there is no history at all. Takes no lock, so it may miss one that
  // another channel's call begins.
  bool empty() const { return count_.load(std::memory_order_relaxed) == 0; }
  int64_t bytes() const ABSL_LOCKS_EXCLUDED(mu_);
  int64_t channel_count() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Entry {
    Chunk chunk;
    absl::Time time;
  };
  struct StoredChannel {
    std::string name;
    std::string epoch;
    int64_t offset = 0;  // Of the last publication, kept or not.
    HistoryLimits limits;
    std::deque<Entry> entries;
    int64_t bytes = 0;  // All that is counted.
    absl::Time used;
    absl::Time swept_at;  // When Expire() checks it next.
  };
  // The most recently used first.
  using StoredChannels = std::list<StoredChannel>;

  Place Advance(absl::string_view channel, const HistoryLimits& limits,
                absl::Time now, int64_t step) ABSL_LOCKS_EXCLUDED(mu_);

  // The channel, as used now; empty_.end() if it is not known.
  StoredChannels::iterator Use(absl::string_view channel, absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Moves other channels to `gone`, and then drops the oldest publications of
  // `user`, until the bound holds. Returns how many channels were moved.
  // REQUIRES: `user` was used just now.
  int64_t MakeRoom(StoredChannels::iterator user, StoredChannels& gone)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Erase(StoredChannels::iterator channel, StoredChannels& gone)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void DropFirst(StoredChannels::iterator channel)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void DropExpired(StoredChannels::iterator channel, absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  static absl::Duration LifeOf(const StoredChannel& channel);
  static bool IsIdle(const StoredChannel& channel, absl::Time now);
  // Schedules the next check of the channel by Expire().
  void SweepLater(StoredChannel& channel, absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const int64_t bytes_max_;

  mutable contract::Mutex mu_;
  std::function<uint64_t()> random_ ABSL_GUARDED_BY(mu_);
  // Those without and with entries.
  StoredChannels empty_ ABSL_GUARDED_BY(mu_);
  StoredChannels kept_ ABSL_GUARDED_BY(mu_);
  // The keys are the names in the lists.
  absl::flat_hash_map<absl::string_view, StoredChannels::iterator> by_name_
      ABSL_GUARDED_BY(mu_);
  // One for each channel; the same names.
  std::set<std::pair<absl::Time, absl::string_view>> sweeps_
      ABSL_GUARDED_BY(mu_);
  int64_t bytes_ ABSL_GUARDED_BY(mu_) = 0;
  std::atomic<size_t> count_{0};  // Of by_name_.
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_HISTORY_HISTORY_H_
