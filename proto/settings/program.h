// SPDX-License-Identifier: Apache-2.0
//
// The texts that a program prints about its settings: `--help`, `--version`,
// `--check`, and the rows of the table in proto/README.md.

#ifndef HERALD_PROTO_SETTINGS_PROGRAM_H_
#define HERALD_PROTO_SETTINGS_PROGRAM_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "proto/settings/settings.h"

namespace herald::settings {

inline constexpr int kExitFailed = 1;
inline constexpr int kExitSettings = 2;

struct ProgramInfo {
  absl::string_view name;     // herald-service
  absl::string_view version;  // 0.1.0
  absl::string_view intro;    // The first lines of --help: its purpose.
  absl::string_view outro;    // The last lines of --help: its signals.
};

std::string HelpText(const ProgramInfo& program, const Settings& settings);

// Each setting as `NAME=value # source`, a line each, which may be read as an
// `.env` file. Secrets are comments.
std::string CheckText(const Settings& settings);

// The table in proto/README.md.
std::string ReadmeTable(const std::vector<Setting>& declarations);

// Writes `text` to stdout. Returns the exit code: 0, or kExitFailed with a line
// on stderr if it cannot be written.
int Print(absl::string_view program, absl::string_view text);

// Answers `--help` and `--version`. Returns the exit code, or nothing if
// neither is asked for.
std::optional<int> AnswerQuestion(const ProgramInfo& program,
                                  const Settings& settings);

// Answers `--check`: settings on stdout, warnings and errors on stderr. Returns
// the exit code. `warnings` and `errors` are those that the program adds.
int AnswerCheck(const ProgramInfo& program, const Settings& settings,
                const std::vector<std::string>& warnings,
                const std::vector<std::string>& errors);

}  // namespace herald::settings

#endif  // HERALD_PROTO_SETTINGS_PROGRAM_H_
