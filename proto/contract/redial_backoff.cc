// SPDX-License-Identifier: Apache-2.0

#include "proto/contract/redial_backoff.h"

#include "proto/contract/require.h"

namespace herald::contract {

absl::Duration RedialBackoff(double random) {
  Require(random >= 0 && random < 1);
  return kRedialMin + (kRedialMax - kRedialMin) * random;
}

}  // namespace herald::contract
