// SPDX-License-Identifier: Apache-2.0
//
// The command line: `herald <command>`. Exit codes: 0 done, 1 the call failed,
// 2 the command line was not understood.

#include <algorithm>
#include <iostream>

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "clients/cli/arguments.h"
#include "clients/cli/commands.h"
#include "clients/cli/help.h"
#include "proto/contract/settings.h"

namespace herald::cli {
namespace {

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;

int FailUsage(absl::string_view message, absl::string_view command) {
  std::cerr << "herald: " << message << "\n"
            << "See herald " << command << (command.empty() ? "" : " ")
            << "--help\n";
  return kExitUsage;
}

const Command* FindCommand(absl::string_view name) {
  for (const Command& command : Commands()) {
    if (command.name == name) return &command;
  }
  return nullptr;
}

// OK if the command knows all flags that were given.
absl::Status CheckFlags(const Command& command, const Arguments& arguments) {
  for (const std::string& flag : arguments.flags_given) {
    const bool common = flag == "address" || flag == "token" || flag == "json";
    if (common || std::find(command.flags.begin(), command.flags.end(), flag) !=
                      command.flags.end()) {
      continue;
    }
    return UsageError(absl::StrCat(command.name, " has no flag --", flag));
  }
  if (absl::GetFlag(FLAGS_timeout) <= absl::ZeroDuration()) {
    return UsageError("--timeout must be greater than zero");
  }
  return absl::OkStatus();
}

absl::StatusOr<Session> MakeSession(const Arguments& arguments) {
  auto file = contract::ReadEnvFile(".env", /*required=*/false);
  if (!file.ok()) return UsageError(file.status().message());
  contract::SettingsReader settings(*std::move(file));
  Session session;
  session.address = settings.Text("grpc_address", absl::GetFlag(FLAGS_address),
                                  "127.0.0.1:50051");
  const auto tokens =
      settings.List("api_token", absl::GetFlag(FLAGS_token), "");
  if (!tokens.empty()) session.token = tokens.front();
  session.timeout = absl::GetFlag(FLAGS_timeout);
  session.json = absl::GetFlag(FLAGS_json);
  session.words.assign(arguments.words.begin() + 1, arguments.words.end());
  return session;
}

absl::Status RunCommand(const Command& command, const Arguments& arguments) {
  absl::Status status = CheckFlags(command, arguments);
  if (!status.ok()) return status;
  absl::StatusOr<Session> session = MakeSession(arguments);
  if (!session.ok()) return session.status();
  return command.run(*session);
}

// `herald help [command]` is `herald [command] --help`.
void TakeHelpWord(Arguments* arguments) {
  if (arguments->words.empty() || arguments->words.front() != "help") return;
  arguments->words.erase(arguments->words.begin());
  arguments->help = true;
}

int Main(const std::vector<std::string>& args) {
  absl::StatusOr<Arguments> arguments = ParseArguments(args);
  if (!arguments.ok()) return FailUsage(arguments.status().message(), "");
  TakeHelpWord(&*arguments);
  const std::string name =
      arguments->words.empty() ? "" : arguments->words.front();
  const Command* const command = FindCommand(name);
  if (arguments->version) {
    std::cout << "herald " << HERALD_VERSION << std::endl;
    return 0;
  }
  if (!name.empty() && command == nullptr) {
    return FailUsage(absl::StrCat("there is no command \"", name, "\""), "");
  }
  if (arguments->help) {
    std::cout << HelpText(name) << std::flush;
    return 0;
  }
  if (command == nullptr) {
    std::cerr << HelpText("");
    return kExitUsage;
  }
  const absl::Status status = RunCommand(*command, *arguments);
  if (status.ok()) return 0;
  if (IsUsageError(status)) return FailUsage(status.message(), name);
  std::cerr << "herald: " << absl::StatusCodeToString(status.code()) << ": "
            << status.message() << "\n";
  return kExitFailed;
}

}  // namespace
}  // namespace herald::cli

int main(int argc, char** argv) {
  return herald::cli::Main(std::vector<std::string>(argv + 1, argv + argc));
}
