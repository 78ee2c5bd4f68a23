// SPDX-License-Identifier: Apache-2.0

#include "service/memory/departure_limiter.h"

#include <iterator>

#include "absl/strings/str_cat.h"

namespace herald::core {
namespace {

// With two, buckets that are added ahead of the position could keep it from
// getting round: each call adds at most one.
constexpr int kLookedAt = 3;

// Channel names have no spaces.
std::string BucketName(absl::string_view channel, absl::string_view user_id) {
  return absl::StrCat(channel, " ", user_id);
}

}  // namespace

absl::Time DepartureLimiter::ReadyAt(absl::string_view channel,
                                     absl::string_view user_id) const {
  const auto it = buckets_.find(BucketName(channel, user_id));
  if (it == buckets_.end()) return absl::InfinitePast();
  return it->second.ReadyAt(rate_, 1);
}

void DepartureLimiter::Take(absl::string_view channel,
                            absl::string_view user_id, absl::Time now) {
  ForgetFullOnes(now);
  buckets_[BucketName(channel, user_id)].Take(rate_, 1, now);
}

void DepartureLimiter::ForgetFullOnes(absl::Time now) {
  auto it = buckets_.lower_bound(next_);
  for (int i = 0; i < kLookedAt && !buckets_.empty(); ++i) {
    if (it == buckets_.end()) it = buckets_.begin();
    const bool is_full = it->second.Has(rate_, at_once_, now);
    it = is_full ? buckets_.erase(it) : std::next(it);
  }
  next_ = it == buckets_.end() ? std::string() : it->first;
}

}  // namespace herald::core
