// SPDX-License-Identifier: Apache-2.0

#include "proto/settings/settings.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "proto/contract/address.h"
#include "proto/contract/names.h"
#include "proto/contract/require.h"

namespace herald::settings {
namespace {

using contract::Quoted;

constexpr size_t kMisspeltMax = 2;

// Flags that take no value.
constexpr absl::string_view kSwitches[] = {"help", "version", "check",
                                           "strict"};

std::string Underscored(absl::string_view name) {
  return absl::StrReplaceAll(name, {{"-", "_"}});
}

// A message about a value, with its source.
std::string Sourced(const Settings::Value& value, absl::string_view message) {
  if (value.source == "environment" || value.source == "default") {
    return std::string(message);
  }
  return absl::StartsWith(value.source, "--")
             ? absl::StrCat(message, "; from ", value.source)
             : absl::StrCat(value.source, ": ", message);
}

bool IsOf(const Setting& setting, Process process) {
  return setting.of == process || setting.of == Process::kBoth;
}

}  // namespace

Settings::Settings(Process process, const std::vector<std::string>& arguments,
                   const std::vector<Setting>& declarations)
    : process_(process), declarations_(declarations) {
  for (const Setting& setting : declarations_) {
    if (IsOf(setting, process_)) mine_.push_back(setting);
  }
  ReadFlags(arguments);
  ReadFile();
  for (const Setting& setting : mine_) ReadSetting(setting);
  CheckOddities();
  CheckNames();
}

// `--name=value` and `--name value`. The value is taken as it is, even if it
// begins with a hyphen.
void Settings::ReadFlags(const std::vector<std::string>& arguments) {
  for (size_t i = 0; i < arguments.size(); ++i) {
    absl::string_view name = arguments[i];
    if (name == "-h") name = "--help";
    if (!absl::ConsumePrefix(&name, "--")) {
      RefuseFlag(arguments[i]);
      continue;
    }
    const size_t equals = name.find('=');
    const std::string flag = Underscored(name.substr(0, equals));
    if (equals == absl::string_view::npos && ReadSwitch(flag)) continue;
    const Setting* const setting = FindMine(flag);
    if (setting == nullptr && flag != "env_file") {
      RefuseFlag(arguments[i]);
      continue;
    }
    const bool has_value = equals != absl::string_view::npos;
    if (!has_value && i + 1 == arguments.size()) {
      errors_.push_back(absl::StrCat(arguments[i], " needs a value"));
      continue;
    }
    const std::string shown = absl::StrCat("--", name.substr(0, equals));
    std::string value =
        has_value ? std::string(name.substr(equals + 1)) : arguments[++i];
    if (setting == nullptr && value.empty()) {
      errors_.push_back(absl::StrCat(shown, " needs the path of a file"));
    } else if (setting == nullptr) {
      env_file_ = std::move(value);
      env_file_flag_ = shown;
    } else {
      flags_[flag] = {std::move(value), shown};
    }
  }
}

bool Settings::ReadSwitch(absl::string_view name) {
  bool* const switches[] = {&help_, &version_, &check_, &strict_};
  for (size_t i = 0; i < std::size(kSwitches); ++i) {
    if (name != kSwitches[i]) continue;
    *switches[i] = true;
    return true;
  }
  return false;
}

void Settings::RefuseFlag(absl::string_view argument) {
  // The value may be a secret, and so may a word behind a misspelt flag.
  const absl::string_view shown = argument.substr(0, argument.find('='));
  absl::string_view name = shown;
  if (!absl::ConsumePrefix(&name, "--")) {
    errors_.emplace_back(
        "an argument is no flag: it does not begin with --; see --help");
    return;
  }
  const std::string flag = Underscored(name);
  if (absl::c_linear_search(kSwitches, flag)) {
    errors_.push_back(absl::StrCat(shown, " takes no value"));
    return;
  }
  std::string hint;
  for (const Setting& setting : declarations_) {
    if (flag == setting.name) {
      hint = process_ == Process::kService
                 ? "; it is a setting of herald-gateway"
                 : "; it is a setting of herald-service";
      break;
    }
    if (IsOf(setting, process_) &&
        EditDistance(flag, setting.name) <= kMisspeltMax) {
      hint = absl::StrCat("; did you mean ", FlagOf(setting), "?");
    }
  }
  errors_.push_back(
      absl::StrCat("there is no flag ", shown, hint, " (see --help)"));
}

void Settings::ReadFile() {
  const bool named = !env_file_.empty();
  absl::StatusOr<EnvFile> file = ReadEnvFile(named ? env_file_ : ".env", named);
  if (file.ok()) {
    file_ = *std::move(file);
  } else if (named) {
    errors_.push_back(
        absl::StrCat(env_file_flag_, ": ", file.status().message()));
  } else {
    // Perhaps it belongs to another program.
    warnings_.emplace_back(file.status().message());
  }
}

void Settings::ReadSetting(const Setting& setting) {
  const std::string name(setting.name);
  const std::string variable = VariableOf(setting);
  Value& value = values_[name];
  value = {std::string(setting.default_value), "default"};
  Value given;
  bool broken = false;
  const auto flag = flags_.find(name);
  const char* const environment = std::getenv(variable.c_str());
  const auto line = file_.variables.find(variable);
  if (flag != flags_.end() && !flag->second.text.empty()) {
    given = flag->second;
  } else if (environment != nullptr && *environment != '\0') {
    given = {environment, "environment"};
  } else if (line != file_.variables.end()) {
    broken = line->second.broken;
    given = {line->second.value,
             absl::StrCat(file_.path, ":", line->second.line)};
  }
  if (broken) {
    errors_.push_back(Sourced(
        given, absl::StrCat(
                   variable,
                   ": the quotes are not closed, or something follows them")));
    return;
  }
  if (given.text.empty()) return;
  const absl::Status status = CheckValue(setting, given.text);
  if (status.ok()) {
    value = std::move(given);
    return;
  }
  errors_.push_back(Sourced(given, status.message()));
}

// A line that is no assignment is an error in a file that is ours: one that was
// named. In another one it is, if it begins with the name of a setting.
void Settings::CheckOddities() {
  for (const EnvFile::Oddity& oddity : file_.oddities) {
    const absl::string_view text = oddity.text;
    const bool ours = IsVariable(text.substr(0, text.find_first_of(" \t:=")));
    if (env_file_.empty() && !ours) continue;
    // The rest of the line may be a secret.
    errors_.push_back(absl::StrCat(
        file_.path, ":", oddity.line,
        ": the line is not of the form NAME=value",
        ours ? absl::StrCat(" (", text.substr(0, text.find_first_of(" \t:=")),
                            ")")
             : ""));
  }
}

void Settings::CheckNames() {
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const absl::string_view text = *entry;
    CheckName(text.substr(0, text.find('=')), "");
  }
  std::vector<std::pair<int, absl::string_view>> names;
  for (const auto& [name, variable] : file_.variables) {
    names.emplace_back(variable.line, name);
  }
  std::sort(names.begin(), names.end());
  for (const auto& [line, name] : names) {
    CheckName(name, absl::StrCat(file_.path, ":", line, ": "));
  }
}

void Settings::CheckName(absl::string_view name, absl::string_view where) {
  if (IsVariable(name) || name.size() > 64) return;
  for (const Setting& setting : declarations_) {
    const std::string variable = VariableOf(setting);
    if (EditDistance(name, variable) > kMisspeltMax) continue;
    (strict_ ? errors_ : warnings_)
        .push_back(absl::StrCat(where, name, " is no setting; did you mean ",
                                variable, "?"));
    return;
  }
}

const Setting* Settings::FindMine(absl::string_view name) const {
  for (const Setting& setting : mine_) {
    if (setting.name == name) return &setting;
  }
  return nullptr;
}

bool Settings::IsVariable(absl::string_view variable) const {
  return std::any_of(declarations_.begin(), declarations_.end(),
                     [variable](const Setting& setting) {
                       return VariableOf(setting) == variable;
                     });
}

const Settings::Value& Settings::Of(const Setting& setting) const {
  return values_.at(setting.name);
}

std::string Settings::Text(absl::string_view name) const {
  return values_.at(name).text;
}

int64_t Settings::Integer(absl::string_view name) const {
  return ParseInteger(Text(name)).value_or(0);
}

bool Settings::Boolean(absl::string_view name) const {
  return ParseBoolean(Text(name)).value_or(false);
}

absl::Duration Settings::Seconds(absl::string_view name) const {
  return ParseSeconds(Text(name)).value_or(absl::ZeroDuration());
}

std::vector<std::string> Settings::List(absl::string_view name) const {
  return ParseList(Text(name));
}

std::string Settings::WithSource(absl::string_view name,
                                 absl::string_view message) const {
  return Sourced(values_.at(name), message);
}

std::optional<std::string> Settings::CollisionOf(
    absl::string_view name, absl::string_view other) const {
  const std::string& address = values_.at(name).text;
  const std::string& taken_by = values_.at(other).text;
  if (!contract::Collide(address, taken_by)) return std::nullopt;
  return WithSource(
      name,
      absl::StrCat(VariableOf({.name = name}), ": ", contract::Quoted(address),
                   " is taken by ", VariableOf({.name = other}), ", ",
                   contract::Quoted(taken_by)));
}

std::string Settings::Shown(const Setting& setting) const {
  const std::string& text = Of(setting).text;
  return setting.secret && !text.empty() ? "(secret)" : text;
}

bool Settings::IsDefault(const Setting& setting) const {
  return Of(setting).text == setting.default_value;
}

size_t EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i + 1);
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, replaced});
    }
  }
  return row.back();
}

}  // namespace herald::settings
