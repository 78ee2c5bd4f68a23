// SPDX-License-Identifier: Apache-2.0
//
// Decodes the bytes of a fuzzer into choices, numbers and texts. Behind the end
// of the bytes everything is zero and empty, so each input is a whole one.

#ifndef HERALD_TESTS_FUZZ_INPUT_H_
#define HERALD_TESTS_FUZZ_INPUT_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"

namespace herald::fuzz {

class Input {
 public:
  Input(const uint8_t* data, size_t size)
      : rest_(reinterpret_cast<const char*>(data), size) {}

  bool empty() const { return rest_.empty(); }

  uint8_t Byte() {
    if (rest_.empty()) return 0;
    const auto byte = static_cast<uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return byte;
  }

  bool Flag() { return (Byte() & 1) != 0; }

  // From 0 to `end` - 1. REQUIRES: `end` is from 1 to 256.
  int Below(int end) { return Byte() % end; }

  // One of them.
  template <typename T, size_t kSize>
  const T& Of(const T (&choices)[kSize]) {
    return choices[Below(static_cast<int>(kSize))];
  }

  // At most 255 bytes: a byte that counts them stands before.
  std::string Text() {
    const size_t size = std::min<size_t>(Byte(), rest_.size());
    const std::string text(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return text;
  }

  // All that is left.
  absl::string_view Rest() { return std::exchange(rest_, {}); }

 private:
  absl::string_view rest_;
};

}  // namespace herald::fuzz

#endif  // HERALD_TESTS_FUZZ_INPUT_H_
