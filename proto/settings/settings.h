// SPDX-License-Identifier: Apache-2.0
//
// The settings of one process and where each has its value from: the flag
// `--max-channels` (or `--max_channels`), else the environment variable
// `BROADCAST_MAX_CHANNELS`, else the same name in the `.env` file, else the
// default. An empty value counts as not given.
//
// Failure: for a value that cannot be used the default applies, and errors()
// has an entry. A possible mistake is in warnings(); with `--strict` a misspelt
// name is an error.
//
// Threads: one thread, at start.

#ifndef HERALD_PROTO_SETTINGS_SETTINGS_H_
#define HERALD_PROTO_SETTINGS_SETTINGS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "proto/settings/declarations.h"
#include "proto/settings/env_file.h"
#include "proto/settings/setting.h"

namespace herald::settings {

class Settings {
 public:
  struct Value {
    std::string text;
    std::string source;  // `--max-channels`, `environment`, `.env:3`, `default`
  };

  // Reads the arguments behind a program's name, the environment, and `./.env`
  // or the file that --env-file names.
  Settings(Process process, const std::vector<std::string>& arguments,
           const std::vector<Setting>& declarations = Declarations());

  // Flags that are no settings.
  bool help() const { return help_; }        // --help, -h
  bool version() const { return version_; }  // --version
  bool check() const { return check_; }      // --check

  // A setting's value. REQUIRES: it is declared, of this process, and of this
  // kind; List() takes targets too, and Text() every kind.
  std::string Text(absl::string_view name) const;
  int64_t Integer(absl::string_view name) const;
  bool Boolean(absl::string_view name) const;
  absl::Duration Seconds(absl::string_view name) const;
  std::vector<std::string> List(absl::string_view name) const;

  // This process's settings, in the order of their declaration.
  const std::vector<Setting>& all() const { return mine_; }
  const Value& Of(const Setting& setting) const;

  // A message about a setting's value, with the file and line before it or the
  // flag behind it.
  std::string WithSource(absl::string_view name,
                         absl::string_view message) const;

  // The error if two settings are addresses that cannot both be listened at
  // (contract::Collide); the first one is at fault.
  std::optional<std::string> CollisionOf(absl::string_view name,
                                         absl::string_view other) const;

  // The value for people: never a secret's.
  std::string Shown(const Setting& setting) const;
  bool IsDefault(const Setting& setting) const;

  const std::vector<std::string>& errors() const { return errors_; }
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  void ReadFlags(const std::vector<std::string>& arguments);
  bool ReadSwitch(absl::string_view name);
  void RefuseFlag(absl::string_view argument);
  void ReadFile();
  void ReadSetting(const Setting& setting);
  void CheckOddities();
  void CheckNames();
  void CheckName(absl::string_view name, absl::string_view where);
  const Setting* FindMine(absl::string_view name) const;
  bool IsVariable(absl::string_view variable) const;

  const Process process_;
  const std::vector<Setting>& declarations_;
  std::vector<Setting> mine_;
  bool help_ = false;
  bool version_ = false;
  bool check_ = false;
  bool strict_ = false;
  std::string env_file_;  // As named; empty: not named.
  std::string env_file_flag_;
  EnvFile file_;
  absl::flat_hash_map<std::string, Value> flags_;   // By name.
  absl::flat_hash_map<std::string, Value> values_;  // By name.
  std::vector<std::string> errors_;
  std::vector<std::string> warnings_;
};

// How many characters have to be put in, left out or replaced.
size_t EditDistance(absl::string_view a, absl::string_view b);

}  // namespace herald::settings

#endif  // HERALD_PROTO_SETTINGS_SETTINGS_H_
