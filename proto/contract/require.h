// SPDX-License-Identifier: Apache-2.0
//
// An assertion that is always on, for invariants of our own: a violated one is
// a bug in Herald, never in what a peer sent.

#ifndef HERALD_PROTO_CONTRACT_REQUIRE_H_
#define HERALD_PROTO_CONTRACT_REQUIRE_H_

#include <source_location>

namespace herald::contract {

// Reports file, line and function, and aborts.
[[noreturn]] void FailRequirement(std::source_location where);

// Ends the process with file, line and function unless `condition` holds.
inline void Require(bool condition, std::source_location where =
                                        std::source_location::current()) {
  if (condition) [[likely]] {
    return;
  }
  FailRequirement(where);
}

// Reports why the process is about to abort: to the handler, or, while none is
// set, by WriteLastMessage(). Returns soon, whoever reads stderr.
void ReportFailure(const char* message);
using FailureHandler = void (*)(const char* message);
void SetFailureHandler(FailureHandler handler);

// Writes a line to stderr. It is dropped if stderr does not take it within a
// tenth of a second. Cut to 1,000 bytes. Async-signal-safe.
void WriteLastMessage(const char* message);

}  // namespace herald::contract

#endif  // HERALD_PROTO_CONTRACT_REQUIRE_H_
