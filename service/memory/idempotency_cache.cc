// SPDX-License-Identifier: Apache-2.0

#include "service/memory/idempotency_cache.h"

#include "absl/strings/str_cat.h"

namespace herald::core {
namespace {

// A channel's name has no space, so the pair is not ambiguous.
std::string NameOf(absl::string_view channel, absl::string_view key) {
  return absl::StrCat(channel, " ", key);
}

}  // namespace

std::optional<IdempotencyCache::FirstAnswer> IdempotencyCache::Find(
    absl::string_view channel, absl::string_view key, absl::Time now) {
  contract::MutexLock lock(&mu_);
  Forget(now);
  const auto it = known_.find(NameOf(channel, key));
  if (it == known_.end()) return std::nullopt;
  return it->second;
}

bool IdempotencyCache::Remember(absl::string_view channel,
                                absl::string_view key,
                                const FirstAnswer& answer, absl::Duration life,
                                absl::Time now) {
  std::string name = NameOf(channel, key);
  contract::MutexLock lock(&mu_);
  if (!known_.try_emplace(name, answer).second) return false;
  ends_.emplace(now + life, std::move(name));
  return Forget(now);
}

size_t IdempotencyCache::size() const {
  contract::MutexLock lock(&mu_);
  return known_.size();
}

bool IdempotencyCache::Forget(absl::Time now) {
  bool evicted = false;
  while (!ends_.empty() &&
         (ends_.top().first <= now || known_.size() > kIdempotencyKeysMax)) {
    evicted |= ends_.top().first > now;
    known_.erase(ends_.top().second);
    ends_.pop();
  }
  return evicted;
}

}  // namespace herald::core
