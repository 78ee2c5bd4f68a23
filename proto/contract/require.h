// SPDX-License-Identifier: Apache-2.0
//
// An assertion that is always on, for invariants of our own: a violated one is
// a bug in Herald, never in what a peer sent.

#ifndef HERALD_PROTO_CONTRACT_REQUIRE_H_
#define HERALD_PROTO_CONTRACT_REQUIRE_H_

#include <cstdio>
#include <cstdlib>
#include <source_location>

namespace herald::contract {

// Ends the process with file, line and function unless `condition` holds.
inline void Require(bool condition, std::source_location where =
                                        std::source_location::current()) {
  if (condition) [[likely]] {
    return;
  }
  std::fprintf(stderr, "%s:%u: %s: a required condition does not hold\n",
               where.file_name(), static_cast<unsigned>(where.line()),
               where.function_name());
  std::abort();
}

}  // namespace herald::contract

#endif  // HERALD_PROTO_CONTRACT_REQUIRE_H_
