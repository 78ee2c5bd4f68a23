// SPDX-License-Identifier: Apache-2.0
//
// Where a process gets its settings from: the flag `--max_channels`, else the
// environment variable `BROADCAST_MAX_CHANNELS`, else the same name in the
// `.env` file, else the default. An empty value counts as not given.
//
//   SettingsReader settings(*ReadEnvFile(".env", /*required=*/false));
//   options.max_channels = settings.Integer(
//       "max_channels", absl::GetFlag(FLAGS_max_channels), 0, {0, kMax});
//   if (!settings.status().ok()) …  // Name, value, and what is allowed.
//
// Failure: a value that cannot be used leaves the default and is remembered;
// status() tells the first one, so a main() reads all and checks once.
//
// Threads: one thread, at start.

#ifndef HERALD_PROTO_CONTRACT_SETTINGS_H_
#define HERALD_PROTO_CONTRACT_SETTINGS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace herald::contract {

using Variables = absl::flat_hash_map<std::string, std::string>;

// Reads lines of `NAME=value`; blank lines, `#` comments, a leading `export`
// and quotes round a value are allowed.
//
//   NOT_FOUND         there is no such file and `required` is true
//   INVALID_ARGUMENT  a line is not of this form; the message has file and line
//   others            it is there and cannot be read, for example
//                     PERMISSION_DENIED
absl::StatusOr<Variables> ReadEnvFile(const std::string& path, bool required);

class SettingsReader {
 public:
  // A flag's value, or nothing if it was not given.
  using Flag = std::optional<std::string>;

  struct Range {
    int64_t min = 0;
    int64_t max = 0;
  };

  // `file` stands behind the process's environment.
  explicit SettingsReader(Variables file) : file_(std::move(file)) {}

  // A decimal number within `range`, both ends included.
  int64_t Integer(absl::string_view name, const Flag& flag,
                  int64_t default_value, Range range);

  // `true`, `false`, `1`, `0`, `yes`, `no`, `on` or `off`, in any case.
  bool Boolean(absl::string_view name, const Flag& flag, bool default_value);

  // A number of seconds, with a fraction if need be, within `range` seconds
  // and not less than 0.001.
  absl::Duration Seconds(absl::string_view name, const Flag& flag,
                         absl::Duration default_value, Range range);

  // Any text.
  std::string Text(absl::string_view name, const Flag& flag,
                   absl::string_view default_value);

  // `host:port` to listen on, the port from 0 to 65535; IPv6 in brackets.
  std::string ListenAddress(absl::string_view name, const Flag& flag,
                            absl::string_view default_value);

  // One of `allowed`.
  std::string OneOf(absl::string_view name, const Flag& flag,
                    absl::string_view default_value,
                    const std::vector<std::string>& allowed);

  // Comma-separated texts, trimmed, without empty ones; at least one if the
  // setting is given.
  std::vector<std::string> List(absl::string_view name, const Flag& flag,
                                absl::string_view default_value);

  // OK, or InvalidArgumentError for the first value that cannot be used.
  // Secrets are settings too, so only the kinds with a form show their value.
  const absl::Status& status() const { return status_; }

 private:
  std::optional<std::string> Lookup(absl::string_view name,
                                    const Flag& flag) const;
  void Refuse(absl::string_view name, absl::string_view value,
              absl::string_view allowed);

  const Variables file_;
  absl::Status status_;
};

// An address of the form that ListenAddress() takes, in its parts.
struct HostPort {
  std::string host;  // Without brackets.
  uint16_t port = 0;
};
std::optional<HostPort> SplitHostPort(absl::string_view address);

}  // namespace herald::contract

#endif  // HERALD_PROTO_CONTRACT_SETTINGS_H_
