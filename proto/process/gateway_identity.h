// SPDX-License-Identifier: Apache-2.0
//
// How a gateway proves that its id is its own: the id is the hash of a secret
// that only the gateway and the service know. Browsers see the id in each
// socket id, and cannot find the secret.
//
// Threads: any.

#ifndef HERALD_PROTO_PROCESS_GATEWAY_IDENTITY_H_
#define HERALD_PROTO_PROCESS_GATEWAY_IDENTITY_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace herald::process {

struct GatewayIdentity {
  std::string secret;  // contract::kGatewaySecretBytes random bytes.
  uint64_t id = 0;     // Greater than 0, less than 2^63.
};

// Draws one from the kernel.
GatewayIdentity DrawGatewayIdentity();

// The first 63 bits of the SHA-256 of `secret`, big-endian.
uint64_t GatewayIdOf(absl::string_view secret);

}  // namespace herald::process

#endif  // HERALD_PROTO_PROCESS_GATEWAY_IDENTITY_H_
