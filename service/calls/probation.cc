// SPDX-License-Identifier: Apache-2.0

#include "service/calls/probation.h"

namespace herald::core {

using contract::MutexLock;

void Probation::Begin(Attachment& gateway, absl::Time now) {
  const absl::Time until = now + kProbation;
  gateway.probation_until = absl::ToUnixNanos(until);
  // Peers on a unix socket have no address in common.
  if (gateway.source == admission::kNoSource) return;
  MutexLock lock(&mu_);
  if (sources_.size() >= kSourcesMax) {
    absl::erase_if(sources_,
                   [now](const auto& one) { return one.second <= now; });
  }
  if (sources_.size() < kSourcesMax || sources_.contains(gateway.source)) {
    sources_[gateway.source] = until;
  }
}

bool Probation::Covers(const Attachment& gateway, absl::Time now) const {
  if (absl::ToUnixNanos(now) < gateway.probation_until) return true;
  MutexLock lock(&mu_);
  const auto it = sources_.find(gateway.source);
  return it != sources_.end() && now < it->second;
}

}  // namespace herald::core
