// SPDX-License-Identifier: Apache-2.0
//
// The texts of `herald --help` and `herald <command> --help`.

#ifndef HERALD_CLIENTS_CLI_HELP_H_
#define HERALD_CLIENTS_CLI_HELP_H_

#include <string>

#include "absl/strings/string_view.h"

namespace herald::cli {

// The help of one command, or of all if there is no such command.
std::string HelpText(absl::string_view command);

}  // namespace herald::cli

#endif  // HERALD_CLIENTS_CLI_HELP_H_
