// SPDX-License-Identifier: Apache-2.0

#include "service/rpc/options.h"

#include <cstdio>
#include <cstdlib>
#include <limits>
#include <optional>
#include <utility>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage_config.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "proto/contract/limits.h"
#include "proto/contract/settings.h"

// A flag has no default of its own, so that the environment can have a say.
#define HERALD_SETTING(name, help) \
  ABSL_FLAG(std::optional<std::string>, name, std::nullopt, help)

HERALD_SETTING(max_subscribers, "Subscribers per channel; 0: no limit.");
HERALD_SETTING(max_channels, "Channels in all; 0: no limit.");
HERALD_SETTING(heartbeat_interval, "Seconds of silence before a ping.");
HERALD_SETTING(client_timeout, "Seconds of silence before a disconnect.");
HERALD_SETTING(allow_client_events, "Whether clients may whisper.");
HERALD_SETTING(max_payload, "Bytes of data of one event.");
HERALD_SETTING(config, "File with rules for channels.");
HERALD_SETTING(history_memory, "Bytes that all histories together may take.");
HERALD_SETTING(grpc_address, "Where backends and gateways connect.");
HERALD_SETTING(metrics_address, "Where /metrics, /livez and /readyz are.");
HERALD_SETTING(authorizer, "gRPC target of the authorizer.");
HERALD_SETTING(authorizer_timeout, "Seconds for one decision.");
HERALD_SETTING(secret, "Signing secret.");
HERALD_SETTING(api_token, "Bearer tokens, comma-separated.");
HERALD_SETTING(log_level, "debug, info, warning or error.");
HERALD_SETTING(log_format, "text or json.");
HERALD_SETTING(env_file, "A file of NAME=value lines.");

namespace herald::rpc {
namespace {

constexpr char kVersion[] = "herald-service " HERALD_VERSION "\n";

constexpr char kHelp[] =
    R"(Usage: herald-service [--flag=value ...]

The control plane of Herald: backends publish to it over gRPC, gateways attach
to it, and it asks your authorizer who may listen to private channels.

Every flag is also an environment variable, BROADCAST_ and its name in capitals
(BROADCAST_MAX_CHANNELS), and may stand in an .env file. The flag wins, then the
environment, then the file.

Listening:
  --grpc_address=HOST:PORT     backends and gateways     [127.0.0.1:50051]
  --metrics_address=HOST:PORT  /metrics, /livez, /readyz [127.0.0.1:9090]

Deciding who may listen to private- and presence- channels:
  --authorizer=TARGET          gRPC target of your authorizer       [none]
  --authorizer_timeout=SECONDS for one decision                     [1]
  --secret=SECRET              accept subscriptions signed with it  [none]
  --api_token=TOKEN[,TOKEN]    bearer tokens; callers show any one  [none]

Limits, which gateways are told:
  --max_subscribers=N          subscribers per channel, 0: unlimited  [0]
  --max_channels=N             channels in all, 0: unlimited          [0]
  --max_payload=BYTES          data of one event, at most 16777216    [65536]
  --heartbeat_interval=SECONDS silence before a gateway pings         [30]
  --client_timeout=SECONDS     silence before it disconnects          [60]
  --allow_client_events=BOOL   clients may whisper                    [true]

Rules for some channels only, and history:
  --config=FILE                JSON or text; SIGHUP reads it again  [none]
  --history_memory=BYTES       all channels' histories together    [268435456]

Others:
  --log_level=LEVEL            debug, info, warning, error  [info]
  --log_format=FORMAT          text, json                   [text]
  --env_file=FILE              read instead of ./.env, and must exist
  --version                    prints the version
  --help                       prints this

SIGTERM and SIGINT stop it politely; a second one stops it at once.
)";

constexpr int64_t kCountMax = std::numeric_limits<int32_t>::max();
constexpr int64_t kSecondsMax = 24 * 60 * 60;
constexpr int64_t kHistoryMemoryDefault = 256 << 20;
constexpr int64_t kHistoryMemoryMax = int64_t{1} << 40;

void ReadLog(contract::SettingsReader& reader, Options* out) {
  const std::vector<std::string> levels = {"debug", "info", "warning", "error"};
  const std::string level =
      reader.OneOf("log_level", absl::GetFlag(FLAGS_log_level), "info", levels);
  for (size_t i = 0; i < levels.size(); ++i) {
    if (level == levels[i]) out->log_level = static_cast<LogLevel>(i);
  }
  const std::string format = reader.OneOf(
      "log_format", absl::GetFlag(FLAGS_log_format), "text", {"text", "json"});
  out->log_format = format == "json" ? LogFormat::kJson : LogFormat::kText;
}

void ReadSettings(contract::SettingsReader& reader, link::v1::Settings* out) {
  out->set_revision(1);
  out->set_max_subscribers(reader.Integer("max_subscribers",
                                          absl::GetFlag(FLAGS_max_subscribers),
                                          0, {0, kCountMax}));
  out->set_max_channels(reader.Integer(
      "max_channels", absl::GetFlag(FLAGS_max_channels), 0, {0, kCountMax}));
  out->set_max_payload(reader.Integer("max_payload",
                                      absl::GetFlag(FLAGS_max_payload), 65536,
                                      {1, contract::kPayloadBytesLimit}));
  out->set_heartbeat_interval_ms(absl::ToInt64Milliseconds(reader.Seconds(
      "heartbeat_interval", absl::GetFlag(FLAGS_heartbeat_interval),
      absl::Seconds(30), {0, kSecondsMax})));
  out->set_client_timeout_ms(absl::ToInt64Milliseconds(
      reader.Seconds("client_timeout", absl::GetFlag(FLAGS_client_timeout),
                     absl::Seconds(60), {0, kSecondsMax})));
  out->set_allow_client_events(reader.Boolean(
      "allow_client_events", absl::GetFlag(FLAGS_allow_client_events), true));
}

}  // namespace

void ParseFlags(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const absl::string_view argument = argv[i];
    const char* text = nullptr;
    if (argument == "--help" || argument == "-h") text = kHelp;
    if (argument == "--version") text = kVersion;
    if (text == nullptr) continue;
    std::fputs(text, stdout);
    std::exit(0);
  }
  const std::vector<char*> rest = absl::ParseCommandLine(argc, argv);
  if (rest.size() > 1) {
    std::fprintf(stderr, "herald-service: what is \"%s\"? See --help.\n",
                 rest[1]);
    std::exit(2);
  }
}

absl::Status ReadOptions(Options* out) {
  const std::optional<std::string> file = absl::GetFlag(FLAGS_env_file);
  absl::StatusOr<contract::Variables> variables =
      contract::ReadEnvFile(file.value_or(".env"), file.has_value());
  // The log's settings may be in the environment, whatever the file is like.
  contract::SettingsReader reader(variables.value_or(contract::Variables()));
  ReadLog(reader, out);
  if (!variables.ok()) {
    return absl::Status(
        variables.status().code(),
        absl::StrCat("--env_file: ", variables.status().message()));
  }
  ReadSettings(reader, &out->settings);
  out->config = reader.Text("config", absl::GetFlag(FLAGS_config), "");
  out->history_memory =
      reader.Integer("history_memory", absl::GetFlag(FLAGS_history_memory),
                     kHistoryMemoryDefault, {0, kHistoryMemoryMax});
  out->grpc_address = reader.ListenAddress(
      "grpc_address", absl::GetFlag(FLAGS_grpc_address), "127.0.0.1:50051");
  out->metrics_address = reader.ListenAddress(
      "metrics_address", absl::GetFlag(FLAGS_metrics_address),
      "127.0.0.1:9090");
  out->authorizer =
      reader.Text("authorizer", absl::GetFlag(FLAGS_authorizer), "");
  out->authorizer_timeout = reader.Seconds(
      "authorizer_timeout", absl::GetFlag(FLAGS_authorizer_timeout),
      absl::Seconds(1), {0, kSecondsMax});
  out->secret = reader.Text("secret", absl::GetFlag(FLAGS_secret), "");
  out->api_tokens =
      reader.List("api_token", absl::GetFlag(FLAGS_api_token), "");
  return reader.status();
}

}  // namespace herald::rpc
