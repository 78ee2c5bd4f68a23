// SPDX-License-Identifier: Apache-2.0

#include "tests/support/frame.h"

#include <algorithm>
#include <cstdio>
#include <string_view>

#include "simdjson.h"

namespace herald::testing_support {
namespace {

std::string_view Std(absl::string_view text) {
  return std::string_view(text.data(), text.size());
}

}  // namespace

std::string Frame::String(absl::string_view key) const {
  simdjson::dom::parser parser;
  std::string_view value;
  if (parser.parse(text_)[Std(key)].get(value) != simdjson::SUCCESS) return "";
  return std::string(value);
}

bool Frame::Has(absl::string_view key) const {
  simdjson::dom::parser parser;
  return parser.parse(text_)[Std(key)].error() == simdjson::SUCCESS;
}

std::vector<std::pair<std::string, std::string>> Frame::Members() const {
  std::vector<std::pair<std::string, std::string>> members;
  simdjson::dom::parser parser;
  simdjson::dom::array array;
  if (parser.parse(text_)["members"].get(array) != simdjson::SUCCESS) return {};
  for (const simdjson::dom::element member : array) {
    std::string_view user_id;
    simdjson::dom::element user_info;
    if (member["user_id"].get(user_id) != simdjson::SUCCESS ||
        member["user_info"].get(user_info) != simdjson::SUCCESS) {
      members.emplace_back("(not a member)", "");
      continue;
    }
    members.emplace_back(user_id, simdjson::minify(user_info));
  }
  std::sort(members.begin(), members.end());
  return members;
}

std::string JsonString(absl::string_view text) {
  std::string json = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      json += '\\';
      json += c;
    } else if (byte < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", byte);
      json += escape;
    } else {
      json += c;
    }
  }
  return json + '"';
}

bool IsJson(absl::string_view text) {
  simdjson::dom::parser parser;
  return parser.parse(text.data(), text.size()).error() == simdjson::SUCCESS;
}

}  // namespace herald::testing_support
