// SPDX-License-Identifier: Apache-2.0

#include "proto/json/json_text.h"

namespace herald::json {

namespace {

constexpr char kHex[] = "0123456789abcdef";

void AppendEscape(unsigned code, std::string* out) {
  out->append("\\u");
  for (const int shift : {12, 8, 4, 0}) {
    out->push_back(kHex[code >> shift & 15]);
  }
}

// Half of a surrogate pair, as the bytes ED A0..BF 80..BF, or 0.
unsigned HalfAt(absl::string_view text) {
  if (text.size() < 3) return 0;
  const auto second = static_cast<unsigned char>(text[1]);
  const auto third = static_cast<unsigned char>(text[2]);
  if (second < 0xA0) return 0;
  return 0xD000u | (second & 0x3Fu) << 6 | (third & 0x3Fu);
}

}  // namespace

void AppendJsonString(absl::string_view text, std::string* out) {
  out->push_back('"');
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const auto byte = static_cast<unsigned char>(c);
    const unsigned half = byte == 0xED ? HalfAt(text.substr(i)) : 0;
    if (half != 0) {
      AppendEscape(half, out);
      i += 2;
    } else if (c == '"' || c == '\\') {
      out->push_back('\\');
      out->push_back(c);
    } else if (byte < 0x20) {
      AppendEscape(byte, out);
    } else {
      out->push_back(c);
    }
  }
  out->push_back('"');
}

}  // namespace herald::json
