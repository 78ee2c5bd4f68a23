// SPDX-License-Identifier: Apache-2.0
//
// Starts the log by the settings of a process, and logs these: their faults,
// and their values.

#ifndef HERALD_PROTO_LOG_SETTINGS_LOG_H_
#define HERALD_PROTO_LOG_SETTINGS_LOG_H_

#include "proto/settings/settings.h"

namespace herald::process {

// Starts the log with log_level and log_format, and logs warnings and errors.
// False if there are errors: the process must end.
bool StartLog(const settings::Settings& settings);

// Logs each setting that differs from its default, and its source.
void LogSettings(const settings::Settings& settings);

}  // namespace herald::process

#endif  // HERALD_PROTO_LOG_SETTINGS_LOG_H_
