// SPDX-License-Identifier: Apache-2.0
//
// Unpredictable numbers, from the kernel.

#ifndef HERALD_GATEWAY_NET_RANDOM_H_
#define HERALD_GATEWAY_NET_RANDOM_H_

#include <sys/random.h>

#include <cstdint>

#include "proto/contract/require.h"

namespace herald::gateway {

// 63 random bits, and never 0. Threads: any.
inline uint64_t RandomNumber() {
  uint64_t number = 0;
  while (number == 0) {
    // The kernel returns up to 256 bytes whole, once its pool is seeded.
    const ssize_t got = ::getrandom(&number, sizeof(number), 0);
    contract::Require(got == sizeof(number));
    number >>= 1;
  }
  return number;
}

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_NET_RANDOM_H_
