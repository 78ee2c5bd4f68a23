// SPDX-License-Identifier: Apache-2.0
//
// How many connections there may be, shared by their sources. As long as there
// is room, a source may have any number of them: a company behind a NAT is one.
// The last eighth is for sources with less than an even share, so a client that
// opens all that it can keeps nobody out.
//
// Nobody who is in is sent away for others: to come back costs more than a
// connection, and a share that shrinks would have many come back at once.
//
// Threads: any. It holds a lock for a moment.

#ifndef HERALD_PROTO_ADMISSION_CONNECTION_SHARES_H_
#define HERALD_PROTO_ADMISSION_CONNECTION_SHARES_H_

#include <atomic>
#include <cstdint>
#include <limits>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "proto/admission/source.h"
#include "proto/contract/mutex.h"

namespace herald::admission {

class ConnectionShares {
 public:
  // At most `total_max`, which is any number before. REQUIRES: > 0, and no call
  // of Take() meanwhile.
  void SetMax(int64_t total_max) { total_max_ = total_max; }

  // Takes a place. False if there is none for the source.
  bool Take(Source source) ABSL_LOCKS_EXCLUDED(mu_);

  // REQUIRES: a place that was taken for the source.
  void Give(Source source) ABSL_LOCKS_EXCLUDED(mu_);

  // Places taken.
  int64_t total() const { return total_.load(std::memory_order_relaxed); }

 private:
  int64_t total_max_ = std::numeric_limits<int64_t>::max();

  contract::Mutex mu_;
  std::atomic<int64_t> total_{0};  // Written under the lock.
  absl::flat_hash_map<Source, int32_t> by_source_ ABSL_GUARDED_BY(mu_);
};

}  // namespace herald::admission

#endif  // HERALD_PROTO_ADMISSION_CONNECTION_SHARES_H_
