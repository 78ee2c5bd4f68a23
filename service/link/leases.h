// SPDX-License-Identifier: Apache-2.0
//
// Gateways whose link has ended. While a lease runs, the members of its gateway
// wait for its return. After that the gateway is lost, and remembered for a
// while, so that nothing else takes its name.
//
// Threads: none of its own; its owner locks, and has the timers.

#ifndef HERALD_SERVICE_LINK_LEASES_H_
#define HERALD_SERVICE_LINK_LEASES_H_

#include <cstddef>
#include <cstdint>

#include "absl/container/flat_hash_map.h"

namespace herald::core {

class Leases {
 public:
  // Lost gateways that are remembered; more are not.
  static constexpr size_t kLostMax = 10'000;

  // A link has ended. `proven`: it had shown the gateway's secret. Returns the
  // number of the lease, greater than 0.
  int64_t Begin(uint64_t gateway, bool proven);

  // The time of a lease is over: the gateway is lost. False if it has returned,
  // even if it has left again.
  bool End(uint64_t gateway, int64_t number);

  // The gateway has a link again.
  void Forget(uint64_t gateway);

  // As Forget(), unless it has had a link since that lease.
  void ForgetLost(uint64_t gateway, int64_t number);

  // Whether a lease runs; whether one runs or the gateway is remembered; and
  // whether it had proven itself then.
  bool IsAway(uint64_t gateway) const { return away_.contains(gateway); }
  bool Knows(uint64_t gateway) const {
    return away_.contains(gateway) || lost_.contains(gateway);
  }
  bool IsProven(uint64_t gateway) const;

 private:
  struct Lease {
    int64_t number = 0;
    bool proven = false;
  };

  // No gateway is in both.
  absl::flat_hash_map<uint64_t, Lease> away_;
  absl::flat_hash_map<uint64_t, Lease> lost_;
  int64_t last_ = 0;
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_LINK_LEASES_H_
