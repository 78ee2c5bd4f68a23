// SPDX-License-Identifier: Apache-2.0

#include "service/memory/recent_items.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "service/engine/node_bus.h"

namespace herald::core {

using contract::MutexLock;

bool RecentItems::Add(absl::Time now, Chunk item) {
  MutexLock lock(&mu_);
  while (!entries_.empty() && entries_.front().time + kRecordLife <= now) {
    entries_.pop_front();
  }
  const bool full = entries_.size() == kRecordsMax;
  if (full) {
    lost_until_ = std::max(lost_until_, entries_.front().time);
    entries_.pop_front();
  }
  entries_.push_back({now, std::move(item)});
  return full;
}

absl::StatusOr<std::vector<Chunk>> RecentItems::Within(absl::Duration age,
                                                       absl::Time now) const {
  const absl::Time since = now - age;
  MutexLock lock(&mu_);
  if (since <= lost_until_ || age > kRecordLife) {
    return absl::OutOfRangeError("records older than 10 minutes are not kept");
  }
  std::vector<Chunk> items;
  for (const Entry& entry : entries_) {
    if (entry.time >= since) items.push_back(entry.item);
  }
  return items;
}

size_t RecentItems::size() const {
  MutexLock lock(&mu_);
  return entries_.size();
}

}  // namespace herald::core
