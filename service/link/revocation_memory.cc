// SPDX-License-Identifier: Apache-2.0

#include "service/link/revocation_memory.h"

namespace herald::core {

bool RevocationMemory::Add(absl::Time now, Chunk chunk) {
  while (!entries_.empty() && entries_.front().time + kRevocationLife <= now) {
    entries_.pop_front();
  }
  const bool full = entries_.size() == kRevocationsMax;
  if (full) {
    lost_until_ = entries_.front().time;
    entries_.pop_front();
  }
  entries_.push_back({now, std::move(chunk)});
  return full;
}

std::optional<std::vector<Chunk>> RevocationMemory::Since(
    absl::Time since, absl::Time now) const {
  if (since <= lost_until_ || since + kRevocationLife < now) {
    return std::nullopt;
  }
  std::vector<Chunk> chunks;
  for (const Entry& entry : entries_) {
    if (entry.time >= since) chunks.push_back(entry.chunk);
  }
  return chunks;
}

}  // namespace herald::core
