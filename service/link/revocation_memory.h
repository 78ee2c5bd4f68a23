// SPDX-License-Identifier: Apache-2.0
//
// Remembers revocations, and disconnects by user, for gateways whose link was
// down when they were given: 10 minutes and at most 100,000 of them.
//
// Threads: none of its own; its owner locks.

#ifndef HERALD_SERVICE_LINK_REVOCATION_MEMORY_H_
#define HERALD_SERVICE_LINK_REVOCATION_MEMORY_H_

#include <deque>
#include <optional>
#include <vector>

#include "absl/time/time.h"
#include "service/channel/sink.h"

namespace herald::core {

inline constexpr absl::Duration kRevocationLife = absl::Minutes(10);
inline constexpr size_t kRevocationsMax = 100'000;

class RevocationMemory {
 public:
  // `chunk` is the item as a gateway receives it. True if another one had to go
  // before its time.
  bool Add(absl::Time now, Chunk chunk);

  // All that were added after `since`, oldest first; nothing if the memory does
  // not reach back so far.
  std::optional<std::vector<Chunk>> Since(absl::Time since,
                                          absl::Time now) const;

  size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    absl::Time time;
    Chunk chunk;
  };

  std::deque<Entry> entries_;
  // The newest entry that had to go for want of room.
  absl::Time lost_until_ = absl::InfinitePast();
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_LINK_REVOCATION_MEMORY_H_
