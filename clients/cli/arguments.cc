// SPDX-License-Identifier: Apache-2.0

#include "clients/cli/arguments.h"

#include "absl/flags/flag.h"
#include "absl/flags/reflection.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

ABSL_FLAG(std::string, address, "", "the service's gRPC target");
ABSL_FLAG(std::string, token, "", "the API token");
ABSL_FLAG(absl::Duration, timeout, absl::Seconds(5), "longest time to wait");
ABSL_FLAG(bool, json, false, "print JSON");
ABSL_FLAG(std::string, except, "", "a socket that must not receive it");
ABSL_FLAG(std::string, key, "", "idempotency key");
ABSL_FLAG(std::string, prefix, "", "only channels that begin with it");
ABSL_FLAG(std::string, socket, "", "the connection to close");
ABSL_FLAG(std::string, user, "", "the user, to close all connections of");
ABSL_FLAG(std::string, reason, "", "why, for the close frame");
ABSL_FLAG(std::string, since, "", "only events after EPOCH:OFFSET");
ABSL_FLAG(int64_t, limit, 0, "most events; 0 for all");
ABSL_FLAG(std::string, examples, "", "the folder clients/examples");
ABSL_FLAG(std::string, data, "", "the folder for the chat's messages");
ABSL_FLAG(bool, chat, true, "start the chat");
ABSL_FLAG(bool, authorizer, true, "start an authorizer");

namespace herald::cli {
namespace {

bool IsWord(const std::string& arg) {
  if (!absl::StartsWith(arg, "-") || arg == "-") return true;
  return absl::ascii_isdigit(static_cast<unsigned char>(arg[1]));
}

absl::Status Set(absl::CommandLineFlag* flag, const std::string& value) {
  std::string error;
  if (flag->ParseFrom(value, &error)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("--", flag->Name(), " cannot be \"", value, "\"",
                   flag->Name() == "timeout"
                       ? "; give a number and its unit, for example 500ms or 5s"
                       : ""));
}

// The flag that `name` means. `--no-json` and `--nojson` are `--json=false`.
absl::CommandLineFlag* Find(absl::string_view name, bool* negated) {
  *negated = false;
  if (absl::CommandLineFlag* flag = absl::FindCommandLineFlag(name)) {
    return flag;
  }
  if (!absl::ConsumePrefix(&name, "no-") && !absl::ConsumePrefix(&name, "no")) {
    return nullptr;
  }
  absl::CommandLineFlag* const flag = absl::FindCommandLineFlag(name);
  if (flag == nullptr || !flag->IsOfType<bool>()) return nullptr;
  *negated = true;
  return flag;
}

// Parses the flag at `args[*i]`, and moves `i` to its last part.
absl::Status ParseFlag(const std::vector<std::string>& args, size_t* i,
                       Arguments* arguments) {
  const std::string& arg = args[*i];
  if (arg == "--help" || arg == "-h") {
    arguments->help = true;
    return absl::OkStatus();
  }
  if (arg == "--version") {
    arguments->version = true;
    return absl::OkStatus();
  }
  absl::string_view name = arg;
  const bool is_long = absl::ConsumePrefix(&name, "--");
  const size_t equals = name.find('=');
  const bool has_value = equals != absl::string_view::npos;
  bool negated = false;
  absl::CommandLineFlag* const flag =
      is_long ? Find(name.substr(0, equals), &negated) : nullptr;
  if (flag == nullptr || (negated && has_value)) {
    return absl::InvalidArgumentError(
        absl::StrCat("there is no flag ", arg.substr(0, arg.find('='))));
  }
  arguments->flags_given.emplace_back(flag->Name());
  if (has_value) return Set(flag, std::string(name.substr(equals + 1)));
  if (flag->IsOfType<bool>()) return Set(flag, negated ? "false" : "true");
  if (*i + 1 == args.size()) {
    return absl::InvalidArgumentError(absl::StrCat(arg, " needs a value"));
  }
  return Set(flag, args[++*i]);
}

}  // namespace

absl::StatusOr<Arguments> ParseArguments(const std::vector<std::string>& args) {
  Arguments arguments;
  bool only_words = false;
  for (size_t i = 0; i < args.size(); ++i) {
    if (only_words || IsWord(args[i])) {
      arguments.words.push_back(args[i]);
    } else if (args[i] == "--") {
      only_words = true;
    } else {
      absl::Status status = ParseFlag(args, &i, &arguments);
      if (!status.ok()) return status;
    }
  }
  return arguments;
}

}  // namespace herald::cli
