// SPDX-License-Identifier: Apache-2.0
//
// Gateways whose link has ended. While a lease runs, the members of its gateway
// wait for its return; the engine says when it is over. After that the gateway
// is lost, and remembered for a while, so that nothing else takes its name.
//
// Threads: none of its own; its owner locks, and has the timers.

#ifndef HERALD_SERVICE_LINK_LEASES_H_
#define HERALD_SERVICE_LINK_LEASES_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/container/flat_hash_map.h"

namespace herald::core {

class Leases {
 public:
  // Lost gateways that are remembered; more are not.
  static constexpr size_t kLostMax = 10'000;

  struct Lease {
    int64_t attach = 0;   // Of the link that has ended; 0: it got none yet.
    bool proven = false;  // It had shown the gateway's secret.
    bool moving = false;  // It had said that it would go to another service.
  };

  // A link has ended.
  void Begin(uint64_t gateway, const Lease& lease);

  // The lease is over: the gateway is lost. Nothing if it has returned, even if
  // it has left again.
  std::optional<Lease> End(uint64_t gateway, int64_t attach);

  // The gateway has a link again.
  void Forget(uint64_t gateway);

  // As Forget(), unless it has had a link since that lease.
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

#endif  // HERALD_SERVICE_LINK_LEASES_H_
