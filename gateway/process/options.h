// SPDX-License-Identifier: Apache-2.0
//
// The settings of herald-gateway, in the form that its parts use
// (proto/settings/declarations.h declares them).

#ifndef HERALD_GATEWAY_PROCESS_OPTIONS_H_
#define HERALD_GATEWAY_PROCESS_OPTIONS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "proto/settings/settings.h"

namespace herald::gateway {

// Set by OptionsOf(): the defaults are those of the declarations
// (proto/settings/declarations.cc).
struct GatewayOptions {
  std::vector<std::string> services;  // gRPC targets, in order of preference.
  std::string api_token;              // Empty: none.
  std::string ws_address;
  std::string ws_path;
  std::string metrics_address;  // Empty: /metrics is at ws_address.
  bool proxy_protocol = false;
  std::vector<std::string> trusted_proxies;
  int threads = 1;  // Event loops, at least one.
  std::vector<std::string> allowed_origins;
  int64_t connections_max = 0;   // 0: the descriptor limit.
  int64_t connect_rate_max = 0;  // Per second; 0: unlimited.
  int64_t subscriptions_max = 0;
  int64_t client_message_rate = 0;  // Per second; 0: unlimited.
  int64_t client_event_rate = 0;    // Per second; 0: unlimited.
  int64_t queue_bytes_max = 0;
  absl::Duration drain_time;
};

// Reads the options from the settings of herald-gateway.
GatewayOptions OptionsOf(const settings::Settings& settings);

// Returns one line for each setting with an invalid form, and for each conflict
// between settings.
std::vector<std::string> ErrorsOf(const GatewayOptions& options,
                                  const settings::Settings& settings);

// Returns one line for each valid combination that is probably a mistake.
std::vector<std::string> WarningsOf(const GatewayOptions& options);

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_PROCESS_OPTIONS_H_
