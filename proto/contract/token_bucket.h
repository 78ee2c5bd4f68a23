// SPDX-License-Identifier: Apache-2.0
//
// A token bucket: how much one source may do over time.
//
// A bucket begins full and fills evenly, up to the burst. It takes 8 bytes, so
// that each socket may have several; the rate is kept once for all buckets of
// one kind.
//
// Time: any clock that never goes back, the same for all calls on one bucket.
// A coarse one makes tokens come in steps and changes no rate.
//
// Threads: none of its own; its owner locks.

#ifndef HERALD_PROTO_CONTRACT_TOKEN_BUCKET_H_
#define HERALD_PROTO_CONTRACT_TOKEN_BUCKET_H_

#include <algorithm>
#include <cstdint>
#include <limits>

#include "absl/time/time.h"

namespace herald::contract {

// How fast buckets fill, and how many tokens they hold.
class TokenRate {
 public:
  // No limit: buckets are always full.
  TokenRate() = default;

  // `per_second` is from 1 to 10^9, or 0 for no limit; `burst` is from 1 to
  // 2^33 - 1.
  TokenRate(int64_t per_second, int64_t burst) : per_second_(per_second) {
    if (per_second == 0) return;
    token_ns_ = kSecondNs / per_second;
    burst_ns_ = NsOf(std::max<int64_t>(burst, 1));
  }

  bool limited() const { return per_second_ != 0; }
  int64_t per_second() const { return per_second_; }

 private:
  friend class TokenBucket;

  static constexpr int64_t kSecondNs = 1'000'000'000;

  // How long so many tokens take to come. Split, for the product of large
  // numbers would overflow.
  int64_t NsOf(int64_t tokens) const {
    if (tokens == 1) return token_ns_;
    return tokens / per_second_ * kSecondNs +
           tokens % per_second_ * kSecondNs / per_second_;
  }

  int64_t per_second_ = 0;  // 0: no limit.
  int64_t token_ns_ = 0;    // How long one token takes to come.
  int64_t burst_ns_ = 0;    // How long an empty bucket takes to be full.
};

class TokenBucket {
 public:
  // Takes `tokens` and returns true if there are as many. A full bucket gives
  // any number and owes the rest, so a request larger than the burst is
  // delayed and never starved. Nothing is taken if the result is false.
  bool TryTake(const TokenRate& rate, int64_t tokens, absl::Time now) {
    if (!Has(rate, tokens, now)) return false;
    Take(rate, tokens, now);
    return true;
  }

  // Whether TryTake() would return true.
  bool Has(const TokenRate& rate, int64_t tokens, absl::Time now) const {
    return !rate.limited() || full_at_ns_ == kFull ||
           ReadyNs(rate, tokens) <= absl::ToUnixNanos(now);
  }

  // Takes `tokens`, even if the bucket has fewer; then it owes the rest.
  void Take(const TokenRate& rate, int64_t tokens, absl::Time now) {
    if (!rate.limited()) return;
    full_at_ns_ =
        std::max(full_at_ns_, absl::ToUnixNanos(now)) + rate.NsOf(tokens);
  }

  // From when on TryTake() returns true, unless something is taken before; 0
  // tokens: from when on the bucket owes nothing.
  absl::Time ReadyAt(const TokenRate& rate, int64_t tokens) const {
    if (!rate.limited() || full_at_ns_ == kFull) return absl::InfinitePast();
    return absl::FromUnixNanos(ReadyNs(rate, tokens));
  }

 private:
  int64_t ReadyNs(const TokenRate& rate, int64_t tokens) const {
    return full_at_ns_ - rate.burst_ns_ +
           std::min(rate.NsOf(tokens), rate.burst_ns_);
  }

  static constexpr int64_t kFull = std::numeric_limits<int64_t>::min();

  int64_t full_at_ns_ = kFull;  // When the bucket is full again.
};

}  // namespace herald::contract

#endif  // HERALD_PROTO_CONTRACT_TOKEN_BUCKET_H_
