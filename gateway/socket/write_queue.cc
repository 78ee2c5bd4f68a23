// SPDX-License-Identifier: Apache-2.0

#include "gateway/socket/write_queue.h"

namespace herald::gateway {

void WriteQueue::Add(Entry* entry) {
  if (entry->number != 0) return;
  entries_.push_back(entry);
  entry->number = static_cast<uint32_t>(entries_.size());
}

void WriteQueue::Remove(Entry* entry) {
  // Its entry stays, because the numbers of the others are their places.
  if (entry->number != 0) entries_[entry->number - 1] = nullptr;
  entry->number = 0;
}

void WriteQueue::Flush() {
  for (Entry* const entry : entries_) {
    if (entry == nullptr) continue;
    entry->number = 0;
    entry->socket->Flush();
  }
  entries_.clear();
}

}  // namespace herald::gateway
