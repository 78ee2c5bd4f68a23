// SPDX-License-Identifier: Apache-2.0
//
// What `herald watch` prints: one line for each message.

#ifndef HERALD_CLIENTS_CLI_MESSAGE_LINES_H_
#define HERALD_CLIENTS_CLI_MESSAGE_LINES_H_

#include <string>

#include "herald/v1/server_message.pb.h"

namespace herald::cli {

// The message as a browser would see it, on one line without its end; empty
// for a kind that this version does not know.
std::string JsonLine(const v1::ServerMessage& message);

// The same for people.
std::string ReadableLine(const v1::ServerMessage& message);

}  // namespace herald::cli

#endif  // HERALD_CLIENTS_CLI_MESSAGE_LINES_H_
