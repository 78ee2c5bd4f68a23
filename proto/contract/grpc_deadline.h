// SPDX-License-Identifier: Apache-2.0
//
// Deadlines for gRPC that setting the time of day does not move.

#ifndef HERALD_PROTO_CONTRACT_GRPC_DEADLINE_H_
#define HERALD_PROTO_CONTRACT_GRPC_DEADLINE_H_

#include "absl/time/time.h"
#include "grpc/support/time.h"

namespace herald::contract {

// `time` from now, for everything of gRPC's that takes a deadline.
inline gpr_timespec GrpcDeadline(absl::Duration time) {
  return gpr_time_from_nanos(absl::ToInt64Nanoseconds(time), GPR_TIMESPAN);
}

}  // namespace herald::contract

#endif  // HERALD_PROTO_CONTRACT_GRPC_DEADLINE_H_
