// SPDX-License-Identifier: Apache-2.0

#include "proto/settings/declarations.h"

#include <iterator>
#include <limits>

#include "proto/contract/limits.h"

namespace herald::settings {
namespace {

using Kind = Setting::Kind;

constexpr int64_t kCountMax = std::numeric_limits<int32_t>::max();
constexpr int64_t kDay = 24 * 60 * 60;
constexpr int64_t kHistoryMemoryMax = int64_t{1} << 40;

constexpr Process kService = Process::kService;
constexpr Process kGateway = Process::kGateway;
constexpr Process kBoth = Process::kBoth;

// One setting is one paragraph.
// clang-format off
constexpr Setting kSettings[] = {
  {"grpc_address", kService, Kind::kListenAddress, "HOST:PORT|unix:PATH",
   "127.0.0.1:50051", "Listening", "where backends and gateways connect"},
  {"metrics_address", kService, Kind::kListenAddress, "HOST:PORT|unix:PATH",
   "127.0.0.1:9090", "Listening", "`/metrics`, `/livez`, `/readyz`"},
  {"ws_address", kGateway, Kind::kListenAddress, "HOST:PORT|unix:PATH",
   "127.0.0.1:8080", "Listening",
   "WebSocket, `/livez`, `/readyz`; `/metrics`, if it has no address of its "
   "own"},
  {"ws_path", kGateway, Kind::kText, "PATH", "/ws", "Listening",
   "the path of the WebSocket"},
  {"gateway_metrics_address", kGateway, Kind::kListenAddress,
   "HOST:PORT|unix:PATH", "", "Listening",
   "the gateway's `/metrics`, with `/livez` and `/readyz`; recommended: "
   "127.0.0.1:9091"},
  {"proxy_protocol", kGateway, Kind::kChoice, "MODE", "off", "Listening",
   "`off`, or `required`: each connection to the WebSocket's address begins "
   "with a header of the PROXY protocol, version 1 or 2", 0, 0,
   "off, required"},
  {"trusted_proxies", kGateway, Kind::kList, "RANGE,…", "", "Listening",
   "addresses, CIDR ranges and `unix`: peers that are believed when "
   "`X-Forwarded-For` or the PROXY protocol names the client"},

  {"service", kGateway, Kind::kTargets, "TARGET,…", "127.0.0.1:50051",
   "Other processes",
   "the service's gRPC target; several, comma-separated: tried in order"},
  {"authorizer", kService, Kind::kTarget, "TARGET", "", "Other processes",
   "the authorizer's gRPC target"},
  {"authorizer_timeout", kService, Kind::kSeconds, "SECONDS", "1",
   "Other processes", "seconds for one decision", 0, kDay},
  {"secret", kService, Kind::kText, "SECRET", "", "Other processes",
   "signing secret; signed subscriptions are accepted", 0, 0, "",
   /*secret=*/true},
  {"api_token", kBoth, Kind::kTokens, "TOKEN,…", "", "Other processes",
   "bearer token that gRPC callers must show, of printable ASCII; "
   "comma-separated: any of them",
   0, 0, "", /*secret=*/true},

  {"max_subscribers", kService, Kind::kInteger, "N", "0", "Limits",
   "subscribers per channel, 0 = unlimited", 0, kCountMax},
  {"max_channels", kService, Kind::kInteger, "N", "0", "Limits",
   "channels in all, 0 = unlimited", 0, kCountMax},
  {"max_payload", kService, Kind::kInteger, "BYTES", "65536", "Limits",
   "bytes of `data`, at most 16777216", 1, contract::kPayloadBytesLimit},
  {"heartbeat_interval", kService, Kind::kSeconds, "SECONDS", "30",
   "Limits", "seconds of silence after which the gateway pings", 0, kDay},
  {"client_timeout", kService, Kind::kSeconds, "SECONDS", "60", "Limits",
   "seconds without a sign of life after which it disconnects", 0, kDay},
  {"allow_client_events", kService, Kind::kBoolean, "BOOL", "true",
   "Limits", "whispers allowed"},
  {"max_connections", kGateway, Kind::kInteger, "N", "0", "Limits",
   "more are refused with HTTP 503, at the end those of an address that has "
   "many; 0 = as many as there are files",
   0, kCountMax},
  // To connect and to subscribe costs some 50 to 70 µs of CPU, service
  // included, so the default is a third of a core.
  {"max_connect_rate", kGateway, Kind::kInteger, "N", "5000", "Limits",
   "connections opened in a second, after a burst of twice as many; more "
   "are refused with HTTP 503 and `Retry-After`, those of an address (IPv6: "
   "/64) that storms before those of others; 0 = unlimited",
   0, kConnectRateLimit},
  {"max_subscriptions", kGateway, Kind::kInteger, "N", "1000", "Limits",
   "subscriptions per socket", 1, kCountMax},
  {"client_message_rate", kGateway, Kind::kInteger, "N", "200", "Limits",
   "messages, control frames and fragments that one socket may send in a "
   "second, after a burst of twice "
   "`BROADCAST_MAX_SUBSCRIPTIONS`; beyond it the socket is read later; "
   "0 = unlimited", 0, kClientRateLimit},
  {"client_event_rate", kGateway, Kind::kInteger, "N", "100", "Limits",
   "whispers that one socket may send in a second, after a burst of twice as "
   "many, and 1 MiB of them; more are answered with `rate_limited`; "
   "0 = unlimited", 0, kClientRateLimit},
  {"max_queue", kGateway, Kind::kInteger, "BYTES", "1048576", "Limits",
   "bytes waiting for one socket before it is dropped as slow", 1,
   kCountMax},
  {"allowed_origins", kGateway, Kind::kList, "PATTERN,…", "*", "Limits",
   "comma-separated patterns, `*` matches any run of characters; others "
   "get HTTP 403"},

  {"config", kService, Kind::kText, "FILE", "",
   "Rules for some channels, and history",
   "a file with rules for some channels; SIGHUP has it read again"},
  {"history_memory", kService, Kind::kInteger, "BYTES", "268435456",
   "Rules for some channels, and history",
   "bytes that the histories of all channels together may take", 0,
   kHistoryMemoryMax},

  {"gateway_threads", kGateway, Kind::kInteger, "N", "0", "The process",
   "event loops, 0 = one per core", 0, 256},
  {"drain_time", kGateway, Kind::kSeconds, "SECONDS", "10", "The process",
   "seconds over which a stopping gateway spreads its closes", 0, 60 * 60},
  {"log_level", kBoth, Kind::kChoice, "LEVEL", "info", "The process",
   "`debug`, `info`, `warning`, `error`", 0, 0,
   "debug, info, warning, error"},
  {"log_format", kBoth, Kind::kChoice, "FORMAT", "text", "The process",
   "`text` or `json`", 0, 0, "text, json"},
};
// clang-format on

}  // namespace

const std::vector<Setting>& Declarations() {
  static const auto& settings =
      *new std::vector<Setting>(std::begin(kSettings), std::end(kSettings));
  return settings;
}

}  // namespace herald::settings
