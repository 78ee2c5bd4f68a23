// SPDX-License-Identifier: Apache-2.0
//
// An assertion that is always on, for invariants of our own: a violated one is
// a bug in Herald, never in what a peer sent.

#ifndef HERALD_PROTO_CONTRACT_REQUIRE_H_
#define HERALD_PROTO_CONTRACT_REQUIRE_H_

namespace herald::contract {

// Reports file, line and function, and aborts.
[[noreturn]] void FailRequirement(const char* file, int line,
                                  const char* function);

// Ends the process with file, line and function of the caller unless
// `condition` holds. Not by std::source_location: Clang 14 does not have what
// libstdc++ makes it of.
inline void Require(bool condition, const char* file = __builtin_FILE(),
                    int line = __builtin_LINE(),
                    const char* function = __builtin_FUNCTION()) {
  if (condition) [[likely]] {
    return;
  }
  FailRequirement(file, line, function);
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
