// SPDX-License-Identifier: Apache-2.0

#include "proto/json/json_reader.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/ascii.h"
#include "proto/contract/utf8.h"

namespace herald::json {
namespace {

constexpr char kSpace[] = " \t\n\r";

// The size of the string that `text` begins with, quotes included.
size_t SizeOfString(absl::string_view text) {
  size_t at = 1;
  for (;;) {
    at = std::min(text.find('"', at), text.size());
    // An odd number of backslashes escapes the quote.
    size_t begin = at;
    while (begin > 1 && text[begin - 1] == '\\') --begin;
    if (at == text.size() || (at - begin) % 2 == 0) return at + 1;
    ++at;
  }
}

size_t SizeOfContainer(absl::string_view text) {
  size_t at = 0;
  size_t depth = 0;
  do {
    at = std::min(text.find_first_of("\"{}[]", at), text.size());
    if (at >= text.size()) break;
    if (text[at] == '"') {
      at += SizeOfString(text.substr(at));
      continue;
    }
    const bool opens = text[at] == '{' || text[at] == '[';
    depth = opens ? depth + 1 : depth - 1;
    ++at;
  } while (depth > 0);
  return at;
}

size_t SizeOfValue(absl::string_view text) {
  if (text.front() == '"') return SizeOfString(text);
  if (text.front() == '{' || text.front() == '[') return SizeOfContainer(text);
  return std::min(text.find_first_of(" \t\n\r,]}"), text.size());
}

char32_t HexDigits(absl::string_view digits) {
  char32_t value = 0;
  for (const char c : digits) {
    const int digit =
        absl::ascii_isdigit(static_cast<unsigned char>(c))
            ? c - '0'
            : absl::ascii_tolower(static_cast<unsigned char>(c)) - 'a' + 10;
    value = value * 16 + static_cast<char32_t>(digit);
  }
  return value;
}

bool IsHigh(char32_t code) { return code >= 0xD800 && code < 0xDC00; }
bool IsLow(char32_t code) { return code >= 0xDC00 && code < 0xE000; }

// Appends the code point of the \u escape, or of the two that make a pair, that
// `text` begins with; returns their size.
size_t AppendUnicodeEscape(absl::string_view text, std::string* out) {
  const char32_t code = HexDigits(text.substr(2, 4));
  if (IsHigh(code) && text.substr(6, 2) == "\\u") {
    const char32_t low = HexDigits(text.substr(8, 4));
    if (IsLow(low)) {
      contract::AppendCodePoint(
          0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00), out);
      return 12;
    }
  }
  contract::AppendCodePoint(code, out);
  return 6;
}

char PlainEscape(char kind) {
  switch (kind) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return kind;
  }
}

}  // namespace

void JsonReader::Skip() {
  rest_.remove_prefix(std::min(rest_.find_first_not_of(kSpace), rest_.size()));
}

absl::string_view JsonReader::Take(size_t size) {
  const absl::string_view taken = rest_.substr(0, size);
  rest_.remove_prefix(taken.size());
  return taken;
}

bool JsonReader::Next() {
  Skip();
  if (!rest_.empty() && rest_.front() == ',') Take(1);
  Skip();
  if (rest_.empty() || rest_.front() == '}' || rest_.front() == ']') {
    return false;
  }
  if (has_keys_) {
    key_ = Take(SizeOfString(rest_));
    Skip();
    Take(1);  // The colon.
    Skip();
  }
  if (rest_.empty()) return false;
  value_ = Take(SizeOfValue(rest_));
  return true;
}

absl::string_view StripJsonSpace(absl::string_view text) {
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == absl::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

std::string DecodeJsonString(absl::string_view string) {
  absl::string_view rest = string.substr(1, string.size() - 2);
  std::string out;
  out.reserve(rest.size());
  while (!rest.empty()) {
    const size_t plain = std::min(rest.find('\\'), rest.size());
    out.append(rest.data(), plain);
    rest.remove_prefix(plain);
    if (rest.size() < 2) break;
    size_t size = 2;
    if (rest[1] == 'u') {
      size = AppendUnicodeEscape(rest, &out);
    } else {
      out.push_back(PlainEscape(rest[1]));
    }
    rest.remove_prefix(size);
  }
  return out;
}

}  // namespace herald::json
