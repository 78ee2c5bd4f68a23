// SPDX-License-Identifier: Apache-2.0

#include "proto/admission/recent_use.h"

#include <algorithm>

#include "proto/contract/require.h"

namespace herald::admission {

void RecentUse::Add(Source source, int64_t amount) {
  contract::Require(amount > 0);
  int64_t& use = uses_[source];
  use += amount;
  all_ += amount;
  largest_ = std::max(largest_, use);
  while (all_ >= 2 * window_) Halve();
}

double RecentUse::ShareOf(Source source) const {
  const auto it = uses_.find(source);
  if (it == uses_.end()) return 0;
  return static_cast<double>(it->second) / static_cast<double>(largest_);
}

bool RecentUse::HasOthers(Source source) const {
  return uses_.size() > (uses_.contains(source) ? 1u : 0u);
}

// A source that has used the most has still done so afterwards.
void RecentUse::Halve() {
  all_ = 0;
  largest_ /= 2;
  absl::erase_if(uses_, [this](auto& entry) {
    entry.second /= 2;
    all_ += entry.second;
    return entry.second == 0;
  });
}

}  // namespace herald::admission
