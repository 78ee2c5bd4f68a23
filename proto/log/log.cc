// SPDX-License-Identifier: Apache-2.0

#include "proto/log/log.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "google/protobuf/stubs/logging.h"
#include "grpc/support/log.h"
#include "proto/contract/require.h"
#include "proto/log/log_writer.h"

namespace herald::process {
namespace {

// Lines that wait for a reader: some thousands of them.
constexpr size_t kWaitingBytesMax = 1 << 20;

// How long an end of the process may be delayed by lines that wait.
constexpr absl::Duration kFlushPatience = absl::Milliseconds(500);

std::atomic<LogLevel> log_level{LogLevel::kInfo};
std::atomic<LogFormat> log_format{LogFormat::kText};

absl::string_view NameOf(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      break;
  }
  return "error";
}

std::string Line(LogLevel level, absl::string_view message, LogFields fields) {
  const std::string time = absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::Now(),
                                            absl::UTCTimeZone());
  if (log_format == LogFormat::kJson) {
    return absl::StrCat("{\"time\":\"", time, "\",\"level\":\"", NameOf(level),
                        "\",", FormatJson(message, fields), "}\n");
  }
  return absl::StrCat(time, " ", NameOf(level), " ",
                      FormatText(message, fields), "\n");
}

LogWriter& Writer() {
  static LogWriter* const writer =
      new LogWriter(STDERR_FILENO, kWaitingBytesMax, [](int64_t count) {
        return Line(LogLevel::kWarning, "log lines were dropped",
                    {{"count", count}});
      });
  return *writer;
}

void LogForGrpc(gpr_log_func_args* line) {
  LogLevel level = LogLevel::kDebug;
  if (line->severity == GPR_LOG_SEVERITY_INFO) level = LogLevel::kInfo;
  if (line->severity == GPR_LOG_SEVERITY_ERROR) level = LogLevel::kWarning;
  Log(level, "grpc", {{"text", line->message}});
}

void LogForProtobuf(google::protobuf::LogLevel level, const char* /*file*/,
                    int /*line*/, const std::string& text) {
  Log(level >= google::protobuf::LOGLEVEL_ERROR ? LogLevel::kWarning
                                                : LogLevel::kDebug,
      "protobuf", {{"text", text}});
}

// Signals of a process that ends by its own fault.
constexpr std::array<int, 5> kCrashes = {SIGABRT, SIGBUS, SIGFPE, SIGILL,
                                         SIGSEGV};
std::array<struct sigaction, kCrashes.size()> before_crash;

// Waits a moment for the log's thread, and leaves the rest to the handler that
// was set before: a fault is raised again when this returns.
void OnCrash(int number, siginfo_t* info, void* /*context*/) {
  for (size_t i = 0; i < kCrashes.size(); ++i) {
    sigaction(kCrashes[i], &before_crash[i], nullptr);
  }
  constexpr int kPauses = 100;
  const timespec pause{0, 5'000'000};
  for (int i = 0; i < kPauses && Writer().pending() > 0; ++i) {
    nanosleep(&pause, nullptr);
  }
  if (info->si_code <= 0) raise(number);  // No fault: a process has sent it.
}

// `std::terminate()` itself would print, and wait for the reader of stderr.
[[noreturn]] void OnTerminate() {
  std::array<char, 500> text;
  const std::exception_ptr thrown = std::current_exception();
  const char* why = "std::terminate() was called";
  try {
    if (thrown != nullptr) std::rethrow_exception(thrown);
  } catch (const std::exception& exception) {
    std::snprintf(text.data(), text.size(), "uncaught exception: %s",
                  exception.what());
    why = text.data();
  } catch (...) {
    why = "uncaught exception of an unknown type";
  }
  contract::ReportFailure(why);
  std::abort();
}

void CatchCrashes() {
  struct sigaction action {};
  action.sa_sigaction = OnCrash;
  action.sa_flags = SA_SIGINFO;
  for (size_t i = 0; i < kCrashes.size(); ++i) {
    sigaction(kCrashes[i], &action, &before_crash[i]);
  }
}

}  // namespace

void StartLog(LogLevel level, LogFormat format) {
  log_level = level;
  log_format = format;
  // A reader that has closed the pipe, or a terminal that others use, is an
  // error of write(2) and no reason to end or to stop.
  signal(SIGPIPE, SIG_IGN);
  signal(SIGTTOU, SIG_IGN);
  Writer();
  CatchCrashes();
  contract::SetFailureHandler(
      [](const char* message) { LogFailure(message, ""); });
  std::atexit(FlushLog);
  gpr_set_log_function(LogForGrpc);
  google::protobuf::SetLogHandler(LogForProtobuf);
}

bool Logs(LogLevel level) { return level >= log_level; }

void Log(LogLevel level, absl::string_view message, LogFields fields) {
  if (!Logs(level)) return;
  Writer().Add(Line(level, message, fields));
}

void FlushLog() { Writer().Flush(kFlushPatience); }

void ReportUncaughtExceptions() { std::set_terminate(OnTerminate); }

int64_t LogLinesDropped() { return Writer().dropped(); }

void LogFailure(const char* message, const char* why) {
  try {
    if (*why == '\0') return Log(LogLevel::kError, message);
    Log(LogLevel::kError, message, {{"why", why}});
  } catch (...) {
    contract::WriteLastMessage(message);
  }
}

}  // namespace herald::process
