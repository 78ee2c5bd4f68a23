// SPDX-License-Identifier: Apache-2.0
//
// Remembers the answer to the first publish with an idempotency key, per
// channel, for as long as the caller asks. At most 100,000 keys: the one that
// expires first is evicted first.
//
// Threads: any; it locks itself.

#ifndef HERALD_SERVICE_MEMORY_IDEMPOTENCY_CACHE_H_
#define HERALD_SERVICE_MEMORY_IDEMPOTENCY_CACHE_H_

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
  // The answer to the first publish.
  struct FirstAnswer {
    Position position;
    int64_t subscribers = 0;
  };

  // The answer to the first publish, if it is remembered.
  std::optional<FirstAnswer> Find(absl::string_view channel,
                                  absl::string_view key, absl::Time now)
      ABSL_LOCKS_EXCLUDED(mu_);

  // Remembers the answer for `life`. True if another key was evicted before it
  // expired. REQUIRES: Find() with the same arguments has just returned
  // nothing, and the channel's shard is still locked.
  bool Remember(absl::string_view channel, absl::string_view key,
                const FirstAnswer& answer, absl::Duration life, absl::Time now)
      ABSL_LOCKS_EXCLUDED(mu_);

  size_t size() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  using End = std::pair<absl::Time, std::string>;

  // Removes expired keys, and those beyond kIdempotencyKeysMax. Returns whether
  // there were any of the latter.
  bool Forget(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  mutable contract::Mutex mu_;
  absl::flat_hash_map<std::string, FirstAnswer> known_ ABSL_GUARDED_BY(mu_);
  // One for each known key, the first to expire on top.
  std::priority_queue<End, std::vector<End>, std::greater<>> ends_
      ABSL_GUARDED_BY(mu_);
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_MEMORY_IDEMPOTENCY_CACHE_H_
