// SPDX-License-Identifier: Apache-2.0
//
// absl::Status to grpc::Status and back. Both use the canonical codes, so
// nothing is lost. Part of herald::stubs, not of the kit: it needs gRPC.

#ifndef HERALD_PROTO_CONTRACT_GRPC_STATUS_H_
#define HERALD_PROTO_CONTRACT_GRPC_STATUS_H_

#include "absl/status/status.h"
#include "grpcpp/support/status.h"

namespace herald::contract {

grpc::Status ToGrpcStatus(const absl::Status& status);

absl::Status ToAbslStatus(const grpc::Status& status);

}  // namespace herald::contract

#endif  // HERALD_PROTO_CONTRACT_GRPC_STATUS_H_
