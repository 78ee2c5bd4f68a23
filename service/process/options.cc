// SPDX-License-Identifier: Apache-2.0

#include "service/process/options.h"

#include <optional>

namespace herald::service {
namespace {

link::v1::Settings LinkSettingsOf(const settings::Settings& settings) {
  link::v1::Settings out;
  out.set_revision(1);
  out.set_max_subscribers(settings.Integer("max_subscribers"));
  out.set_max_channels(settings.Integer("max_channels"));
  out.set_max_payload(settings.Integer("max_payload"));
  out.set_heartbeat_interval_ms(
      absl::ToInt64Milliseconds(settings.Seconds("heartbeat_interval")));
  out.set_client_timeout_ms(
      absl::ToInt64Milliseconds(settings.Seconds("client_timeout")));
  out.set_allow_client_events(settings.Boolean("allow_client_events"));
  return out;
}

}  // namespace

ServiceOptions OptionsOf(const settings::Settings& settings) {
  ServiceOptions out;
  out.settings = LinkSettingsOf(settings);
  out.config = settings.Text("config");
  out.history_memory = settings.Integer("history_memory");
  out.grpc_address = settings.Text("grpc_address");
  out.metrics_address = settings.Text("metrics_address");
  out.authorizer = settings.Text("authorizer");
  out.authorizer_timeout = settings.Seconds("authorizer_timeout");
  out.secret = settings.Text("secret");
  out.api_tokens = settings.List("api_token");
  return out;
}

std::vector<std::string> ErrorsOf(const settings::Settings& settings) {
  const auto taken = settings.CollisionOf("metrics_address", "grpc_address");
  return taken.has_value() ? std::vector<std::string>{*taken}
                           : std::vector<std::string>();
}

std::vector<std::string> WarningsOf(const ServiceOptions& options) {
  if (options.settings.client_timeout_ms() >
      options.settings.heartbeat_interval_ms()) {
    return {};
  }
  return {
      "BROADCAST_CLIENT_TIMEOUT is not longer than "
      "BROADCAST_HEARTBEAT_INTERVAL, so quiet clients will be disconnected"};
}

}  // namespace herald::service
