// SPDX-License-Identifier: Apache-2.0
//
// A bound on connections that sources share. While there is room, a source may
// have any number of them: a company behind a NAT is one. The last eighth is
// for sources with less than an even share, so a client that opens as many as
// it can does not keep others out.
//
// An open connection is never closed to make room: a reconnect costs more than
// a connection, and with a shrinking share many would reconnect at once.
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
