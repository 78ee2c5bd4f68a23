// SPDX-License-Identifier: Apache-2.0
//
// A setting: one declaration, from which its flag, its variable, the check of
// its value, `--help`, `--check` and the table in proto/README.md derive.
//
// Threads: all functions are pure.

#ifndef HERALD_PROTO_SETTINGS_SETTING_H_
#define HERALD_PROTO_SETTINGS_SETTING_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace herald::settings {

enum class Process { kService, kGateway, kBoth };

struct Setting {
  // The form of a setting's values. A new kind needs a line in Allowed() and
  // one in CheckValue().
  enum class Kind {
    kText,           // Any text.
    kInteger,        // A decimal number from `min` to `max`.
    kSeconds,        // Seconds from `min` to `max`, at least 0.001.
    kBoolean,        // true, false, 1, 0, yes, no, on, off; in any case.
    kChoice,         // One of `choices`.
    kList,           // Texts, separated by commas; at least one.
    kTokens,         // The same, of printable ASCII.
    kListenAddress,  // Where to listen (proto/contract/address.h).
    kTarget,         // A gRPC target (the same).
    kTargets,        // Several, separated by commas; at least one.
  };

  absl::string_view name;  // As a flag with underscores: max_channels.
  Process of = Process::kBoth;
  Kind kind = Kind::kText;
  absl::string_view unit = "";           // In --help: --max-channels=UNIT.
  absl::string_view default_value = "";  // Empty: none.
  absl::string_view group = "";          // A heading of --help.
  absl::string_view text = "";           // For --help and proto/README.md.
  int64_t min = 0;
  int64_t max = 0;
  absl::string_view choices = "";  // `text, json`
  bool secret = false;             // Its value is shown nowhere.
};

// BROADCAST_MAX_CHANNELS, and --max-channels.
std::string VariableOf(const Setting& setting);
std::string FlagOf(const Setting& setting);

// The allowed values: `0 to 2147483647`.
std::string Allowed(const Setting& setting);

// OK, or INVALID_ARGUMENT with variable, value and allowed values:
//   BROADCAST_MAX_CHANNELS: "abc" is not a number (allowed: 0 to 2147483647)
absl::Status CheckValue(const Setting& setting, absl::string_view value);

// The parts of a value that CheckValue() finds right.
std::optional<int64_t> ParseInteger(absl::string_view value);
std::optional<bool> ParseBoolean(absl::string_view value);
std::optional<absl::Duration> ParseSeconds(absl::string_view value);
std::vector<std::string> ParseList(absl::string_view value);

}  // namespace herald::settings

#endif  // HERALD_PROTO_SETTINGS_SETTING_H_
