// SPDX-License-Identifier: Apache-2.0
//
// The process's log on stderr: one line for each event, gRPC's and protobuf's
// own included.
//
//   2026-01-31T12:00:00.000Z info listening what=ws address=127.0.0.1:8080
//   {"time":"…","level":"info","message":"listening","what":"ws",…}
//
// No payloads and no tokens are ever logged.
//
// Threads: any, after StartLog().

#ifndef HERALD_GATEWAY_LOG_H_
#define HERALD_GATEWAY_LOG_H_

#include <initializer_list>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"

namespace herald::gateway {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

// Begins to log, from `level` on.
void StartLog(LogLevel level, bool json);

// Writes one line: a constant phrase, and what varies.
void Log(LogLevel level, absl::string_view message,
         std::initializer_list<std::pair<absl::string_view, std::string>>
             fields = {});

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_LOG_H_
