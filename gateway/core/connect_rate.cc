// SPDX-License-Identifier: Apache-2.0

#include "gateway/core/connect_rate.h"

#include <algorithm>
#include <cmath>

#include "proto/contract/require.h"

namespace herald::gateway {
namespace {

constexpr int64_t kSecondNs = 1'000'000'000;

}  // namespace

void ConnectRate::Set(int64_t per_second) {
  contract::Require(per_second >= 0 && per_second <= kConnectRateLimit);
  interval_ns_ = per_second > 0 ? kSecondNs / per_second : 0;
  burst_ns_ = kConnectBurstSeconds * kSecondNs;
}

absl::Duration ConnectRate::Take(absl::Duration uptime) {
  if (interval_ns_ == 0) return absl::ZeroDuration();
  const int64_t now = absl::ToInt64Nanoseconds(uptime);
  int64_t full_at = full_at_ns_.load(std::memory_order_relaxed);
  for (;;) {
    const int64_t next = std::max(full_at, now) + interval_ns_;
    if (next - now > burst_ns_) return Promise(now);
    if (full_at_ns_.compare_exchange_weak(full_at, next,
                                          std::memory_order_relaxed)) {
      return absl::ZeroDuration();
    }
  }
}

absl::Duration ConnectRate::Promise(int64_t now_ns) {
  const int64_t latest = now_ns + absl::ToInt64Nanoseconds(kConnectWaitMax);
  int64_t promised = promised_ns_.load(std::memory_order_relaxed);
  int64_t next = 0;
  do {
    next = std::min(std::max(promised, now_ns) + interval_ns_, latest);
  } while (!promised_ns_.compare_exchange_weak(promised, next,
                                               std::memory_order_relaxed));
  return absl::Nanoseconds(next - now_ns);
}

int64_t RetryAfterSeconds(absl::Duration wait, double random) {
  contract::Require(random >= 0 && random < 1);
  const double seconds = absl::ToDoubleSeconds(wait) * (0.5 + random);
  return std::max<int64_t>(1, std::lround(std::ceil(seconds)));
}

}  // namespace herald::gateway
