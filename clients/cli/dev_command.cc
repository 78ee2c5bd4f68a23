// SPDX-License-Identifier: Apache-2.0

#include <signal.h>

#include <cerrno>
#include <filesystem>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "clients/cli/arguments.h"
#include "clients/cli/commands.h"
#include "clients/cli/complaint.h"
#include "clients/supervisor/development.h"
#include "clients/supervisor/probe.h"
#include "clients/supervisor/supervisor.h"

namespace herald::cli {
namespace {

using supervisor::Development;
using supervisor::ListenSetting;

// Prints the addresses that are in use. Returns whether none is.
bool AreFree(const std::vector<ListenSetting>& listeners) {
  bool all_free = true;
  for (const auto& [variable, address] : listeners) {
    if (!supervisor::Accepts(address)) continue;
    Complain(absl::StrCat(
        "herald: port ", address.substr(address.rfind(':') + 1), " is in use (",
        address, "). Stop the program that listens there, or set ", variable,
        " to another address",
        variable == "BROADCAST_AUTHORIZER"
            ? ", or pass --no-authorizer if it is yours."
            : "."));
    all_free = false;
  }
  return all_free;
}

// Runs the programs to their end. If output was lost, main() reports that; if
// its reader has gone, SIGPIPE ends us, as it ends the other commands.
absl::Status Supervise(supervisor::SupervisorOptions options) {
  int code = 0;
  int output_error = 0;
  // Ignored by the supervisor: the programs are stopped first.
  const auto on_sigpipe = signal(SIGPIPE, SIG_IGN);
  {
    supervisor::Supervisor supervisor(std::move(options));
    code = supervisor.Run();
    output_error = supervisor.output_error();
  }
  signal(SIGPIPE, on_sigpipe);
  if (output_error == EPIPE && code == 0) raise(SIGPIPE);
  if (output_error != 0) std::cout.setstate(std::ios::badbit);
  return code == 0 ? absl::OkStatus() : absl::UnknownError("");
}

}  // namespace

absl::Status RunDev(const CommandContext& context) {
  if (!context.words.empty()) return UsageError("dev takes no arguments");
  const Development development(
      {.programs = std::filesystem::read_symlink("/proc/self/exe")
                       .parent_path()
                       .string(),
       .examples = absl::GetFlag(FLAGS_examples),
       .data = absl::GetFlag(FLAGS_data),
       .chat = absl::GetFlag(FLAGS_chat),
       .authorizer = absl::GetFlag(FLAGS_authorizer)});
  if (absl::Status status = development.Check(); !status.ok()) {
    return UsageError(status.message());
  }
  if (!AreFree(development.listeners())) return absl::UnavailableError("");
  return Supervise({.programs = development.Programs(),
                    .welcome =
                        [&](const auto& pid_of) {
                          return development.Welcome(pid_of("service"));
                        },
                    .stop_within = development.stop_within()});
}

}  // namespace herald::cli
