// SPDX-License-Identifier: Apache-2.0
//
// The limit: the least that a server can do that brings a message to each of
// many sockets. A bare epoll loop without a protocol: frames come in on one
// connection, encoded already, and go out on all the others.
//
//   kEach       one send(2) per frame and socket: the limit
//   kTogether   one send(2) per socket for all frames that have arrived: the
//               coalescing limit

#ifndef HERALD_TESTS_BENCHMARK_LIMIT_SERVER_H_
#define HERALD_TESTS_BENCHMARK_LIMIT_SERVER_H_

#include <string>

#include "absl/strings/string_view.h"

namespace herald::benchmark {

enum class Sending { kEach, kTogether };

// Serves until the process is killed. Prints `listening` with `sockets`, where
// each connection is greeted with one frame, and with `frames`, where one
// publisher may connect.
[[noreturn]] void RunLimitServer(Sending sending);

// A frame as the publisher sends it: its size in front.
std::string PackForLimitServer(absl::string_view frame);

}  // namespace herald::benchmark

#endif  // HERALD_TESTS_BENCHMARK_LIMIT_SERVER_H_
