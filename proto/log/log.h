// SPDX-License-Identifier: Apache-2.0
//
// The process's log: one line on stderr for each event, as text
//
//   2026-01-31T12:00:00.000Z warning link ended why="connection reset"
//
// or as JSON
//
//   {"time":"…","level":"warning","message":"link ended","why":"…"}
//
// Payloads, tokens and secrets are never logged.
//
// Threads: any. Log() never waits for the reader of stderr (log_writer.h).
//
// Failure: a line that cannot be written is dropped and counted. Lines logged
// before an exit, an abort or a crash are written first, if stderr takes them
// soon.

#ifndef HERALD_PROTO_LOG_LOG_H_
#define HERALD_PROTO_LOG_LOG_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "proto/log/log_lines.h"

namespace herald::process {

enum class LogLevel { kDebug, kInfo, kWarning, kError };
enum class LogFormat { kText, kJson };

// Sets level and format, leads the lines of gRPC and protobuf into the log, and
// those of contract::ReportFailure(), and has FlushLog() called at exit().
// Called once.
void StartLog(LogLevel level, LogFormat format);

// Whether lines of the level are logged, for callers that would have to gather
// the fields of many.
bool Logs(LogLevel level);

// As Log() of an error with `why`; if there is no memory or thread for that,
// the bare message on stderr. Never throws.
void LogFailure(const char* message, const char* why);

// One line. `message` is a constant phrase; `fields` has the variable parts.
void Log(LogLevel level, absl::string_view message, LogFields fields = {});

// Waits until all that was logged is written, for half a second at most.
// std::_Exit() does not call it.
void FlushLog();

// Has an uncaught exception reported before the process aborts.
// Called early in main().
void ReportUncaughtExceptions();

// Lines that were dropped since the start.
int64_t LogLinesDropped();

}  // namespace herald::process

#endif  // HERALD_PROTO_LOG_LOG_H_
