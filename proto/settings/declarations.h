// SPDX-License-Identifier: Apache-2.0
//
// Every setting of both processes, once. To add one, add it here and read it in
// the options.cc of its process; flag, variable, `--help` and `--check` follow,
// and a test prints the row that the table in proto/README.md lacks.

#ifndef HERALD_PROTO_SETTINGS_DECLARATIONS_H_
#define HERALD_PROTO_SETTINGS_DECLARATIONS_H_

#include <cstdint>
#include <vector>

#include "proto/settings/setting.h"

namespace herald::settings {

inline constexpr int64_t kConnectRateLimit = 1'000'000;
inline constexpr int64_t kClientRateLimit = 1'000'000;

// In the order of `--help` and of proto/README.md.
const std::vector<Setting>& Declarations();

}  // namespace herald::settings

#endif  // HERALD_PROTO_SETTINGS_DECLARATIONS_H_
