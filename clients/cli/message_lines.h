// SPDX-License-Identifier: Apache-2.0
//
// The output of `herald watch` and `herald history`: one line for each message.

#ifndef HERALD_CLIENTS_CLI_MESSAGE_LINES_H_
#define HERALD_CLIENTS_CLI_MESSAGE_LINES_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "herald/v1/server_message.pb.h"

namespace herald::cli {

// The message as a browser would see it, on one line without its end; empty
// for a kind that this version does not know.
std::string JsonLine(const v1::ServerMessage& message);

// The same for people.
std::string ReadableLine(const v1::ServerMessage& message);

// A place in a history, as `--since` takes it: `EPOCH:OFFSET`.
std::string Place(absl::string_view epoch, int64_t offset);

// An event in a history of this epoch, for programs and for people.
std::string HistoryJsonLine(absl::string_view epoch, const v1::Event& event);
std::string HistoryReadableLine(absl::string_view epoch,
                                const v1::Event& event);

}  // namespace herald::cli

#endif  // HERALD_CLIENTS_CLI_MESSAGE_LINES_H_
