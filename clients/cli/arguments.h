// SPDX-License-Identifier: Apache-2.0
//
// The words of the command line: a command, its arguments, and flags anywhere
// among them. The flags are abseil's; they are parsed here and not by
// absl::ParseCommandLine(), which knows no commands and exits with 1 where
// scripts expect 2.
//
// Failure: InvalidArgumentError with a sentence for the user.

#ifndef HERALD_CLIENTS_CLI_ARGUMENTS_H_
#define HERALD_CLIENTS_CLI_ARGUMENTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/flags/declare.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

ABSL_DECLARE_FLAG(std::string, address);
ABSL_DECLARE_FLAG(std::string, token);
ABSL_DECLARE_FLAG(absl::Duration, timeout);
ABSL_DECLARE_FLAG(bool, json);
ABSL_DECLARE_FLAG(std::string, except);
ABSL_DECLARE_FLAG(std::string, key);
ABSL_DECLARE_FLAG(std::string, prefix);
ABSL_DECLARE_FLAG(std::string, socket);
ABSL_DECLARE_FLAG(std::string, user);
ABSL_DECLARE_FLAG(std::string, reason);
ABSL_DECLARE_FLAG(std::string, since);
ABSL_DECLARE_FLAG(int64_t, limit);
ABSL_DECLARE_FLAG(std::string, examples);
ABSL_DECLARE_FLAG(std::string, data);
ABSL_DECLARE_FLAG(bool, chat);
ABSL_DECLARE_FLAG(bool, authorizer);

namespace herald::cli {

struct Arguments {
  std::vector<std::string> words;  // Arguments other than flags, in order.
  std::vector<std::string> flags_given;  // Their names, for a command to check.
  bool help = false;                     // --help, -h
  bool version = false;                  // --version
};

// Parses the arguments after the program's name, and sets the flags.
// `--flag value`, `--flag=value`, `--json`, `--no-json` and `--json=false` are
// understood; after `--` everything is a word, and so are `-` and negative
// numbers.
absl::StatusOr<Arguments> ParseArguments(const std::vector<std::string>& args);

}  // namespace herald::cli

#endif  // HERALD_CLIENTS_CLI_ARGUMENTS_H_
