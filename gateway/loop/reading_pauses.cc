// SPDX-License-Identifier: Apache-2.0

#include "gateway/loop/reading_pauses.h"

#include "proto/contract/limits.h"

namespace herald::gateway {

bool ReadingPauses::Update(ClientState* client) {
  const ClientFlow::Pause limit =
      client->flow.PauseAt(state_->options.rates, state_->now);
  const bool is_limited = limit.until > state_->now;
  const bool is_flooded = limit.messages_until > state_->now;
  if (is_limited) {
    until_[client->number] = is_flooded ? limit.messages_until : limit.until;
  }
  const bool is_slowed =
      is_limited || client->pending >= contract::kPendingSubscribesMax;
  // A repeat is answered at once, and is no pause for metrics.
  const bool pause = is_slowed || client->repeats > 0;
  if (is_limited && !client->limited)
    state_->observer->OnRateLimited(limit.why);
  if (is_slowed && !client->slowed) state_->observer->OnReadingPaused();
  client->limited = is_limited;
  client->slowed = is_slowed;
  const bool changes = pause != client->paused || is_flooded != client->flooded;
  client->paused = pause;
  client->flooded = is_flooded;
  if (changes && pause) {
    client->socket()->PauseReading(is_flooded ? ReadingPause::kAtOnce
                                              : ReadingPause::kAfterMessage);
  }
  return changes && !pause;
}

std::vector<uint64_t> ReadingPauses::TakeEnded(absl::Time now) {
  std::vector<uint64_t> ended;
  for (const auto& [number, until] : until_) {
    if (until <= now) ended.push_back(number);
  }
  for (const uint64_t number : ended) until_.erase(number);
  return ended;
}

}  // namespace herald::gateway
