// SPDX-License-Identifier: Apache-2.0
//
// What an authorizer's answer means to the core. What is not a clear yes is a
// no. Pure.

#ifndef HERALD_SERVICE_RPC_AUTHORIZER_ANSWER_H_
#define HERALD_SERVICE_RPC_AUTHORIZER_ANSWER_H_

#include "absl/time/time.h"
#include "google/protobuf/duration.pb.h"
#include "herald/v1/authorizer_service.pb.h"
#include "service/core/authorizer.h"

namespace herald::rpc {

// The decision, whose member is moved out. A reason is cut to what is passed
// on.
core::Decision ToDecision(v1::Decision& decision);

// `duration` as the authorizer meant it; what is out of range is cut. Not
// valid: zero, which denies.
absl::Duration ToDuration(const google::protobuf::Duration& duration);

}  // namespace herald::rpc

#endif  // HERALD_SERVICE_RPC_AUTHORIZER_ANSWER_H_
