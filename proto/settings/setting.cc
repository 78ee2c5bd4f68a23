// SPDX-License-Identifier: Apache-2.0

#include "proto/settings/setting.h"

#include <algorithm>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "proto/contract/address.h"
#include "proto/contract/names.h"

namespace herald::settings {
namespace {

using Kind = Setting::Kind;

// Some settings are kept in milliseconds, and must not become 0.
double SecondsMin(const Setting& setting) {
  return std::max(0.001, static_cast<double>(setting.min));
}

// The fault of a value, worded to follow it; empty if there is none.
std::string ProblemOf(const Setting& setting, absl::string_view value) {
  switch (setting.kind) {
    case Kind::kText:
      return "";
    case Kind::kInteger: {
      const auto number = ParseInteger(value);
      if (!number.has_value()) return "is not a number";
      return *number < setting.min || *number > setting.max
                 ? "is a number out of range"
                 : "";
    }
    case Kind::kSeconds: {
      const auto time = ParseSeconds(value);
      if (!time.has_value()) return "is not a number of seconds";
      return *time < absl::Seconds(SecondsMin(setting)) ||
                     *time > absl::Seconds(setting.max)
                 ? "is a number out of range"
                 : "";
    }
    case Kind::kBoolean:
      return ParseBoolean(value).has_value() ? "" : "is neither true nor false";
    case Kind::kChoice: {
      const std::vector<std::string> choices = ParseList(setting.choices);
      return absl::c_linear_search(choices, value) ? "" : "is not known";
    }
    case Kind::kList:
      return ParseList(value).empty() ? "is an empty list" : "";
    case Kind::kTokens:
      // Of gRPC's metadata: "Custom-Metadata" in its protocol over HTTP/2.
      if (!absl::c_all_of(value, absl::ascii_isprint)) {
        return "has a character that is not printable ASCII";
      }
      return ParseList(value).empty() ? "is an empty list" : "";
    case Kind::kListenAddress:
      return std::string(contract::CheckListenAddress(value).message());
    case Kind::kTarget:
      return std::string(contract::CheckTarget(value).message());
    case Kind::kTargets:
      break;
  }
  for (const std::string& target : ParseList(value)) {
    const absl::Status status = contract::CheckTarget(target);
    if (status.ok()) continue;
    if (target == value) return std::string(status.message());
    return absl::StrCat("has ", contract::Quoted(target), ", which ",
                        status.message());
  }
  return ParseList(value).empty() ? "is an empty list" : "";
}

}  // namespace

std::string VariableOf(const Setting& setting) {
  return absl::StrCat("BROADCAST_", absl::AsciiStrToUpper(setting.name));
}

std::string FlagOf(const Setting& setting) {
  return absl::StrCat("--", absl::StrReplaceAll(setting.name, {{"_", "-"}}));
}

std::string Allowed(const Setting& setting) {
  switch (setting.kind) {
    case Kind::kText:
      return "any text";
    case Kind::kInteger:
      return absl::StrCat(setting.min, " to ", setting.max);
    case Kind::kSeconds:
      return absl::StrCat(SecondsMin(setting), " to ", setting.max, " seconds");
    case Kind::kBoolean:
      return "true or false";
    case Kind::kChoice:
      return absl::StrCat("one of ", setting.choices);
    case Kind::kList:
      return "a list, separated by commas, of at least one";
    case Kind::kTokens:
      return "a list, separated by commas, of at least one, in ASCII";
    case Kind::kListenAddress:
      return contract::kListenAddressForms;
    case Kind::kTarget:
      return contract::kTargetForms;
    case Kind::kTargets:
      break;
  }
  return absl::StrCat(contract::kTargetForms, "; several separated by commas");
}

absl::Status CheckValue(const Setting& setting, absl::string_view value) {
  const std::string problem = ProblemOf(setting, value);
  if (problem.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(VariableOf(setting), ": ",
                   setting.secret ? "the value" : contract::Quoted(value), " ",
                   problem, " (allowed: ", Allowed(setting), ")"));
}

std::optional<int64_t> ParseInteger(absl::string_view value) {
  int64_t number = 0;
  if (absl::SimpleAtoi(value, &number)) return number;
  // A number of any size is one, and out of every range.
  absl::string_view digits = value;
  const bool negative = !digits.empty() && digits.front() == '-';
  if (negative) digits.remove_prefix(1);
  if (digits.empty() || !absl::c_all_of(digits, [](unsigned char c) {
        return absl::ascii_isdigit(c);
      })) {
    return std::nullopt;
  }
  return negative ? INT64_MIN : INT64_MAX;
}

std::optional<bool> ParseBoolean(absl::string_view value) {
  const std::string lower = absl::AsciiStrToLower(value);
  for (const absl::string_view yes : {"true", "1", "yes", "on"}) {
    if (lower == yes) return true;
  }
  for (const absl::string_view no : {"false", "0", "no", "off"}) {
    if (lower == no) return false;
  }
  return std::nullopt;
}

std::optional<absl::Duration> ParseSeconds(absl::string_view value) {
  double number = 0;
  if (!absl::SimpleAtod(value, &number) || number != number) {
    return std::nullopt;
  }
  return absl::Seconds(number);
}

std::vector<std::string> ParseList(absl::string_view value) {
  std::vector<std::string> parts;
  for (const absl::string_view piece : absl::StrSplit(value, ',')) {
    const absl::string_view part = absl::StripAsciiWhitespace(piece);
    if (!part.empty()) parts.emplace_back(part);
  }
  return parts;
}

}  // namespace herald::settings
