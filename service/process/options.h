// SPDX-License-Identifier: Apache-2.0
//
// The settings of herald-service, as its parts take them
// (proto/settings/declarations.h declares them).

#ifndef HERALD_SERVICE_PROCESS_OPTIONS_H_
#define HERALD_SERVICE_PROCESS_OPTIONS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "herald/link/v1/gateway_service.pb.h"
#include "proto/settings/settings.h"

namespace herald::service {

struct ServiceOptions {
  // Limits, heartbeats, whispers and payload, as gateways receive them.
  link::v1::Settings settings;

  std::string config;          // File with rules for channels. Empty: none.
  int64_t history_memory = 0;  // Bytes.
  std::string grpc_address;
  std::string metrics_address;
  std::string authorizer;  // Empty: none.
  absl::Duration authorizer_timeout;
  std::string secret;  // Empty: none.
  std::vector<std::string> api_tokens;
};

// The options that correspond to the settings of herald-service.
ServiceOptions OptionsOf(const settings::Settings& settings);

// One line for each pair of settings that exclude each other.
std::vector<std::string> ErrorsOf(const settings::Settings& settings);

// One line for each value that is allowed but probably not intended.
std::vector<std::string> WarningsOf(const ServiceOptions& options);

}  // namespace herald::service

#endif  // HERALD_SERVICE_PROCESS_OPTIONS_H_
