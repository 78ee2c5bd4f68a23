// SPDX-License-Identifier: Apache-2.0
//
// What channels have said lately: for each a ring of encoded publications, and
// the counter that numbers them.
//
// A channel's counter begins with an `epoch` drawn at random and counts from 1.
// It lives until Forget(), or until memory is short: then channels are given up
// and their next publication begins a new epoch: first those that hold nothing,
// each time the one that was not used for the longest time. The one that is
// being used drops its oldest publications instead when it is alone. What is
// older than the time to live is given to nobody; Expire() frees it.
//
// Memory: the chunks, which outboxes share, and a constant for each of them and
// for each channel, are counted against the bound, which holds whenever a call
// returns. Who is given up is freed without the lock.
//
// Threads: any; it locks itself. Calls for one channel must not overlap.

#ifndef HERALD_SERVICE_ENGINE_HISTORY_H_
#define HERALD_SERVICE_ENGINE_HISTORY_H_

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

// What a publication and a channel take beside their bytes, about: list and
// table nodes, the deque's first blocks, the string that a chunk is.
inline constexpr int64_t kHistoryEntryBytes = 96;
inline constexpr int64_t kHistoryChannelBytes = 1024;

// What a channel takes that remembers `size` publications of `bytes` each.
constexpr int64_t HistoryBytes(int64_t size, int64_t bytes) {
  return kHistoryChannelBytes + size * (kHistoryEntryBytes + bytes);
}

// How long a history at most is not idle in which nothing was said yet.
inline constexpr absl::Duration kUnsaidLife = absl::Minutes(1);

// What follows `since` in a channel at `position` of which the last `count`
// publications are there, without the chunks: these are to be the publications
// from `since` + 1 on. See History::Since().
Missed LocateMissed(const Position& position, int64_t count,
                    const std::optional<Position>& since);

class History {
 public:
  // `random` gives the bits of epochs.
  History(int64_t bytes_max, std::function<uint64_t()> random)
      : bytes_max_(bytes_max), random_(std::move(random)) {}

  struct Place {
    Position position;
    bool begun = false;    // The epoch has begun with this call.
    int64_t given_up = 0;  // So many channels, for want of room.
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

  // Remembers the publication of the position that Number() has just given.
  // Returns how many channels were given up: its own if it fits nowhere.
  int64_t Keep(absl::string_view channel, const Position& position, Chunk chunk,
               absl::Time now) ABSL_LOCKS_EXCLUDED(mu_);

  // Where the channel is, if it has an epoch; Locate() counts as use.
  std::optional<Position> Locate(absl::string_view channel, absl::Time now)
      ABSL_LOCKS_EXCLUDED(mu_);
  std::optional<Position> Peek(absl::string_view channel) const
      ABSL_LOCKS_EXCLUDED(mu_);

  // What followed `since`, or without it all that is remembered. An empty epoch
  // with offset 0 asks for the latest publication only. At most `count_max` of
  // them, the oldest first.
  Missed Since(absl::string_view channel, const std::optional<Position>& since,
               size_t count_max, absl::Time now) ABSL_LOCKS_EXCLUDED(mu_);

  // Counts as use.
  void Touch(absl::string_view channel, absl::Time now)
      ABSL_LOCKS_EXCLUDED(mu_);

  // Ends the channel's epoch; or only if it is idle: has nothing left and was
  // not used for its time to live. Unknown channels are not an error. Forget()
  // returns whether there was one.
  bool Forget(absl::string_view channel) ABSL_LOCKS_EXCLUDED(mu_);
  void ForgetIfIdle(absl::string_view channel, absl::Time now)
      ABSL_LOCKS_EXCLUDED(mu_);

  // Frees what is out of time. Returns the idle channels among those that were
  // due to be looked at, which is once in a time to live.
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
  struct Channel {
    std::string name;
    std::string epoch;
    int64_t offset = 0;  // Of the last entry, or of the last that was there.
    HistoryLimits limits;
    std::deque<Entry> entries;
    int64_t bytes = 0;  // All that is counted.
    absl::Time used;
    absl::Time swept_at;  // When Expire() looks at it next.
  };
  // The most recently used first.
  using Channels = std::list<Channel>;

  Place Advance(absl::string_view channel, const HistoryLimits& limits,
                absl::Time now, int64_t step) ABSL_LOCKS_EXCLUDED(mu_);

  // The channel, as used now; empty_.end() if it is not known.
  Channels::iterator Use(absl::string_view channel, absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Moves others to `gone` and then drops what `user` said first until the
  // bound holds. Returns how many others. REQUIRES: `user` was used just now.
  int64_t MakeRoom(Channels::iterator user, Channels& gone)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Erase(Channels::iterator channel, Channels& gone)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void DropFirst(Channels::iterator channel) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void DropExpired(Channels::iterator channel, absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  static absl::Duration LifeOf(const Channel& channel);
  static bool IsIdle(const Channel& channel, absl::Time now);
  // Has Expire() look at the channel when its life may be over.
  void SweepLater(Channel& channel, absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const int64_t bytes_max_;

  mutable contract::Mutex mu_;
  std::function<uint64_t()> random_ ABSL_GUARDED_BY(mu_);
  // Those without and with entries.
  Channels empty_ ABSL_GUARDED_BY(mu_);
  Channels kept_ ABSL_GUARDED_BY(mu_);
  // The keys are the names in the lists.
  absl::flat_hash_map<absl::string_view, Channels::iterator> by_name_
      ABSL_GUARDED_BY(mu_);
  // One for each channel; the same names.
  std::set<std::pair<absl::Time, absl::string_view>> sweeps_
      ABSL_GUARDED_BY(mu_);
  int64_t bytes_ ABSL_GUARDED_BY(mu_) = 0;
  std::atomic<size_t> count_{0};  // Of by_name_.
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_ENGINE_HISTORY_H_
