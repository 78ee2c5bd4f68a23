// SPDX-License-Identifier: Apache-2.0

#include "gateway/protocol/text_frame.h"

namespace herald::gateway {
namespace {

constexpr size_t kShortMax = 125;     // The length is in the second byte.
constexpr size_t kMediumMax = 65535;  // 126, then 16 bits.
constexpr char kMediumMark = 126;
constexpr char kLongMark = 127;  // Then 64 bits.

void AppendBigEndian(size_t value, int bytes, std::string* out) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
    out->push_back(static_cast<char>((value >> shift) & 0xFF));
  }
}

}  // namespace

void AppendTextFrame(absl::string_view payload, std::string* out) {
  out->reserve(out->size() + payload.size() + 10);
  out->push_back(static_cast<char>(0x81));  // FIN, text.
  if (payload.size() <= kShortMax) {
    out->push_back(static_cast<char>(payload.size()));
  } else if (payload.size() <= kMediumMax) {
    out->push_back(kMediumMark);
    AppendBigEndian(payload.size(), 2, out);
  } else {
    out->push_back(kLongMark);
    AppendBigEndian(payload.size(), 8, out);
  }
  out->append(payload.data(), payload.size());
}

absl::string_view PayloadOf(absl::string_view frame) {
  const char mark = frame[1];
  return frame.substr(mark == kLongMark ? 10 : mark == kMediumMark ? 4 : 2);
}

}  // namespace herald::gateway
