// SPDX-License-Identifier: Apache-2.0
//
// The grammar of UTF-8 (RFC 3629 section 4). Pure.

#ifndef HERALD_PROTO_CONTRACT_UTF8_H_
#define HERALD_PROTO_CONTRACT_UTF8_H_

#include <cstddef>
#include <string>

namespace herald::contract {

// The length of the valid sequence at the front of the `size` bytes at `text`,
// 1 to 4; 0 if there is none. Inline, since every byte of text that is not
// ASCII comes here.
inline size_t Utf8SequenceLength(const char* text, size_t size) {
  const auto byte = [&](size_t i) {
    return i < size ? static_cast<unsigned char>(text[i]) : 0u;
  };
  const auto continues = [&](size_t i) { return (byte(i) & 0xC0) == 0x80; };
  const unsigned lead = byte(0);
  if (lead < 0x80) return size == 0 ? 0 : 1;
  if (lead < 0xC2) return 0;
  if (lead < 0xE0) return continues(1) ? 2 : 0;
  const unsigned second = byte(1);
  if (lead < 0xF0) {
    // E0 must not be overlong, ED must not be half a surrogate pair.
    const unsigned low = lead == 0xE0 ? 0xA0 : 0x80;
    const unsigned high = lead == 0xED ? 0x9F : 0xBF;
    return second >= low && second <= high && continues(2) ? 3 : 0;
  }
  if (lead > 0xF4) return 0;
  // F0 must not be overlong, F4 must not exceed U+10FFFF.
  const unsigned low = lead == 0xF0 ? 0x90 : 0x80;
  const unsigned high = lead == 0xF4 ? 0x8F : 0xBF;
  const bool valid =
      second >= low && second <= high && continues(2) && continues(3);
  return valid ? 4 : 0;
}

// Appends the bytes of a code point. Half of a surrogate pair, which UTF-8
// cannot write, becomes the three bytes ED A0..BF 80..BF: IsUtf8() is false for
// the text then.
inline void AppendCodePoint(char32_t code, std::string* out) {
  const auto byte = [](char32_t bits) { return static_cast<char>(bits); };
  const auto tail = [&](int shift) {
    out->push_back(byte(0x80 | (code >> shift & 0x3F)));
  };
  if (code < 0x80) return out->push_back(byte(code));
  if (code < 0x800) {
    out->push_back(byte(0xC0 | code >> 6));
  } else if (code < 0x10000) {
    out->push_back(byte(0xE0 | code >> 12));
    tail(6);
  } else {
    out->push_back(byte(0xF0 | code >> 18));
    tail(12);
    tail(6);
  }
  tail(0);
}

}  // namespace herald::contract

#endif  // HERALD_PROTO_CONTRACT_UTF8_H_
