// SPDX-License-Identifier: Apache-2.0
//
// Remembers what the first publish of an idempotency key was answered, per
// channel, for 5 minutes or as long as its caller says, and at most 100,000
// keys; those whose time ends first go first.
//
// Threads: any; it locks itself.

#ifndef HERALD_SERVICE_ENGINE_IDEMPOTENCY_CACHE_H_
#define HERALD_SERVICE_ENGINE_IDEMPOTENCY_CACHE_H_

#include <cstdint>
#include <functional>
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
#include "service/channel/position.h"

namespace herald::core {

inline constexpr absl::Duration kIdempotencyLife = absl::Minutes(5);
inline constexpr size_t kIdempotencyKeysMax = 100'000;

class IdempotencyCache {
 public:
  // What the first publish was answered.
  struct Answer {
    Position position;
    int64_t subscribers = 0;
  };

  // The answer to the first publish, if it is remembered.
  std::optional<Answer> Find(absl::string_view channel, absl::string_view key,
                             absl::Time now) ABSL_LOCKS_EXCLUDED(mu_);

  // REQUIRES: Find() with the same arguments has just found nothing, and the
  // caller keeps others away from the channel. It is remembered for `life`.
  // True if another key had to go before its time.
  bool Remember(absl::string_view channel, absl::string_view key,
                const Answer& answer, absl::Duration life, absl::Time now)
      ABSL_LOCKS_EXCLUDED(mu_);

  size_t size() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  using End = std::pair<absl::Time, std::string>;

  // Forgets who is out of time, and for want of room: then it is true.
  bool Forget(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  mutable contract::Mutex mu_;
  absl::flat_hash_map<std::string, Answer> known_ ABSL_GUARDED_BY(mu_);
  // One for each that is known, the first to end on top.
  std::priority_queue<End, std::vector<End>, std::greater<>> ends_
      ABSL_GUARDED_BY(mu_);
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_ENGINE_IDEMPOTENCY_CACHE_H_
