// SPDX-License-Identifier: Apache-2.0

#include "gateway/options.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <optional>
#include <thread>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gateway/core/connect_rate.h"
#include "proto/contract/settings.h"

// No flag has a default here, so that "not given" can be told from a value.
#define HERALD_SETTING(name, help) \
  ABSL_FLAG(std::optional<std::string>, name, std::nullopt, help)

HERALD_SETTING(service, "gRPC targets of the service, comma-separated.");
HERALD_SETTING(api_token, "Bearer token for the service.");
HERALD_SETTING(ws_address, "Where browsers connect.");
HERALD_SETTING(gateway_threads, "Event loops; 0: one per core.");
HERALD_SETTING(allowed_origins, "Patterns of origins, comma-separated.");
HERALD_SETTING(max_connections, "WebSockets in all; 0: no limit.");
HERALD_SETTING(max_connect_rate, "WebSockets that open in a second; 0: any.");
HERALD_SETTING(max_subscriptions, "Subscriptions per WebSocket.");
HERALD_SETTING(max_queue, "Bytes that may wait for one WebSocket.");
HERALD_SETTING(drain_time, "Seconds over which a stop spreads its closes.");
HERALD_SETTING(log_level, "debug, info, warning or error.");
HERALD_SETTING(log_format, "text or json.");
HERALD_SETTING(env_file, "A file of NAME=value lines.");

namespace herald::gateway {
namespace {

constexpr char kVersion[] = "herald-gateway " HERALD_VERSION "\n";

constexpr char kHelp[] =
    R"(Usage: herald-gateway [--flag=value ...]

The data plane of Herald: browsers connect to it over WebSocket, and it attaches
to a herald-service, which decides. Any number of gateways share a service.

Every flag can be given as an environment variable (--max_queue is
BROADCAST_MAX_QUEUE) or in an .env file; a flag wins over the environment, and
that over the file.

Browsers:
  --ws_address=HOST:PORT       /ws, /livez, /readyz, /metrics  [127.0.0.1:8080]
  --allowed_origins=PATTERN,…  * matches any run of characters [*]
  --max_connections=N          more get HTTP 503; 0: unlimited [0]
  --max_connect_rate=N         in a second; more get HTTP 503;
                               0: unlimited                    [5000]
  --max_subscriptions=N        of one connection               [1000]
  --max_queue=BYTES            waiting for one connection      [1048576]

The service:
  --service=TARGET,…           tried in order                  [127.0.0.1:50051]
  --api_token=TOKEN            what the service wants to see   [none]

The process:
  --gateway_threads=N          event loops; 0: one per core    [0]
  --drain_time=SECONDS         a stop spreads its closes       [10]
  --log_level=LEVEL            debug, info, warning, error     [info]
  --log_format=FORMAT          text, json                      [text]
  --env_file=FILE              instead of ./.env; must exist
  --version, --help

Heartbeats, payload size and whispers are settings of the service.
SIGTERM and SIGINT drain it; a second one stops it at once.
)";

constexpr int64_t kCountMax = std::numeric_limits<int32_t>::max();
constexpr int64_t kThreadsMax = 256;
constexpr int64_t kDrainSecondsMax = 60 * 60;

void ReadLogOptions(contract::SettingsReader& reader, Options* options) {
  const std::vector<std::string> levels = {"debug", "info", "warning", "error"};
  const std::string level =
      reader.OneOf("log_level", absl::GetFlag(FLAGS_log_level), "info", levels);
  options->log_level = static_cast<LogLevel>(
      std::find(levels.begin(), levels.end(), level) - levels.begin());
  options->log_json =
      reader.OneOf("log_format", absl::GetFlag(FLAGS_log_format), "text",
                   {"text", "json"}) == "json";
}

void ReadServiceOptions(contract::SettingsReader& reader, Options* options) {
  options->services =
      reader.List("service", absl::GetFlag(FLAGS_service), "127.0.0.1:50051");
  const std::vector<std::string> tokens =
      reader.List("api_token", absl::GetFlag(FLAGS_api_token), "");
  if (!tokens.empty()) options->api_token = tokens.front();
}

void ReadBrowserOptions(contract::SettingsReader& reader, Options* options) {
  options->ws_address = reader.ListenAddress(
      "ws_address", absl::GetFlag(FLAGS_ws_address), "127.0.0.1:8080");
  options->allowed_origins =
      reader.List("allowed_origins", absl::GetFlag(FLAGS_allowed_origins), "*");
  options->connections_max =
      reader.Integer("max_connections", absl::GetFlag(FLAGS_max_connections), 0,
                     {0, kCountMax});
  options->connect_rate_max =
      reader.Integer("max_connect_rate", absl::GetFlag(FLAGS_max_connect_rate),
                     kConnectRateDefault, {0, kConnectRateLimit});
  options->subscriptions_max = reader.Integer(
      "max_subscriptions", absl::GetFlag(FLAGS_max_subscriptions), 1000,
      {1, kCountMax});
  options->queue_bytes_max = reader.Integer(
      "max_queue", absl::GetFlag(FLAGS_max_queue), 1 << 20, {1, kCountMax});
}

}  // namespace

void ParseFlags(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const absl::string_view argument = argv[i];
    const bool help = argument == "--help" || argument == "-h";
    if (!help && argument != "--version") continue;
    std::fputs(help ? kHelp : kVersion, stdout);
    std::exit(0);
  }
  const std::vector<char*> rest = absl::ParseCommandLine(argc, argv);
  if (rest.size() <= 1) return;
  std::fprintf(stderr, "herald-gateway: \"%s\" is no flag; see --help\n",
               rest[1]);
  std::exit(2);
}

absl::Status ReadOptions(Options* options) {
  const std::optional<std::string> file = absl::GetFlag(FLAGS_env_file);
  absl::StatusOr<contract::Variables> variables =
      contract::ReadEnvFile(file.value_or(".env"), file.has_value());
  contract::SettingsReader reader(variables.value_or(contract::Variables{}));
  ReadLogOptions(reader, options);
  if (!variables.ok()) return variables.status();
  ReadServiceOptions(reader, options);
  ReadBrowserOptions(reader, options);
  const int64_t threads =
      reader.Integer("gateway_threads", absl::GetFlag(FLAGS_gateway_threads), 0,
                     {0, kThreadsMax});
  options->threads = static_cast<int>(
      threads > 0 ? threads
                  : std::max(1u, std::thread::hardware_concurrency()));
  options->drain_time =
      reader.Seconds("drain_time", absl::GetFlag(FLAGS_drain_time),
                     absl::Seconds(10), {0, kDrainSecondsMax});
  return reader.status();
}

}  // namespace herald::gateway
