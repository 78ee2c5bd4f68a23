// SPDX-License-Identifier: Apache-2.0

#include "service/rpc/log.h"

#include <atomic>
#include <cstdio>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "google/protobuf/stubs/logging.h"
#include "grpc/support/log.h"
#include "proto/contract/names.h"
#include "spdlog/sinks/stdout_sinks.h"
#include "spdlog/spdlog.h"

namespace herald::rpc {
namespace {

std::atomic<LogFormat> log_format{LogFormat::kText};

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      break;
  }
  return spdlog::level::err;
}

// A JSON string. What is not UTF-8 is shown escaped, so that it becomes so.
std::string JsonString(absl::string_view text) {
  std::string safe;
  if (!contract::IsUtf8(text)) {
    safe = absl::CHexEscape(text);
    text = safe;
  }
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (static_cast<unsigned char>(c) < 0x20) {
      absl::StrAppend(
          &out, "\\u00",
          absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad2));
    } else {
      out += c;
    }
  }
  return out += '"';
}

// A value as it is, or in quotes if it would not stay one word of one line.
std::string TextValue(absl::string_view value) {
  bool plain = !value.empty();
  for (const char c : value) {
    plain &= c > ' ' && c != '"' && c != '=' && c != '\\' && c != 0x7F;
  }
  if (plain) return std::string(value);
  return absl::StrCat("\"", absl::Utf8SafeCHexEscape(value), "\"");
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

}  // namespace

void StartLog(LogLevel level, LogFormat format) {
  log_format = format;
  auto logger = std::make_shared<spdlog::logger>(
      "herald", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_level(ToSpdlog(level));
  logger->flush_on(spdlog::level::trace);
  // The message of a JSON line is the rest of the object, made in FormatJson().
  logger->set_pattern(
      format == LogFormat::kJson
          ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})"
          : "%Y-%m-%dT%H:%M:%S.%eZ %l %v",
      spdlog::pattern_time_type::utc);
  spdlog::set_default_logger(std::move(logger));
  gpr_set_log_function(LogForGrpc);
  google::protobuf::SetLogHandler(LogForProtobuf);
}

void Log(LogLevel level, absl::string_view message, LogFields fields) {
  if (!spdlog::should_log(ToSpdlog(level))) return;
  const std::string line = log_format == LogFormat::kJson
                               ? FormatJson(message, fields)
                               : FormatText(message, fields);
  // As an argument, for the line is no format string.
  spdlog::log(ToSpdlog(level), "{}", line);
}

std::string FormatText(absl::string_view message, LogFields fields) {
  std::string out(message);
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < ' ') c = ' ';  // One line stays one.
  }
  for (const auto& [name, value] : fields) {
    absl::StrAppend(&out, " ", name, "=", TextValue(value));
  }
  return out;
}

std::string FormatJson(absl::string_view message, LogFields fields) {
  std::string out = absl::StrCat("\"message\":", JsonString(message));
  for (const auto& [name, value] : fields) {
    absl::StrAppend(&out, ",", JsonString(name), ":", JsonString(value));
  }
  return out;
}

}  // namespace herald::rpc
