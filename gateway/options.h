// SPDX-License-Identifier: Apache-2.0
//
// The settings of herald-gateway: flags, `BROADCAST_*` variables, an `.env`
// file, or defaults, in this order (proto/contract/settings.h).

#ifndef HERALD_GATEWAY_OPTIONS_H_
#define HERALD_GATEWAY_OPTIONS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gateway/log.h"

namespace herald::gateway {

struct Options {
  std::vector<std::string> services;  // gRPC targets, in order of preference.
  std::string api_token;              // Empty: none.
  std::string ws_address;
  int threads = 1;  // Event loops, at least one.
  std::vector<std::string> allowed_origins;
  int64_t connections_max = 0;   // 0: unlimited.
  int64_t connect_rate_max = 0;  // In a second; 0: unlimited.
  int64_t subscriptions_max = 1000;
  int64_t queue_bytes_max = 1 << 20;
  absl::Duration drain_time = absl::Seconds(10);
  LogLevel log_level = LogLevel::kInfo;
  bool log_json = false;
};

// Takes the flags from the command line. `--help`, `--version` and flags that
// there are not end the process. Once, before ReadOptions().
void ParseFlags(int argc, char** argv);

// Reads all settings. The log's are set even if others cannot be used.
//
//   INVALID_ARGUMENT  a value cannot be used; the message has its name, the
//                     value, and what is allowed
//   NOT_FOUND         the file that `--env_file` names is not there
absl::Status ReadOptions(Options* options);

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_OPTIONS_H_
