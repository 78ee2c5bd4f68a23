// SPDX-License-Identifier: Apache-2.0

#include "proto/admission/connection_shares.h"

#include "proto/contract/require.h"

namespace herald::admission {

using contract::MutexLock;

bool ConnectionShares::Take(Source source) {
  MutexLock lock(&mu_);
  const int64_t total = total_;
  if (total >= total_max_) return false;
  const auto it = by_source_.find(source);
  const int64_t of_source = it == by_source_.end() ? 0 : it->second;
  const int64_t shared = total_max_ - total_max_ / 8;
  if (total >= shared && of_source > 0) {
    const auto sources = static_cast<int64_t>(by_source_.size());
    if (of_source >= total_max_ / sources) return false;
  }
  ++by_source_[source];
  total_ = total + 1;
  return true;
}

void ConnectionShares::Give(Source source) {
  MutexLock lock(&mu_);
  const auto it = by_source_.find(source);
  contract::Require(it != by_source_.end());
  if (--it->second == 0) by_source_.erase(it);
  total_ = total_ - 1;
}

}  // namespace herald::admission
