// SPDX-License-Identifier: Apache-2.0
//
// How often each user may leave each channel: a token bucket for each pair
// (kDeparturesAtOnce, membership.h), which outlives the user's presence.
//
// Memory: buckets that are full again are forgotten, a few with each call of
// Take() and ForgetFullOnes(). A token takes a second to come, so the buckets
// are at most twice as many as the departures of one second.
//
// Threads: none of its own; its owner locks.

#ifndef HERALD_SERVICE_MEMORY_DEPARTURE_LIMITER_H_
#define HERALD_SERVICE_MEMORY_DEPARTURE_LIMITER_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/container/btree_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "proto/contract/token_bucket.h"
#include "service/engine/membership.h"

namespace herald::core {

class DepartureLimiter {
 public:
  explicit DepartureLimiter(int64_t at_once = kDeparturesAtOnce)
      : at_once_(at_once) {}

  // From when on the user may leave the channel.
  absl::Time ReadyAt(absl::string_view channel,
                     absl::string_view user_id) const;

  // The user leaves the channel, even if it should not yet.
  void Take(absl::string_view channel, absl::string_view user_id,
            absl::Time now);

  // Looks at a few buckets and forgets those that are full.
  void ForgetFullOnes(absl::Time now);

  size_t size() const { return buckets_.size(); }

 private:
  const int64_t at_once_;
  const contract::TokenRate rate_{kDeparturesPerSecond, at_once_};

  // Ordered, so that ForgetFullOnes() finds the next ones. Freed nodes are
  // returned, and no growth moves all of them while presence is locked.
  absl::btree_map<std::string, contract::TokenBucket> buckets_;
  std::string next_;  // Where ForgetFullOnes() continues.
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_MEMORY_DEPARTURE_LIMITER_H_
