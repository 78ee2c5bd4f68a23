// SPDX-License-Identifier: Apache-2.0
//
// One case of the Autobahn testsuite: frames that a client sends, and the
// required answer. A gateway echoes nothing, so a message is a `ping` of
// Herald's protocol where its content does not matter. The `pong`, or an
// `error` for a text that is not JSON, shows that the message was read whole.

#ifndef HERALD_TESTS_GATEWAY_NET_CONFORMANCE_WIRE_CASE_H_
#define HERALD_TESTS_GATEWAY_NET_CONFORMANCE_WIRE_CASE_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "tests/gateway/net/test_gateway.h"
#include "tests/support/raw_socket.h"

namespace herald::gateway {

// How the frames are handed to the network.
enum class Chops {
  kNone,    // All in one piece.
  kFrames,  // A piece for each frame.
  kBytes,   // A piece for each byte.
};

// Answers, as WireCase names them. A close frame is "close " and its code.
inline constexpr char kPongMessage[] = "message pong";
inline constexpr char kErrorMessage[] = "message error";

struct WireCase {
  std::string id;  // The testsuite's.
  std::vector<std::string> frames;
  // In their order. The connection ends behind a close frame, and stays open if
  // there is none.
  std::vector<std::string> answers;
  Chops chops = Chops::kNone;
};

// Fails the test for each case that is answered otherwise, each on a connection
// of its own.
void ExpectAnswers(const TestGateway& gateway,
                   const std::vector<WireCase>& cases);

// A message of so many bytes whose answer is kPongMessage. REQUIRES: at least
// 15.
std::string PingText(size_t bytes = 15);

// The answer to a ping.
std::string PongOf(absl::string_view payload);

// A masked frame with these reserved bits (0 to 7) and any opcode.
std::string FrameWith(int reserved, int opcode, absl::string_view payload);

// A message in fragments of so many bytes; with `between`, if it is not empty,
// behind the first one that is not the last.
std::vector<std::string> Fragments(testing_support::Opcode opcode,
                                   absl::string_view message, size_t bytes,
                                   const std::string& between = "");

}  // namespace herald::gateway

#endif  // HERALD_TESTS_GATEWAY_NET_CONFORMANCE_WIRE_CASE_H_
