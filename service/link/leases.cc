// SPDX-License-Identifier: Apache-2.0

#include "service/link/leases.h"

namespace herald::core {

int64_t Leases::Begin(uint64_t gateway, bool proven) {
  away_[gateway] = {++last_, proven};
  return last_;
}

bool Leases::End(uint64_t gateway, int64_t number) {
  const auto it = away_.find(gateway);
  if (it == away_.end() || it->second.number != number) return false;
  if (lost_.size() < kLostMax) lost_[gateway] = it->second;
  away_.erase(it);
  return true;
}

void Leases::Forget(uint64_t gateway) {
  away_.erase(gateway);
  lost_.erase(gateway);
}

void Leases::ForgetLost(uint64_t gateway, int64_t number) {
  const auto it = lost_.find(gateway);
  if (it != lost_.end() && it->second.number == number) lost_.erase(it);
}

bool Leases::IsProven(uint64_t gateway) const {
  for (const auto* leases : {&away_, &lost_}) {
    const auto it = leases->find(gateway);
    if (it != leases->end()) return it->second.proven;
  }
  return false;
}

}  // namespace herald::core
