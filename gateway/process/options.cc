// SPDX-License-Identifier: Apache-2.0

#include "gateway/process/options.h"

#include <algorithm>
#include <thread>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gateway/net/trusted_proxies.h"
#include "proto/contract/address.h"
#include "proto/contract/names.h"

namespace herald::gateway {
namespace {

// Accepts a path that needs no escaping and has no trailing slash.
bool IsPath(absl::string_view path) {
  if (path == "/") return true;
  if (!absl::StartsWith(path, "/") || absl::EndsWith(path, "/") ||
      absl::StrContains(path, "//") || path == "/livez" || path == "/readyz" ||
      path == "/metrics") {
    return false;
  }
  return std::all_of(path.begin(), path.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) || absl::StrContains("/-._~!$&'()*+,;=:@", c);
  });
}

// Returns true if no other machine can reach the address.
bool IsLocal(absl::string_view address) {
  if (absl::StartsWith(address, "unix:")) return true;
  const auto parts = contract::SplitHostPort(address);
  return parts.has_value() &&
         (parts->host == "localhost" || parts->host == "::1" ||
          absl::StartsWith(parts->host, "127."));
}

}  // namespace

GatewayOptions OptionsOf(const settings::Settings& settings) {
  GatewayOptions out;
  out.services = settings.List("service");
  const std::vector<std::string> tokens = settings.List("api_token");
  if (!tokens.empty()) out.api_token = tokens.front();
  out.ws_address = settings.Text("ws_address");
  out.ws_path = settings.Text("ws_path");
  out.metrics_address = settings.Text("gateway_metrics_address");
  out.proxy_protocol = settings.Text("proxy_protocol") == "required";
  out.trusted_proxies = settings.List("trusted_proxies");
  const int64_t threads = settings.Integer("gateway_threads");
  out.threads = static_cast<int>(
      threads > 0 ? threads
                  : std::max(1u, std::thread::hardware_concurrency()));
  out.allowed_origins = settings.List("allowed_origins");
  out.connections_max = settings.Integer("max_connections");
  out.connect_rate_max = settings.Integer("max_connect_rate");
  out.subscriptions_max = settings.Integer("max_subscriptions");
  out.client_message_rate = settings.Integer("client_message_rate");
  out.client_event_rate = settings.Integer("client_event_rate");
  out.queue_bytes_max = settings.Integer("max_queue");
  out.drain_time = settings.Seconds("drain_time");
  return out;
}

std::vector<std::string> ErrorsOf(const GatewayOptions& options,
                                  const settings::Settings& settings) {
  std::vector<std::string> errors;
  const auto proxies = TrustedProxies::Parse(options.trusted_proxies);
  if (!proxies.ok()) {
    errors.push_back(settings.WithSource(
        "trusted_proxies", absl::StrCat("BROADCAST_TRUSTED_PROXIES: ",
                                        proxies.status().message())));
  }
  if (!IsPath(options.ws_path)) {
    errors.push_back(settings.WithSource(
        "ws_path",
        absl::StrCat(
            "BROADCAST_WS_PATH: ", contract::Quoted(options.ws_path),
            " is not a valid WebSocket path (allowed: / or /name/name, except "
            "/livez, /readyz and /metrics)")));
  }
  if (auto taken =
          settings.CollisionOf("gateway_metrics_address", "ws_address")) {
    errors.push_back(*std::move(taken));
  }
  return errors;
}

std::vector<std::string> WarningsOf(const GatewayOptions& options) {
  std::vector<std::string> warnings;
  if (options.metrics_address.empty() && !IsLocal(options.ws_address)) {
    warnings.emplace_back(
        "/metrics is served on the browsers' port, open to every client; set "
        "BROADCAST_GATEWAY_METRICS_ADDRESS, for example to 127.0.0.1:9091");
  }
  if (options.proxy_protocol && options.trusted_proxies.empty()) {
    warnings.emplace_back(
        "BROADCAST_PROXY_PROTOCOL is required, and BROADCAST_TRUSTED_PROXIES "
        "is empty, so the addresses in PROXY headers are ignored");
  }
  if (options.proxy_protocol && options.metrics_address.empty()) {
    warnings.emplace_back(
        "BROADCAST_PROXY_PROTOCOL is required, so probes of /livez, /readyz "
        "and /metrics need a PROXY header; set "
        "BROADCAST_GATEWAY_METRICS_ADDRESS to serve them elsewhere");
  }
  return warnings;
}

}  // namespace herald::gateway
