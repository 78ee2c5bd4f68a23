// SPDX-License-Identifier: Apache-2.0
//
// Gateways without a link. While a lease runs, the members of its gateway stay
// present; the engine ends the lease. Then the gateway is lost, and remembered
// for a while. Its sockets are expected to return, and an unproven link cannot
// take the id of a proven gateway.
//
// Threads: none of its own; its owner locks, and has the timers.

#ifndef HERALD_SERVICE_GATEWAYS_LEASES_H_
#define HERALD_SERVICE_GATEWAYS_LEASES_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/container/flat_hash_map.h"

namespace herald::core {

class Leases {
 public:
  // Bound on the lost gateways that are remembered.
  static constexpr size_t kLostMax = 10'000;

  struct Lease {
    int64_t attach = 0;   // Of the link that has ended; 0: it got none yet.
    bool proven = false;  // It had shown the gateway's secret.
    bool moving = false;  // It has announced a move to another service.
  };

  // A link has ended.
  void Begin(uint64_t gateway, const Lease& lease);

  // The lease is over: the gateway is lost. Empty if it has returned, even if
  // it has left again.
  std::optional<Lease> End(uint64_t gateway, int64_t attach);

  // The gateway has a link again.
  void Forget(uint64_t gateway);

  // As Forget(), for a lost gateway that had no link since that lease.
  void ForgetLost(uint64_t gateway, int64_t attach);

  // Whether a lease runs or the gateway is remembered; and whether it had
  // proven itself then.
  bool Knows(uint64_t gateway) const {
    return away_.contains(gateway) || lost_.contains(gateway);
  }
  bool IsProven(uint64_t gateway) const;

 private:
  // No gateway is in both.
  absl::flat_hash_map<uint64_t, Lease> away_;
  absl::flat_hash_map<uint64_t, Lease> lost_;
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_GATEWAYS_LEASES_H_
