// SPDX-License-Identifier: Apache-2.0
//
// The bytes that a browser sends: an upgrade request, and masked frames; and
// the one answer to the request that is a yes.

#ifndef HERALD_TESTS_BENCHMARK_WEBSOCKET_BYTES_H_
#define HERALD_TESTS_BENCHMARK_WEBSOCKET_BYTES_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"
#include "tests/benchmark/frame_reader.h"

namespace herald::benchmark {

// A request to upgrade, with the headers of a browser: `bytes` in all, unless a
// request needs more. Users have one of 20 kinds of browser, so most headers
// are shared by many; user `number` has a cookie of its own, of 150 to 215
// bytes if `bytes` is 700.
std::string UpgradeRequest(absl::string_view host, absl::string_view path,
                           size_t bytes, int number);

// The size of the answer's head at the beginning of `bytes`; 0 if its end has
// not come yet.
//
// Failure: it is no yes to UpgradeRequest().
size_t UpgradeAnswerBytes(absl::string_view bytes);

// A final frame with a mask. REQUIRES: payload.size() < 64 KiB.
std::string ClientFrame(Opcode opcode, absl::string_view payload);

// A final text frame without one, as a server sends it. REQUIRES: as above.
std::string ServerTextFrame(absl::string_view payload);

}  // namespace herald::benchmark

#endif  // HERALD_TESTS_BENCHMARK_WEBSOCKET_BYTES_H_
