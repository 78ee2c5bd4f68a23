// SPDX-License-Identifier: Apache-2.0
//
// RFC 6455 as a server applies it to the bytes of a client, in the simplest
// form: all bytes at once, no state between calls.

#ifndef HERALD_TESTS_FUZZ_FRAMES_MODEL_H_
#define HERALD_TESTS_FUZZ_FRAMES_MODEL_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace herald::fuzz {

// The frames that a client has sent, as a gateway reads them.
struct ReadFrames {
  // Messages, pings, pongs and the close, in order, each with its payload.
  std::vector<std::string> events;
  // Pongs, and the close frame, if there is one.
  std::string answers;
  bool closed = false;  // The connection ends: by the client, or by an error.
  bool between_messages = true;
};

// Reads `bytes` up to the end of the connection, if it ends. A message of more
// than `message_bytes_max` ends it.
ReadFrames ReadAllFrames(absl::string_view bytes, size_t message_bytes_max);

}  // namespace herald::fuzz

#endif  // HERALD_TESTS_FUZZ_FRAMES_MODEL_H_
