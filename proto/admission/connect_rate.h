// SPDX-License-Identifier: Apache-2.0
//
// How many browsers may connect in a second: a token bucket, one for all loops.
//
// A storm of reconnects must not take the time of the sockets that are there.
// So a gateway opens no more connections than a share of its capacity, and
// refuses the others before they cost more than a line of HTTP. The bucket
// holds two seconds' worth: the 10,000 sockets of another gateway that has died
// are admitted at once.
//
// Behind the bucket is a reserve of half a second, for the sources that have
// taken the least lately: of a reserve that is left by half, a source gets a
// token if it has had less than half of the average, and so on. So a client
// that storms meets the bound as if it were alone, and newcomers beside it do
// not; and many users behind one address may use all of the bucket.
//
// A refused client is asked to retry when the clients refused before it may
// have had their turn. That is an estimate, because no place is kept.
//
// Threads: any, for Take(). It holds a lock for a moment.

#ifndef HERALD_PROTO_ADMISSION_CONNECT_RATE_H_
#define HERALD_PROTO_ADMISSION_CONNECT_RATE_H_

#include <cstdint>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "proto/admission/source.h"
#include "proto/contract/mutex.h"

namespace herald::admission {

inline constexpr int64_t kConnectRateLimit = 1'000'000;
inline constexpr int64_t kConnectBurstSeconds = 2;

// The longest `Retry-After` of a refused client: the longest that a client
// backs off by itself (proto/WEBSOCKET.md).
inline constexpr absl::Duration kConnectWaitMax = absl::Seconds(20);

class ConnectRate {
 public:
  // Admits `per_second` connections; 0: any number. REQUIRES: not more than
  // kConnectRateLimit, and no call of Take() meanwhile.
  void Set(int64_t per_second);

  // Takes a token. Zero if there was one; else the time after which to retry.
  // `uptime` is the same monotonic clock for all callers.
  absl::Duration Take(absl::Duration uptime, Source source = kNoSource)
      ABSL_LOCKS_EXCLUDED(mu_);

 private:
  // Connections admitted lately: halves every few seconds.
  struct Usage {
    void DecayUntil(int64_t now);

    double count = 0;
    int64_t at_ns = 0;
  };

  // Whether the source may have a token of the reserve, of which `left`, below
  // 1, is there then.
  bool MayUseReserve(const Usage& usage, double left, int64_t now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void CountSources(int64_t now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // Promises one more token to a client that was refused. Returns the time
  // after which it is there.
  absl::Duration Promise(int64_t now_ns) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // Constant after Set().
  int64_t interval_ns_ = 0;  // Between two tokens; 0: there is no bound.
  int64_t burst_ns_ = 0;     // Size of the bucket, as time to fill it.
  int64_t reserve_ns_ = 0;   // Size of the reserve, likewise.

  contract::Mutex mu_;
  // When the bucket is full again; until when its tokens are promised.
  int64_t full_at_ns_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t promised_ns_ ABSL_GUARDED_BY(mu_) = 0;
  Usage all_ ABSL_GUARDED_BY(mu_);
  // By source; several sources may share one.
  std::vector<Usage> usages_ ABSL_GUARDED_BY(mu_);
  // How many have taken something lately, and when that was counted.
  int64_t sources_ ABSL_GUARDED_BY(mu_) = 1;
  int64_t counted_at_ns_ ABSL_GUARDED_BY(mu_) = 0;
  double counted_left_ ABSL_GUARDED_BY(mu_) = 0;  // Of the reserve, then.
};

// The `Retry-After` of a client that is to retry after `wait`: whole seconds,
// at least one. Between half of `wait` and half as much again, by `random`
// (0 <= random < 1), so that clients refused in one instant do not retry in
// one.
int64_t RetryAfterSeconds(absl::Duration wait, double random);

}  // namespace herald::admission

#endif  // HERALD_PROTO_ADMISSION_CONNECT_RATE_H_
