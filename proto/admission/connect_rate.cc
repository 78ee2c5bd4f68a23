// SPDX-License-Identifier: Apache-2.0

#include "proto/admission/connect_rate.h"

#include <algorithm>
#include <cmath>

#include "proto/contract/require.h"

namespace herald::admission {
namespace {

constexpr int64_t kSecondNs = 1'000'000'000;
constexpr int64_t kHalfLifeNs = 5 * kSecondNs;
constexpr int64_t kReserveTokensMin = 8;
// A source has a place in each of two tables, by different bits of its hash,
// and the smaller count holds: so a newcomer is taken for a source that storms
// only if it shares both places with such sources.
constexpr size_t kUsages = 4096;
constexpr size_t kTables = 2;
// A source that took nothing for so long is not counted, and how often they
// are: the count takes some microseconds.
constexpr int64_t kForgottenNs = 2 * kHalfLifeNs;
constexpr int64_t kCountIntervalNs = kSecondNs / 4;

}  // namespace

void ConnectRate::Set(int64_t per_second) {
  contract::Require(per_second >= 0 && per_second <= kConnectRateLimit);
  contract::MutexLock lock(&mu_);
  interval_ns_ = per_second > 0 ? kSecondNs / per_second : 0;
  burst_ns_ = kConnectBurstSeconds * kSecondNs;
  reserve_ns_ = std::max(kSecondNs / 2, kReserveTokensMin * interval_ns_);
  usages_.assign(per_second > 0 ? kTables * kUsages : 0, {});
}

absl::Duration ConnectRate::Take(absl::Duration uptime, Source source) {
  if (interval_ns_ == 0) return absl::ZeroDuration();
  const int64_t now = absl::ToInt64Nanoseconds(uptime);
  contract::MutexLock lock(&mu_);
  const int64_t full_at = std::max(full_at_ns_, now) + interval_ns_;
  const int64_t taken = full_at - now;
  Usage& first = usages_[source % kUsages];
  Usage& second = usages_[kUsages + source / kUsages % kUsages];
  first.DecayUntil(now);
  second.DecayUntil(now);
  all_.DecayUntil(now);
  const double left = static_cast<double>(burst_ns_ + reserve_ns_ - taken) /
                      static_cast<double>(reserve_ns_);
  const Usage& usage = first.count < second.count ? first : second;
  if (taken > burst_ns_ && !MayUseReserve(usage, left, now)) {
    return Promise(now);
  }
  full_at_ns_ = full_at;
  ++first.count;
  ++second.count;
  ++all_.count;
  return absl::ZeroDuration();
}

void ConnectRate::Usage::DecayUntil(int64_t now) {
  if (now <= at_ns) return;
  count *= std::exp2(-static_cast<double>(now - at_ns) / kHalfLifeNs);
  at_ns = now;
}

bool ConnectRate::MayUseReserve(const Usage& usage, double left, int64_t now) {
  if (left < 0) return false;
  // A sixteenth of the reserve may change how many there are.
  if (now - counted_at_ns_ >= kCountIntervalNs ||
      std::abs(left - counted_left_) > 1.0 / 16) {
    CountSources(now);
    counted_left_ = left;
  }
  return usage.count < left * all_.count / static_cast<double>(sources_);
}

void ConnectRate::CountSources(int64_t now) {
  counted_at_ns_ = now;
  sources_ = std::max<int64_t>(
      1, std::count_if(usages_.begin(), usages_.begin() + kUsages,
                       [&](const Usage& one) {
                         return one.count > 0 && now - one.at_ns < kForgottenNs;
                       }));
}

absl::Duration ConnectRate::Promise(int64_t now_ns) {
  const int64_t latest = now_ns + absl::ToInt64Nanoseconds(kConnectWaitMax);
  promised_ns_ =
      std::min(std::max(promised_ns_, now_ns) + interval_ns_, latest);
  return absl::Nanoseconds(promised_ns_ - now_ns);
}

int64_t RetryAfterSeconds(absl::Duration wait, double random) {
  contract::Require(random >= 0 && random < 1);
  const double seconds = absl::ToDoubleSeconds(wait) * (0.5 + random);
  return std::max<int64_t>(1, std::lround(std::ceil(seconds)));
}

}  // namespace herald::admission
