// SPDX-License-Identifier: Apache-2.0
//
// The settings of herald-gateway, as its parts take them
// (proto/settings/declarations.h declares them).

#ifndef HERALD_GATEWAY_PROCESS_OPTIONS_H_
#define HERALD_GATEWAY_PROCESS_OPTIONS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "proto/settings/settings.h"

namespace herald::gateway {

// As OptionsOf() sets them: the defaults are those of the declarations
// (proto/settings/declarations.cc).
struct Options {
  std::vector<std::string> services;  // gRPC targets, in order of preference.
  std::string api_token;              // Empty: none.
  std::string ws_address;
  std::string ws_path;
  std::string metrics_address;  // Empty: /metrics is at ws_address.
  bool proxy_protocol = false;
  std::vector<std::string> trusted_proxies;
  int threads = 1;  // Event loops, at least one.
  std::vector<std::string> allowed_origins;
  int64_t connections_max = 0;   // 0: as there are files.
  int64_t connect_rate_max = 0;  // In a second; 0: unlimited.
  int64_t subscriptions_max = 0;
  int64_t client_message_rate = 0;  // In a second; 0: unlimited.
  int64_t client_event_rate = 0;    // In a second; 0: unlimited.
  int64_t queue_bytes_max = 0;
  absl::Duration drain_time;
};

// The options that the settings of herald-gateway say.
Options OptionsOf(const settings::Settings& settings);

// What is wrong with settings that have a form of their own, and with those
// that exclude each other: a line for each.
std::vector<std::string> ErrorsOf(const Options& options,
                                  const settings::Settings& settings);

// What works, and is probably not meant so.
std::vector<std::string> WarningsOf(const Options& options);

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_PROCESS_OPTIONS_H_
