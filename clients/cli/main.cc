// SPDX-License-Identifier: Apache-2.0
//
// The command line: `herald <command>`. Exit codes: 0 done, 1 the call failed
// or the output cannot be written, 2 the command line was not understood.

#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "clients/cli/arguments.h"
#include "clients/cli/commands.h"
#include "clients/cli/complaint.h"
#include "clients/cli/help.h"
#include "proto/contract/address.h"
#include "proto/contract/names.h"
#include "proto/process/files.h"
#include "proto/settings/settings.h"

namespace herald::cli {
namespace {

int FailUsage(absl::string_view message, absl::string_view command) {
  Complain(absl::StrCat("herald: ", message, "\nSee herald ", command,
                        command.empty() ? "" : " ", "--help"));
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
    const bool common = command.dials && (flag == "address" ||
                                          flag == "token" || flag == "json");
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

// The declarations that callers of the service share with it, without those
// that a flag replaces: a flag works beside a broken setting. A caller dials
// the address, so it may be any target.
std::vector<settings::Setting> DeclarationsForCallers(bool address,
                                                      bool token) {
  std::vector<settings::Setting> shared;
  for (settings::Setting setting : settings::Declarations()) {
    if (address && setting.name == "grpc_address") {
      setting.of = settings::Process::kBoth;
      setting.kind = settings::Setting::Kind::kTarget;
      shared.push_back(setting);
    } else if (token && setting.name == "api_token") {
      shared.push_back(setting);
    }
  }
  return shared;
}

// The address of the service and the token for it, from flags or from the
// settings of the service.
absl::StatusOr<CommandContext> MakeContext(const Arguments& arguments) {
  CommandContext context;
  context.address = absl::GetFlag(FLAGS_address);
  std::vector<std::string> tokens =
      settings::ParseList(absl::GetFlag(FLAGS_token));
  if (!absl::GetFlag(FLAGS_token).empty() && tokens.empty()) {
    return UsageError("--token is an empty list");
  }
  const std::vector<settings::Setting> declared =
      DeclarationsForCallers(context.address.empty(), tokens.empty());
  const settings::Settings settings(settings::Process::kBoth, {}, declared);
  for (const std::string& warning : settings.warnings()) {
    Complain(absl::StrCat("herald: warning: ", warning));
  }
  if (!settings.errors().empty()) {
    return UsageError(settings.errors().front());
  }
  if (context.address.empty()) context.address = settings.Text("grpc_address");
  if (absl::Status status = contract::CheckTarget(context.address);
      !status.ok()) {
    return UsageError(absl::StrCat(
        "--address: ", contract::Quoted(context.address), " ", status.message(),
        " (allowed: ", contract::kTargetForms, ")"));
  }
  if (tokens.empty()) tokens = settings.List("api_token");
  if (!tokens.empty()) context.token = tokens.front();
  context.timeout = absl::GetFlag(FLAGS_timeout);
  context.json = absl::GetFlag(FLAGS_json);
  context.words.assign(arguments.words.begin() + 1, arguments.words.end());
  return context;
}

absl::Status RunCommand(const Command& command, const Arguments& arguments) {
  absl::Status status = CheckFlags(command, arguments);
  if (!status.ok()) return status;
  if (!command.dials) {
    CommandContext context;
    context.words.assign(arguments.words.begin() + 1, arguments.words.end());
    return command.run(context);
  }
  absl::StatusOr<CommandContext> context = MakeContext(arguments);
  if (!context.ok()) return context.status();
  return command.run(*context);
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
    Complain(absl::StripSuffix(HelpText(""), "\n"));
    return kExitUsage;
  }
  const absl::Status status = RunCommand(*command, *arguments);
  if (status.ok()) return 0;
  if (IsUsageError(status)) return FailUsage(status.message(), name);
  if (!status.message().empty()) {
    Complain(absl::StrCat("herald: ", absl::StatusCodeToString(status.code()),
                          ": ", status.message()));
  }
  return kExitFailed;
}

}  // namespace
}  // namespace herald::cli

int main(int argc, char** argv) {
  herald::process::FillStandardFiles();
  // Errors of connections are in the statuses that are printed here; gRPC would
  // print them once more, in its own form.
  setenv("GRPC_VERBOSITY", "NONE", /*overwrite=*/0);
  const int code =
      herald::cli::Main(std::vector<std::string>(argv + 1, argv + argc));
  // The output may fail as late as here: a full disk, a share that is away.
  if (std::cout.flush() && close(STDOUT_FILENO) == 0) return code;
  herald::cli::Complain("herald: cannot write the output");
  return code == 0 ? 1 : code;
}
