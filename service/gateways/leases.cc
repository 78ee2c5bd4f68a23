// SPDX-License-Identifier: Apache-2.0

#include "service/gateways/leases.h"

namespace herald::core {

void Leases::Begin(uint64_t gateway, const Lease& lease) {
  away_[gateway] = lease;
}

std::optional<Leases::Lease> Leases::End(uint64_t gateway, int64_t attach) {
  const auto it = away_.find(gateway);
  if (it == away_.end()) return std::nullopt;
  const Lease lease = it->second;
  if (lease.attach != 0 && lease.attach != attach) return std::nullopt;
  if (lost_.size() < kLostMax) lost_[gateway] = lease;
  away_.erase(it);
  return lease;
}

void Leases::Forget(uint64_t gateway) {
  away_.erase(gateway);
  lost_.erase(gateway);
}

void Leases::ForgetLost(uint64_t gateway, int64_t attach) {
  const auto it = lost_.find(gateway);
  if (it != lost_.end() && it->second.attach == attach) lost_.erase(it);
}

bool Leases::IsProven(uint64_t gateway) const {
  for (const auto* leases : {&away_, &lost_}) {
    const auto it = leases->find(gateway);
    if (it != leases->end()) return it->second.proven;
  }
  return false;
}

}  // namespace herald::core
