// SPDX-License-Identifier: Apache-2.0
//
// The process's log: one line on stderr for each event, as text
//
//   2026-01-31T12:00:00.000Z info listening what=grpc address=127.0.0.1:50051
//
// or as JSON
//
//   {"time":"…","level":"info","message":"listening","what":"grpc",…}
//
// Payloads, tokens and secrets never come here.
//
// Threads: any, after StartLog().

#ifndef HERALD_SERVICE_RPC_LOG_H_
#define HERALD_SERVICE_RPC_LOG_H_

#include <initializer_list>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"

namespace herald::rpc {

enum class LogLevel { kDebug, kInfo, kWarning, kError };
enum class LogFormat { kText, kJson };

// Says how the log looks, and leads the lines of gRPC and protobuf into it.
void StartLog(LogLevel level, LogFormat format);

using LogFields =
    std::initializer_list<std::pair<absl::string_view, std::string>>;

// One line. `message` is a constant phrase; what varies is in the fields.
void Log(LogLevel level, absl::string_view message, LogFields fields = {});

// The line without time and level, as the two formats have it.
std::string FormatText(absl::string_view message, LogFields fields);
std::string FormatJson(absl::string_view message, LogFields fields);

}  // namespace herald::rpc

#endif  // HERALD_SERVICE_RPC_LOG_H_
