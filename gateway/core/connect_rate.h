// SPDX-License-Identifier: Apache-2.0
//
// How many browsers may connect in a second: a token bucket, one for all loops.
//
// A storm of reconnects must not take the time of the sockets that are there.
// So a gateway opens no more than a share of what it could, and refuses the
// rest before they cost more than a line of HTTP. The bucket holds two seconds'
// worth: the 10,000 sockets of another gateway that has died are let in at
// once.
//
// Who is refused is told to come back when those refused before it may have had
// their turn. That is an estimate, for nobody keeps a place: some come sooner,
// some never.
//
// Threads: any. One atomic operation for whoever gets in, two for the others.

#ifndef HERALD_GATEWAY_CORE_CONNECT_RATE_H_
#define HERALD_GATEWAY_CORE_CONNECT_RATE_H_

#include <atomic>
#include <cstdint>

#include "absl/time/time.h"

namespace herald::gateway {

// To connect and to subscribe costs some 50 to 70 µs of CPU, service included,
// so this is a third of a core.
inline constexpr int64_t kConnectRateDefault = 5000;  // In a second.
inline constexpr int64_t kConnectRateLimit = 1'000'000;
inline constexpr int64_t kConnectBurstSeconds = 2;

// The longest that anybody is told to wait: the longest that a client waits by
// itself (proto/WEBSOCKET.md).
inline constexpr absl::Duration kConnectWaitMax = absl::Seconds(20);

class ConnectRate {
 public:
  // At most `per_second` get in; 0: any number. REQUIRES: not more than
  // kConnectRateLimit, and nobody calls Take() meanwhile.
  void Set(int64_t per_second);

  // Takes a token. Zero if there was one; else when to come back. `uptime` is
  // the same clock for all callers, and one that never goes back.
  absl::Duration Take(absl::Duration uptime);

 private:
  // One token more is promised to somebody who was refused. Returns after which
  // time.
  absl::Duration Promise(int64_t now_ns);

  int64_t interval_ns_ = 0;  // Between two tokens; 0: there is no bound.
  int64_t burst_ns_ = 0;     // What the bucket holds, in their time.

  // When the bucket is full again; until when its tokens are promised.
  std::atomic<int64_t> full_at_ns_{0};
  std::atomic<int64_t> promised_ns_{0};
};

// What `Retry-After` says to who is to come back after `wait`: whole seconds,
// at least one. Between half of it and half as much again, by `random`
// (0 <= random < 1), so that who was refused in one instant does not come back
// in one.
int64_t RetryAfterSeconds(absl::Duration wait, double random);

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_CORE_CONNECT_RATE_H_
