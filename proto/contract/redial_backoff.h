// SPDX-License-Identifier: Apache-2.0
//
// How long a well-behaved peer waits before it dials again: 50 to 250 ms, drawn
// evenly, independent of earlier tries. Links and authorizer streams are few
// and must reconnect quickly (a restarted service is rebuilt from its
// gateways); the jitter keeps a fleet from dialling in step.

#ifndef HERALD_PROTO_CONTRACT_REDIAL_BACKOFF_H_
#define HERALD_PROTO_CONTRACT_REDIAL_BACKOFF_H_

#include "absl/time/time.h"

namespace herald::contract {

inline constexpr absl::Duration kRedialMin = absl::Milliseconds(50);
inline constexpr absl::Duration kRedialMax = absl::Milliseconds(250);

// Pure. REQUIRES: 0 <= random < 1.
absl::Duration RedialBackoff(double random);

}  // namespace herald::contract

#endif  // HERALD_PROTO_CONTRACT_REDIAL_BACKOFF_H_
