// SPDX-License-Identifier: Apache-2.0
//
// herald-service: settings, objects, run, drain, exit.

#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "proto/process/callback_threads.h"
#include "proto/process/mutex_checks.h"
#include "service/core/hub.h"
#include "service/core/memory_engine.h"
#include "service/rpc/api_token.h"
#include "service/rpc/authorizer_link.h"
#include "service/rpc/http_endpoint.h"
#include "service/rpc/log.h"
#include "service/rpc/metrics.h"
#include "service/rpc/no_authorizer.h"
#include "service/rpc/options.h"
#include "service/rpc/rules_file.h"
#include "service/rpc/server.h"
#include "service/rpc/signature_authorizer.h"
#include "service/rpc/timer_thread.h"

namespace herald::rpc {
namespace {

constexpr int kExitFailed = 1;
constexpr int kExitSettings = 2;

// How long calls may take to finish when the process is told to stop.
constexpr absl::Duration kDrainPatience = absl::Milliseconds(1500);

// Waits for SIGTERM or SIGINT, and leaves the next one to its default; and for
// SIGHUP.
class Signals {
 public:
  // REQUIRES: called before there are other threads, which inherit the mask.
  Signals() {
    sigemptyset(&stop_);
    sigaddset(&stop_, SIGTERM);
    sigaddset(&stop_, SIGINT);
    all_ = stop_;
    sigaddset(&all_, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &all_, nullptr);
    signal(SIGPIPE, SIG_IGN);
  }

  int Wait() {
    int number = 0;
    sigwait(&all_, &number);
    if (number != SIGHUP) pthread_sigmask(SIG_UNBLOCK, &stop_, nullptr);
    return number;
  }

 private:
  sigset_t stop_;
  sigset_t all_;
};

// Everything that the process consists of. Members are destroyed in reverse
// order: first those who call, then those who are called.
class Service {
 public:
  explicit Service(const Options& options);
  ~Service();

  // Begins to serve. UNAVAILABLE, with the name of the setting, if a port
  // cannot be had.
  absl::Status Start(const Options& options);

  // What holds for some channels only, from here on.
  void SetRules(const config::v1::Config& config) { hub_->SetRules(config); }

  // Reads the file with rules again. A file that is wrong changes nothing.
  void Reload(const Options& options);

 private:
  core::Authorizer* ChooseAuthorizer(const Options& options);
  bool ready() const { return healthy_ && hub_->ready(); }

  const process::CallbackThreads threads_;
  TimerThread timers_;
  Metrics metrics_{HERALD_VERSION};
  ApiTokens tokens_;
  core::MemoryEngine engine_;
  NoAuthorizer no_authorizer_;
  std::shared_ptr<AuthorizerLink> authorizer_link_;
  std::unique_ptr<SignatureAuthorizer> signature_authorizer_;
  std::unique_ptr<core::Hub> hub_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<HttpEndpoint> http_;
  std::atomic<bool> healthy_{false};  // What gRPC's health says.
};

core::HubOptions HubOptionsOf(const Options& options) {
  core::HubOptions out;
  out.version = HERALD_VERSION;
  out.settings = options.settings;
  out.authorizer_timeout = options.authorizer_timeout;
  return out;
}

Service::Service(const Options& options)
    : tokens_(options.api_tokens),
      engine_(&timers_, {.history_bytes_max = options.history_memory,
                         .random = nullptr}) {
  core::Authorizer* const authorizer = ChooseAuthorizer(options);
  hub_ = std::make_unique<core::Hub>(HubOptionsOf(options), &engine_,
                                     authorizer, &timers_, &metrics_);
  metrics_.Pull(hub_.get(), authorizer_link_.get());
}

core::Authorizer* Service::ChooseAuthorizer(const Options& options) {
  core::Authorizer* authorizer = nullptr;
  if (!options.authorizer.empty()) {
    AuthorizerLink::Options link;
    link.target = options.authorizer;
    link.timeout = options.authorizer_timeout;
    authorizer_link_ =
        AuthorizerLink::Create(std::move(link), &timers_, &metrics_,
                               [this](v1::Revocation revocation) {
                                 return hub_->Revoke(std::move(revocation));
                               });
    authorizer = authorizer_link_.get();
  }
  if (!options.secret.empty()) {
    signature_authorizer_ =
        std::make_unique<SignatureAuthorizer>(options.secret, authorizer);
    authorizer = signature_authorizer_.get();
  }
  return authorizer == nullptr ? &no_authorizer_ : authorizer;
}

absl::Status Service::Start(const Options& options) {
  // Ports first: a process that cannot have them has done nothing yet.
  HttpEndpoint::Sources sources;
  sources.metrics = [this] { return metrics_.Text(); };
  sources.ready = [this] {
    return ready()
               ? absl::OkStatus()
               : absl::UnavailableError("the service is starting or stopping");
  };
  auto http = HttpEndpoint::Listen(options.metrics_address, std::move(sources));
  if (!http.ok()) {
    return absl::UnavailableError(
        absl::StrCat("BROADCAST_METRICS_ADDRESS (--metrics_address): ",
                     http.status().message()));
  }
  http_ = *std::move(http);
  ServerOptions server;
  server.address = options.grpc_address;
  server.reflection = tokens_.empty();
  server.hub = hub_.get();
  server.tokens = &tokens_;
  server.links = metrics_.links();
  server.watches = metrics_.watches();
  server.rpcs = metrics_.rpcs();
  auto listening = Server::Listen(std::move(server));
  if (!listening.ok()) {
    return absl::UnavailableError(
        absl::StrCat("BROADCAST_GRPC_ADDRESS (--grpc_address): ",
                     listening.status().message()));
  }
  server_ = *std::move(listening);
  if (authorizer_link_ != nullptr) authorizer_link_->Start();
  metrics_.WhenSettled([this] {
    server_->SetReady(true);
    healthy_ = true;
  });
  hub_->Start();
  Log(LogLevel::kInfo, "listening",
      {{"what", "grpc"}, {"address", server_->address()}});
  Log(LogLevel::kInfo, "listening",
      {{"what", "metrics"}, {"address", http_->address()}});
  return absl::OkStatus();
}

absl::StatusOr<config::v1::Config> ReadRules(const Options& options) {
  if (options.config.empty()) return config::v1::Config();
  std::vector<std::string> warnings;
  absl::StatusOr<config::v1::Config> config =
      ReadRulesFile(options.config,
                    {.payload_bytes_max = options.settings.max_payload(),
                     .history_memory_bytes = options.history_memory},
                    &warnings);
  if (config.ok()) {
    for (const std::string& warning : warnings) {
      Log(LogLevel::kWarning, warning);
    }
    return config;
  }
  return absl::Status(
      config.status().code(),
      absl::StrCat("BROADCAST_CONFIG (--config): ", config.status().message()));
}

void Service::Reload(const Options& options) {
  if (options.config.empty()) {
    return Log(LogLevel::kWarning,
               "SIGHUP came, and there is no BROADCAST_CONFIG to read again");
  }
  const absl::StatusOr<config::v1::Config> config = ReadRules(options);
  metrics_.OnConfigReloaded(config.ok());
  if (!config.ok()) {
    return Log(LogLevel::kError, "rules refused, the old ones stay",
               {{"why", std::string(config.status().message())}});
  }
  SetRules(*config);
  Log(LogLevel::kInfo, "rules in force",
      {{"file", options.config},
       {"rules", absl::StrCat(config->channels_size())}});
}

Service::~Service() {
  hub_->Stop();
  if (authorizer_link_ != nullptr) authorizer_link_->Stop();
  // Calls that wait for a gateway need the timers to end.
  if (server_ != nullptr) server_->Drain(kDrainPatience);
  timers_.Stop();
}

int Run(int argc, char** argv) {
  process::DisableMutexChecks();
  Signals signals;
  ParseFlags(argc, argv);
  Options options;
  const absl::Status read = ReadOptions(&options);
  StartLog(options.log_level, options.log_format);
  if (!read.ok()) {
    Log(LogLevel::kError, read.message());
    return kExitSettings;
  }
  const absl::StatusOr<config::v1::Config> rules = ReadRules(options);
  if (!rules.ok()) {
    Log(LogLevel::kError, rules.status().message());
    return kExitSettings;
  }
  Log(LogLevel::kInfo, "starting", {{"version", HERALD_VERSION}});
  if (options.settings.client_timeout_ms() <=
      options.settings.heartbeat_interval_ms()) {
    Log(LogLevel::kWarning,
        "BROADCAST_CLIENT_TIMEOUT is not longer than "
        "BROADCAST_HEARTBEAT_INTERVAL, so quiet clients will be disconnected");
  }
  {
    Service service(options);
    service.SetRules(*rules);
    const absl::Status started = service.Start(options);
    if (!started.ok()) {
      Log(LogLevel::kError, started.message());
      return kExitFailed;
    }
    int number = signals.Wait();
    for (; number == SIGHUP; number = signals.Wait()) service.Reload(options);
    Log(LogLevel::kInfo, "stopping",
        {{"signal", number == SIGTERM ? "SIGTERM" : "SIGINT"}});
  }
  Log(LogLevel::kInfo, "stopped");
  return 0;
}

}  // namespace
}  // namespace herald::rpc

int main(int argc, char** argv) { return herald::rpc::Run(argc, argv); }
