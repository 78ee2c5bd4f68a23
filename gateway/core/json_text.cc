// SPDX-License-Identifier: Apache-2.0

#include "gateway/core/json_text.h"

#include <algorithm>

#include "absl/strings/ascii.h"

namespace herald::gateway {
namespace {

// Drops the digits that `text` begins with; returns how many they were.
size_t TakeDigits(absl::string_view* text) {
  size_t count = 0;
  while (count < text->size() && absl::ascii_isdigit((*text)[count])) ++count;
  text->remove_prefix(count);
  return count;
}

bool Take(absl::string_view any_of, absl::string_view* text) {
  if (text->empty() || any_of.find(text->front()) == absl::string_view::npos) {
    return false;
  }
  text->remove_prefix(1);
  return true;
}

// RFC 8259 section 6.
bool IsNumber(absl::string_view text) {
  Take("-", &text);
  if (!Take("0", &text) && TakeDigits(&text) == 0) return false;
  if (Take(".", &text) && TakeDigits(&text) == 0) return false;
  if (Take("eE", &text)) {
    Take("+-", &text);
    if (TakeDigits(&text) == 0) return false;
  }
  return text.empty();
}

// The end of the string that begins at `start`.
size_t EndOfString(absl::string_view text, size_t start) {
  for (size_t i = start + 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      return i + 1;
    }
  }
  return text.size();
}

}  // namespace

void AppendJsonString(absl::string_view text, std::string* out) {
  static constexpr char kHex[] = "0123456789abcdef";
  out->push_back('"');
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out->push_back('\\');
      out->push_back(c);
    } else if (byte < 0x20) {
      out->append("\\u00");
      out->push_back(kHex[byte >> 4]);
      out->push_back(kHex[byte & 15]);
    } else {
      out->push_back(c);
    }
  }
  out->push_back('"');
}

bool ReplaceNumbers(absl::string_view text, std::string* out) {
  out->clear();
  for (size_t i = 0; i < text.size();) {
    size_t end = i + 1;
    const bool is_number = text[i] == '-' || absl::ascii_isdigit(text[i]);
    if (is_number) {
      end = std::min(text.find_first_not_of("+-.0123456789Ee", i), text.size());
      if (!IsNumber(text.substr(i, end - i))) return false;
      out->push_back('0');
    } else {
      if (text[i] == '"') end = EndOfString(text, i);
      out->append(text.data() + i, end - i);
    }
    i = end;
  }
  return true;
}

}  // namespace herald::gateway
