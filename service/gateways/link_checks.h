// SPDX-License-Identifier: Apache-2.0
//
// Checks items of a gateway against the rules of gateway_service.proto. Links
// checks their order, and rules that depend on several items.
//
// Failure: INVALID_ARGUMENT unless noted, with a message that names the wrong
// value.

#ifndef HERALD_SERVICE_GATEWAYS_LINK_CHECKS_H_
#define HERALD_SERVICE_GATEWAYS_LINK_CHECKS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "herald/link/v1/gateway_service.pb.h"

namespace herald::core {

// FAILED_PRECONDITION if the protocol version is not served.
absl::Status CheckHello(const link::v1::Hello& hello);

// Any later item of a gateway. Items of unknown kinds are OK.
absl::Status CheckItem(const link::v1::GatewayItem& item, uint64_t gateway,
                       int64_t payload_bytes_max);

// The result of a call, which may come from another node.
absl::Status CheckCallResult(const link::v1::CallResult& result);

}  // namespace herald::core

#endif  // HERALD_SERVICE_GATEWAYS_LINK_CHECKS_H_
