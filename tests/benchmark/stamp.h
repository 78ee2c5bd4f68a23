// SPDX-License-Identifier: Apache-2.0
//
// The benchmark's messages: a JSON string with the time of its publish, its
// channel, and its sequence number there. The parts have a fixed width, so that
// reading them back costs next to nothing.

#ifndef HERALD_TESTS_BENCHMARK_STAMP_H_
#define HERALD_TESTS_BENCHMARK_STAMP_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace herald::benchmark {

struct Stamp {
  int64_t sent = 0;      // Now() when it was due.
  int64_t channel = 0;   // Number of the channel, below a million.
  int64_t sequence = 0;  // Counts the channel's messages from 0.

  friend bool operator==(const Stamp&, const Stamp&) = default;
};

// The fewest bytes that hold a stamp.
constexpr size_t kStampBytesMin = 40;

// The stamp as JSON text of exactly `bytes` bytes.
// REQUIRES: bytes >= kStampBytesMin.
std::string EncodeStamp(const Stamp& stamp, size_t bytes);

// The stamp in a message whose `data` EncodeStamp() has made; nothing if there
// is none.
std::optional<Stamp> ParseStamp(absl::string_view message);

}  // namespace herald::benchmark

#endif  // HERALD_TESTS_BENCHMARK_STAMP_H_
