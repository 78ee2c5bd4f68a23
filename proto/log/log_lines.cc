// SPDX-License-Identifier: Apache-2.0

#include "proto/log/log_lines.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "proto/contract/names.h"
#include "proto/json/json_text.h"

namespace herald::process {
namespace {

std::string JsonString(absl::string_view text) {
  std::string out;
  json::AppendJsonString(contract::IsUtf8(text) ? text : absl::CHexEscape(text),
                         &out);
  return out;
}

// A value as it is if it is one word, else in quotes.
std::string TextValue(absl::string_view value) {
  const bool plain =
      !value.empty() &&
      std::all_of(value.begin(), value.end(), [](unsigned char c) {
        return absl::ascii_isgraph(c) && c != '"' && c != '=' && c != '\\';
      });
  return plain ? std::string(value)
               : absl::StrCat("\"", absl::Utf8SafeCHexEscape(value), "\"");
}

}  // namespace

std::string FormatText(absl::string_view message, LogFields fields) {
  std::string out(message);
  std::replace_if(
      out.begin(), out.end(),
      [](unsigned char c) { return absl::ascii_iscntrl(c); }, ' ');
  for (const LogField& field : fields) {
    absl::StrAppend(&out, " ", field.name, "=", TextValue(field.value.text()));
  }
  return out;
}

std::string FormatJson(absl::string_view message, LogFields fields) {
  std::string out = absl::StrCat("\"message\":", JsonString(message));
  for (const auto& [name, value] : fields) {
    absl::StrAppend(
        &out, ",", JsonString(name), ":",
        value.is_number() ? value.text() : JsonString(value.text()));
  }
  return out;
}

}  // namespace herald::process
