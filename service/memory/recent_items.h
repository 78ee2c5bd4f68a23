// SPDX-License-Identifier: Apache-2.0
//
// The items that nodes have recorded for gateways that were away (node_bus.h):
// those of the last kRecordLife, and at most kRecordsMax of them.
//
// Threads: any; it locks itself.

#ifndef HERALD_SERVICE_MEMORY_RECENT_ITEMS_H_
#define HERALD_SERVICE_MEMORY_RECENT_ITEMS_H_

#include <cstddef>
#include <deque>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "proto/contract/mutex.h"
#include "service/channel/sink.h"

namespace herald::core {

class RecentItems {
 public:
  // True if an older item was evicted before it expired.
  bool Add(absl::Time now, Chunk item) ABSL_LOCKS_EXCLUDED(mu_);

  // The items of the last `age`, the oldest first. OUT_OF_RANGE: some of them
  // may be gone.
  absl::StatusOr<std::vector<Chunk>> Within(absl::Duration age,
                                            absl::Time now) const
      ABSL_LOCKS_EXCLUDED(mu_);

  size_t size() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Entry {
    absl::Time time;
    Chunk item;
  };

  mutable contract::Mutex mu_;
  std::deque<Entry> entries_ ABSL_GUARDED_BY(mu_);
  // The time of the newest entry that was evicted before it expired.
  absl::Time lost_until_ ABSL_GUARDED_BY(mu_) = absl::InfinitePast();
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_MEMORY_RECENT_ITEMS_H_
