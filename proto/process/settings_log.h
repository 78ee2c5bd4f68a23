// SPDX-License-Identifier: Apache-2.0
//
// The log of a process's settings: how it looks, what is wrong with them, and
// what holds.

#ifndef HERALD_PROTO_PROCESS_SETTINGS_LOG_H_
#define HERALD_PROTO_PROCESS_SETTINGS_LOG_H_

#include "proto/settings/settings.h"

namespace herald::process {

// Starts the log with log_level and log_format, and logs warnings and errors.
// False if there are errors: the process must end.
bool StartLog(const settings::Settings& settings);

// Logs each setting that is not as by default, and its source.
void LogSettings(const settings::Settings& settings);

}  // namespace herald::process

#endif  // HERALD_PROTO_PROCESS_SETTINGS_LOG_H_
