// SPDX-License-Identifier: Apache-2.0

#include "proto/contract/settings.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "proto/contract/names.h"

namespace herald::contract {
namespace {

std::string VariableName(absl::string_view name) {
  return absl::StrCat("BROADCAST_", absl::AsciiStrToUpper(name));
}

bool IsVariableName(absl::string_view name) {
  for (const char c : name) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '_') {
      return false;
    }
  }
  return !name.empty();
}

absl::string_view Unquoted(absl::string_view value) {
  if (value.size() >= 2 && (value.front() == '"' || value.front() == '\'') &&
      value.back() == value.front()) {
    return value.substr(1, value.size() - 2);
  }
  return value;
}

// All of a file, or why it cannot be read: NOT_FOUND if it is not there.
absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::FILE* const file = std::fopen(path.c_str(), "r");
  int error = file == nullptr ? errno : 0;
  std::string text;
  if (file != nullptr) {
    char piece[4096];
    while (const size_t size = std::fread(piece, 1, sizeof piece, file)) {
      text.append(piece, size);
    }
    if (std::ferror(file) != 0) error = errno;
    std::fclose(file);
  }
  if (error == 0) return text;
  return absl::ErrnoToStatus(error, absl::StrCat("cannot read ", path));
}

}  // namespace

absl::StatusOr<Variables> ReadEnvFile(const std::string& path, bool required) {
  Variables variables;
  const absl::StatusOr<std::string> text = ReadFile(path);
  if (absl::IsNotFound(text.status()) && !required) return variables;
  if (!text.ok()) return text.status();
  int number = 0;
  for (absl::string_view line : absl::StrSplit(*text, '\n')) {
    ++number;
    line = absl::StripAsciiWhitespace(line);
    if (line.empty() || line.front() == '#') continue;
    absl::ConsumePrefix(&line, "export ");
    const size_t equals = line.find('=');
    const absl::string_view name =
        absl::StripAsciiWhitespace(line.substr(0, equals));
    if (equals == absl::string_view::npos || !IsVariableName(name)) {
      return absl::InvalidArgumentError(absl::StrCat(
          path, ":", number, ": the line is not of the form NAME=value"));
    }
    const absl::string_view value =
        absl::StripAsciiWhitespace(line.substr(equals + 1));
    variables[std::string(name)] = std::string(Unquoted(value));
  }
  return variables;
}

std::optional<std::string> SettingsReader::Lookup(absl::string_view name,
                                                  const Flag& flag) const {
  if (flag.has_value() && !flag->empty()) return flag;
  const std::string variable = VariableName(name);
  const char* const value = std::getenv(variable.c_str());
  if (value != nullptr && *value != '\0') return value;
  const auto it = file_.find(variable);
  if (it != file_.end() && !it->second.empty()) return it->second;
  return std::nullopt;
}

void SettingsReader::Refuse(absl::string_view name, absl::string_view value,
                            absl::string_view allowed) {
  if (!status_.ok()) return;
  status_ = absl::InvalidArgumentError(
      absl::StrCat(VariableName(name), " (--", name, ") is ", Quoted(value),
                   "; allowed is ", allowed));
}

int64_t SettingsReader::Integer(absl::string_view name, const Flag& flag,
                                int64_t default_value, Range range) {
  const std::optional<std::string> text = Lookup(name, flag);
  if (!text) return default_value;
  int64_t value = 0;
  if (absl::SimpleAtoi(*text, &value) && value >= range.min &&
      value <= range.max) {
    return value;
  }
  Refuse(name, *text,
         absl::StrCat("a number from ", range.min, " to ", range.max));
  return default_value;
}

bool SettingsReader::Boolean(absl::string_view name, const Flag& flag,
                             bool default_value) {
  const std::optional<std::string> text = Lookup(name, flag);
  if (!text) return default_value;
  const std::string value = absl::AsciiStrToLower(*text);
  for (const absl::string_view yes : {"true", "1", "yes", "on"}) {
    if (value == yes) return true;
  }
  for (const absl::string_view no : {"false", "0", "no", "off"}) {
    if (value == no) return false;
  }
  Refuse(name, *text, "true or false");
  return default_value;
}

absl::Duration SettingsReader::Seconds(absl::string_view name, const Flag& flag,
                                       absl::Duration default_value,
                                       Range range) {
  const std::optional<std::string> text = Lookup(name, flag);
  if (!text) return default_value;
  // What is kept in milliseconds must not become none.
  const double min = std::max(0.001, static_cast<double>(range.min));
  double value = 0;
  if (absl::SimpleAtod(*text, &value) && value >= min &&
      value <= static_cast<double>(range.max)) {
    return absl::Seconds(value);
  }
  Refuse(name, *text, absl::StrCat("seconds from ", min, " to ", range.max));
  return default_value;
}

std::string SettingsReader::Text(absl::string_view name, const Flag& flag,
                                 absl::string_view default_value) {
  return Lookup(name, flag).value_or(std::string(default_value));
}

std::string SettingsReader::ListenAddress(absl::string_view name,
                                          const Flag& flag,
                                          absl::string_view default_value) {
  std::string text = Text(name, flag, default_value);
  if (SplitHostPort(text).has_value()) return text;
  Refuse(name, text, "host:port, for example 127.0.0.1:8080");
  return std::string(default_value);
}

std::string SettingsReader::OneOf(absl::string_view name, const Flag& flag,
                                  absl::string_view default_value,
                                  const std::vector<std::string>& allowed) {
  std::string text = Text(name, flag, default_value);
  for (const std::string& one : allowed) {
    if (text == one) return text;
  }
  Refuse(name, text, absl::StrCat("one of ", absl::StrJoin(allowed, ", ")));
  return std::string(default_value);
}

std::vector<std::string> SettingsReader::List(absl::string_view name,
                                              const Flag& flag,
                                              absl::string_view default_value) {
  std::vector<std::string> values;
  const std::string text = Text(name, flag, default_value);
  for (const absl::string_view piece : absl::StrSplit(text, ',')) {
    const absl::string_view value = absl::StripAsciiWhitespace(piece);
    if (!value.empty()) values.emplace_back(value);
  }
  // Given, but nothing in it: an empty list of tokens would let everybody in.
  if (values.empty() && !text.empty()) {
    Refuse(name, text, "a list, separated by commas, of at least one");
  }
  return values;
}

std::optional<HostPort> SplitHostPort(absl::string_view address) {
  const size_t colon = address.rfind(':');
  if (colon == absl::string_view::npos || colon == 0) return std::nullopt;
  absl::string_view host = address.substr(0, colon);
  if (host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (absl::StrContains(host, ":")) {
    return std::nullopt;
  }
  uint32_t port = 0;
  if (!absl::SimpleAtoi(address.substr(colon + 1), &port) || port > 65535 ||
      host.empty()) {
    return std::nullopt;
  }
  return HostPort{std::string(host), static_cast<uint16_t>(port)};
}

}  // namespace herald::contract
