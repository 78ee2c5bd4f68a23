// SPDX-License-Identifier: Apache-2.0
//
// The settings of herald-service: flags, `BROADCAST_*` variables, an `.env`
// file, or defaults (proto/contract/settings.h says which wins).

#ifndef HERALD_SERVICE_RPC_OPTIONS_H_
#define HERALD_SERVICE_RPC_OPTIONS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "herald/link/v1/gateway_service.pb.h"
#include "service/rpc/log.h"

namespace herald::rpc {

struct Options {
  // Limits, heartbeats, whispers, payload: what gateways are told.
  link::v1::Settings settings;

  std::string config;          // File with rules for channels. Empty: none.
  int64_t history_memory = 0;  // Bytes.
  std::string grpc_address;
  std::string metrics_address;
  std::string authorizer;  // Empty: none.
  absl::Duration authorizer_timeout;
  std::string secret;  // Empty: none.
  std::vector<std::string> api_tokens;
  LogLevel log_level = LogLevel::kInfo;
  LogFormat log_format = LogFormat::kText;
};

// Answers `--help` and `--version` by ending the process, and so it does for a
// flag that is not known. REQUIRES: called once, before ReadOptions().
void ParseFlags(int argc, char** argv);

// Reads all settings into `out`. The log's are read first and are usable even
// when it fails: with INVALID_ARGUMENT for a value that cannot be used, whose
// message names it and says what is allowed, or as ReadEnvFile() does.
absl::Status ReadOptions(Options* out);

}  // namespace herald::rpc

#endif  // HERALD_SERVICE_RPC_OPTIONS_H_
