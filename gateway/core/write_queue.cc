// SPDX-License-Identifier: Apache-2.0

#include "gateway/core/write_queue.h"

#include <utility>

namespace herald::gateway {

void WriteQueue::Add(Place* place, Lane lane) {
  if (place->lane == lane || place->lane == Lane::kSoon) return;
  Remove(place);
  place->lane = lane;
  if (lane == Lane::kSoon) {
    place->number = static_cast<uint32_t>(soon_.size());
    soon_.push_back(place);
  } else {
    place->number = bulk_front_ + static_cast<uint32_t>(bulk_.size());
    bulk_.push_back(place);
  }
}

void WriteQueue::Remove(Place* place) {
  if (place->lane == Lane::kSoon) soon_[place->number] = nullptr;
  // Numbers wrap; their differences do not.
  if (place->lane == Lane::kBulk) bulk_[place->number - bulk_front_] = nullptr;
  place->lane = Lane::kNone;
}

void WriteQueue::Turn() {
  for (Place* const place : std::exchange(soon_, {})) Flush(place);
  for (int i = 0; i < kBulkWritesPerTurn && !bulk_.empty(); ++i) {
    Place* const place = bulk_.front();
    bulk_.pop_front();
    ++bulk_front_;
    Flush(place);
  }
}

void WriteQueue::Flush(Place* place) {
  if (place == nullptr) return;
  place->lane = Lane::kNone;
  place->socket->Flush();
}

}  // namespace herald::gateway
