// SPDX-License-Identifier: Apache-2.0
//
// The commands: each makes one call of herald::client and prints its answer.
//
// Failure: UsageError() for invalid words, otherwise the call's status. Nothing
// is printed then, except for earlier pages of a history.

#ifndef HERALD_CLIENTS_CLI_COMMANDS_H_
#define HERALD_CLIENTS_CLI_COMMANDS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace herald::cli {

inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;

// The input of all commands.
struct CommandContext {
  std::string address;
  std::string token;
  absl::Duration timeout;
  bool json = false;
  std::vector<std::string> words;  // Arguments behind the command's name.
};

// A mistake in the command line, which ends with exit code 2.
absl::Status UsageError(absl::string_view message);
bool IsUsageError(const absl::Status& status);

struct Command {
  absl::string_view name;
  std::vector<absl::string_view> flags;  // Beside --address, --token, --json.
  absl::Status (*run)(const CommandContext& context);
  bool dials = true;  // Needs a service: an address and a token.
};

const std::vector<Command>& Commands();

// Prints messages until SIGINT, SIGTERM or the end of the Watch.
absl::Status RunWatch(const CommandContext& context);

// Prints the history of a channel.
absl::Status RunHistory(const CommandContext& context);

// Runs Herald on this machine until SIGINT, SIGTERM or SIGHUP. A status without
// a message: the reason has been printed.
absl::Status RunDev(const CommandContext& context);

}  // namespace herald::cli

#endif  // HERALD_CLIENTS_CLI_COMMANDS_H_
