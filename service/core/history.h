// SPDX-License-Identifier: Apache-2.0
//
// What channels have said lately: for each a ring of encoded publications, and
// the counter that numbers them.
//
// A channel's counter begins with an `epoch` drawn at random and counts from 1.
// It lives until Forget(), or until memory is short: then the channel that was
// not used for the longest time is given up first, and its next publication
// begins a new epoch. What is older than the channel's time to live is not
// given to anybody; Expire() frees it.
//
// Memory: the chunks, which outboxes share, and a constant for each of them and
// for each channel, are counted against the bound.
//
// Threads: any; it locks itself. Calls for one channel must not overlap.

#ifndef HERALD_SERVICE_CORE_HISTORY_H_
#define HERALD_SERVICE_CORE_HISTORY_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <optional>
#include <queue>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "proto/contract/mutex.h"
#include "service/core/sink.h"

namespace herald::core {

// How much of a channel is remembered; the newest rule holds.
struct HistoryLimits {
  int64_t size = 0;  // Publications; 0: none is numbered or remembered.
  absl::Duration ttl = absl::Minutes(5);
};

// A place in a channel: the last publication that is known. `epoch` is empty
// for channels without history.
struct Position {
  std::string epoch;
  int64_t offset = 0;

  friend bool operator==(const Position&, const Position&) = default;
};

// What a channel has said since a position.
struct Missed {
  Position position;          // Where the channel is.
  int64_t since = 0;          // The offset before the first chunk.
  bool available = false;     // False: not all of it is there, and no chunks.
  std::vector<Chunk> chunks;  // As gateways receive them (sink.h).
};

class History {
 public:
  // `random` gives the bits of epochs.
  History(int64_t bytes_max, std::function<uint64_t()> random)
      : bytes_max_(bytes_max), random_(std::move(random)) {}

  struct Place {
    Position position;
    bool begun = false;  // The epoch has begun with this call.
  };

  // Where the channel is; begins an epoch if it has none.
  Place Find(absl::string_view channel, const HistoryLimits& limits,
             absl::Time now) ABSL_LOCKS_EXCLUDED(mu_);

  // Takes the next offset.
  Place Number(absl::string_view channel, const HistoryLimits& limits,
               absl::Time now) ABSL_LOCKS_EXCLUDED(mu_);

  // Remembers the publication of the position that Number() has just given.
  // Returns how many channels were given up for it.
  int64_t Keep(absl::string_view channel, const Position& position, Chunk chunk,
               absl::Time now) ABSL_LOCKS_EXCLUDED(mu_);

  // Where the channel is, if it has an epoch.
  std::optional<Position> Peek(absl::string_view channel) const
      ABSL_LOCKS_EXCLUDED(mu_);

  // What followed `since`. An empty epoch with offset 0 asks for the latest
  // publication only. At most `count_max` of them, the oldest first.
  Missed Since(absl::string_view channel, const Position& since,
               size_t count_max, absl::Time now) ABSL_LOCKS_EXCLUDED(mu_);

  // All that is remembered, the oldest first, at most `count_max`.
  Missed All(absl::string_view channel, size_t count_max, absl::Time now)
      ABSL_LOCKS_EXCLUDED(mu_);

  // Ends the channel's epoch. Unknown channels are not an error.
  void Forget(absl::string_view channel) ABSL_LOCKS_EXCLUDED(mu_);

  // Frees what is out of time. Returns channels that have nothing left and were
  // not used for their time to live: they may be forgotten.
  std::vector<std::string> Expire(absl::Time now) ABSL_LOCKS_EXCLUDED(mu_);

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
    absl::Time used;
    absl::Time swept_at;  // When Expire() looks at it next.
  };
  // The most recently used first.
  using Channels = std::list<Channel>;

  // The channel, as used now; nullptr if it is not known.
  Channel* Use(absl::string_view channel, absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Channel& Obtain(absl::string_view channel, const HistoryLimits& limits,
                  absl::Time now, bool* begun)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Erase(Channels::iterator channel) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void DropFirst(Channel& channel) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void DropExpired(Channel& channel, absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Calls Expire() for the channel in its time to live.
  void SweepLater(Channel& channel, absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const int64_t bytes_max_;

  mutable contract::Mutex mu_;
  std::function<uint64_t()> random_ ABSL_GUARDED_BY(mu_);
  Channels channels_ ABSL_GUARDED_BY(mu_);
  // The keys are the names in `channels_`.
  absl::flat_hash_map<absl::string_view, Channels::iterator> by_name_
      ABSL_GUARDED_BY(mu_);
  using Sweep = std::pair<absl::Time, std::string>;
  std::priority_queue<Sweep, std::vector<Sweep>, std::greater<>> sweeps_
      ABSL_GUARDED_BY(mu_);
  int64_t bytes_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_CORE_HISTORY_H_
