// SPDX-License-Identifier: Apache-2.0

#include "gateway/socket/write_queue.h"

namespace herald::gateway {

void WriteQueue::Add(Place* place) {
  if (place->number != 0) return;
  places_.push_back(place);
  place->number = static_cast<uint32_t>(places_.size());
}

void WriteQueue::Remove(Place* place) {
  // Its entry stays, because the numbers of the others are their places.
  if (place->number != 0) places_[place->number - 1] = nullptr;
  place->number = 0;
}

void WriteQueue::Flush() {
  for (Place* const place : places_) {
    if (place == nullptr) continue;
    place->number = 0;
    place->socket->Flush();
  }
  places_.clear();
}

}  // namespace herald::gateway
