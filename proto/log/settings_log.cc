// SPDX-License-Identifier: Apache-2.0

#include "proto/log/settings_log.h"

#include <string>

#include "proto/log/log.h"

namespace herald::process {
namespace {

LogLevel LevelOf(const std::string& name) {
  if (name == "debug") return LogLevel::kDebug;
  if (name == "warning") return LogLevel::kWarning;
  return name == "error" ? LogLevel::kError : LogLevel::kInfo;
}

}  // namespace

bool StartLog(const settings::Settings& settings) {
  StartLog(LevelOf(settings.Text("log_level")),
           settings.Text("log_format") == "json" ? LogFormat::kJson
                                                 : LogFormat::kText);
  for (const std::string& warning : settings.warnings()) {
    Log(LogLevel::kWarning, warning);
  }
  for (const std::string& error : settings.errors()) {
    Log(LogLevel::kError, error);
  }
  return settings.errors().empty();
}

void LogSettings(const settings::Settings& settings) {
  for (const settings::Setting& setting : settings.all()) {
    if (settings.IsDefault(setting)) continue;
    Log(LogLevel::kInfo, "setting",
        {{"name", settings::VariableOf(setting)},
         {"value", settings.Shown(setting)},
         {"from", settings.Of(setting).source}});
  }
}

}  // namespace herald::process
