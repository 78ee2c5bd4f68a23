// SPDX-License-Identifier: Apache-2.0

#include "proto/process/gateway_identity.h"

#include <openssl/sha.h>
#include <sys/random.h>

#include <array>

#include "proto/contract/limits.h"
#include "proto/contract/require.h"

namespace herald::process {

GatewayIdentity DrawGatewayIdentity() {
  GatewayIdentity identity;
  identity.secret.resize(contract::kGatewaySecretBytes);
  while (identity.id == 0) {
    // Up to 256 bytes come whole, once the kernel's pool is seeded.
    const ssize_t got =
        getrandom(identity.secret.data(), identity.secret.size(), 0);
    contract::Require(got == contract::kGatewaySecretBytes);
    identity.id = GatewayIdOf(identity.secret);
  }
  return identity;
}

uint64_t GatewayIdOf(absl::string_view secret) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest;
  SHA256(reinterpret_cast<const unsigned char*>(secret.data()), secret.size(),
         digest.data());
  uint64_t id = 0;
  for (size_t i = 0; i < sizeof(id); ++i) id = id << 8 | digest[i];
  return id >> 1;
}

}  // namespace herald::process
