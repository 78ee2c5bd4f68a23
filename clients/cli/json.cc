// SPDX-License-Identifier: Apache-2.0

#include "clients/cli/json.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "proto/contract/names.h"
#include "proto/json/json_text.h"

namespace herald::cli {

size_t Utf8CharacterSize(absl::string_view text) {
  const size_t size_max = std::min<size_t>(4, text.size());
  for (size_t size = 1; size <= size_max; ++size) {
    if (contract::IsUtf8(text.substr(0, size))) return size;
  }
  return 0;
}

std::string JsonString(absl::string_view text) {
  std::string valid;
  while (!text.empty()) {
    const size_t size = Utf8CharacterSize(text);
    absl::StrAppend(&valid, size == 0 ? "\xef\xbf\xbd" : text.substr(0, size));
    text.remove_prefix(std::max<size_t>(size, 1));
  }
  std::string out;
  json::AppendJsonString(valid, &out);
  return out;
}

std::string JsonText(absl::string_view text) {
  // Line ends can only stand between the tokens of valid JSON.
  std::string out(json::JsonOrNull(text));
  std::replace_if(
      out.begin(), out.end(), [](char c) { return c == '\n' || c == '\r'; },
      ' ');
  return out;
}

std::string JsonArray(const std::vector<std::string>& values) {
  return absl::StrCat("[", absl::StrJoin(values, ","), "]");
}

JsonObject& JsonObject::Add(absl::string_view name, absl::string_view text) {
  return AddJson(name, JsonString(text));
}

JsonObject& JsonObject::Add(absl::string_view name, int64_t number) {
  return AddJson(name, absl::StrCat(number));
}

JsonObject& JsonObject::AddJson(absl::string_view name,
                                absl::string_view value) {
  absl::StrAppend(&members_, members_.empty() ? "" : ",", "\"", name,
                  "\":", value);
  return *this;
}

}  // namespace herald::cli
