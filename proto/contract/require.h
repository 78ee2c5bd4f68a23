// SPDX-License-Identifier: Apache-2.0
//
// An assertion that is always on, for invariants of our own: a violated one is
// a bug in Herald, never a peer's fault. Its message, as any line that must not
// wait for its reader, is written within a bounded time.

#ifndef HERALD_PROTO_CONTRACT_REQUIRE_H_
#define HERALD_PROTO_CONTRACT_REQUIRE_H_

#include <cstddef>

namespace herald::contract {

// Reports file, line and function, and aborts.
[[noreturn]] void FailRequirement(const char* file, int line,
                                  const char* function);

// Ends the process with file, line and function of the caller unless
// `condition` holds. Without std::source_location: Clang 14 lacks the builtin
// that libstdc++ needs for it.
inline void Require(bool condition, const char* file = __builtin_FILE(),
                    int line = __builtin_LINE(),
                    const char* function = __builtin_FUNCTION()) {
  if (condition) [[likely]] {
    return;
  }
  FailRequirement(file, line, function);
}

// Reports why the process is about to abort: to the handler, or, while none is
// set, by WriteLastMessage(). Returns soon, even if stderr is not read.
void ReportFailure(const char* message);
using FailureHandler = void (*)(const char* message);
void SetFailureHandler(FailureHandler handler);

// Writes a line to stderr. It is dropped if stderr does not take it within a
// tenth of a second. Cut to 1,000 bytes. Async-signal-safe.
void WriteLastMessage(const char* message);

// Writes to stderr, and drops the bytes that stderr does not take within
// `patience_ms`. Returns whether it took all of them. A pipe takes a text of up
// to PIPE_BUF bytes whole or not at all. Async-signal-safe.
bool WriteToStderr(const char* text, size_t size, int patience_ms);

// Opens the pipe or terminal behind `fd` anew for writing, non-blocking: the
// mode of `fd` itself is shared with other processes. A terminal that poll(2)
// calls ready still blocks a write for which it lacks space. Returns -1 for
// other files, and if it cannot be opened. The caller closes the descriptor.
// Async-signal-safe. REQUIRES: `fd` is a standard file: 0, 1 or 2.
int OpenNonBlocking(int fd);

}  // namespace herald::contract

#endif  // HERALD_PROTO_CONTRACT_REQUIRE_H_
