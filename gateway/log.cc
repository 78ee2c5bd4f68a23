// SPDX-License-Identifier: Apache-2.0

#include "gateway/log.h"

#include <algorithm>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "gateway/core/json_text.h"
#include "google/protobuf/stubs/logging.h"
#include "grpc/support/log.h"
#include "proto/contract/names.h"
#include "spdlog/sinks/stdout_sinks.h"
#include "spdlog/spdlog.h"

namespace herald::gateway {
namespace {

bool log_json = false;  // Set before there are other threads.

spdlog::level::level_enum LevelOf(LogLevel level) {
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

// A field's value in a line of text: bare if it is one plain word.
std::string Word(absl::string_view value) {
  const bool plain =
      !value.empty() &&
      std::all_of(value.begin(), value.end(), [](unsigned char c) {
        return absl::ascii_isgraph(c) && c != '"' && c != '=' && c != '\\';
      });
  return plain ? std::string(value)
               : absl::StrCat("\"", absl::Utf8SafeCHexEscape(value), "\"");
}

// A message has its quotes, but never a line end of its own.
std::string OneLine(absl::string_view message) {
  std::string line(message);
  std::replace_if(
      line.begin(), line.end(),
      [](unsigned char c) { return absl::ascii_iscntrl(c); }, ' ');
  return line;
}

void AppendJson(absl::string_view text, std::string* out) {
  AppendJsonString(
      contract::IsUtf8(text) ? std::string(text) : absl::CHexEscape(text), out);
}

void LogGrpc(gpr_log_func_args* args) {
  const LogLevel level =
      args->severity == GPR_LOG_SEVERITY_ERROR  ? LogLevel::kWarning
      : args->severity == GPR_LOG_SEVERITY_INFO ? LogLevel::kInfo
                                                : LogLevel::kDebug;
  Log(level, "grpc", {{"text", args->message}});
}

void LogProtobuf(google::protobuf::LogLevel level, const char* /*file*/,
                 int /*line*/, const std::string& text) {
  Log(level == google::protobuf::LOGLEVEL_INFO ? LogLevel::kDebug
                                               : LogLevel::kWarning,
      "protobuf", {{"text", text}});
}

}  // namespace

void StartLog(LogLevel level, bool json) {
  log_json = json;
  auto logger = std::make_shared<spdlog::logger>(
      "herald-gateway", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_level(LevelOf(level));
  // For JSON, Log() makes the rest of the object.
  logger->set_pattern(
      json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})"
           : "%Y-%m-%dT%H:%M:%S.%eZ %l %v",
      spdlog::pattern_time_type::utc);
  spdlog::set_default_logger(std::move(logger));
  gpr_set_log_function(LogGrpc);
  google::protobuf::SetLogHandler(LogProtobuf);
}

void Log(
    LogLevel level, absl::string_view message,
    std::initializer_list<std::pair<absl::string_view, std::string>> fields) {
  if (!spdlog::should_log(LevelOf(level))) return;
  std::string line;
  if (log_json) {
    line = "\"message\":";
    AppendJson(message, &line);
  } else {
    line = OneLine(message);
  }
  for (const auto& [name, value] : fields) {
    if (log_json) {
      line.push_back(',');
      AppendJson(name, &line);
      line.push_back(':');
      AppendJson(value, &line);
    } else {
      absl::StrAppend(&line, " ", name, "=", Word(value));
    }
  }
  spdlog::log(LevelOf(level), "{}", line);
}

}  // namespace herald::gateway
