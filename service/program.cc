// SPDX-License-Identifier: Apache-2.0

#include "service/program.h"

#include <signal.h>

#include <atomic>
#include <cstdlib>
#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "proto/contract/mutex.h"
#include "proto/http/http_endpoint.h"
#include "proto/log/log.h"
#include "proto/log/settings_log.h"
#include "proto/process/callback_threads.h"
#include "proto/process/files.h"
#include "proto/process/grpc_clock.h"
#include "proto/process/heap_trim.h"
#include "proto/process/mutex_checks.h"
#include "proto/process/signals.h"
#include "proto/settings/program.h"
#include "proto/settings/settings.h"
#include "service/authorizer/no_authorizer.h"
#include "service/core.h"
#include "service/process/metrics.h"
#include "service/process/options.h"
#include "service/process/timer_thread.h"
#include "service/rpc/authorizer/authorizer_link.h"
#include "service/rpc/gate/api_token.h"
#include "service/rpc/server.h"
#include "service/rules/rules_file.h"
#include "service/rules/rules_reader.h"
#include "service/signatures/signature_authorizer.h"

namespace herald::service {
namespace {

using authorizer::NoAuthorizer;
using authorizer::SignatureAuthorizer;
using process::Log;
using process::LogLevel;
using process::Signals;
using rpc::ApiTokens;
using rpc::AuthorizerLink;
using rpc::Server;
using rpc::ServerOptions;
using rules::ReadRulesFile;
using rules::RulesReader;
using settings::kExitFailed;
using settings::kExitSettings;

// How long calls may take to finish after a signal to stop.
constexpr absl::Duration kDrainPatience = absl::Milliseconds(1500);

// If reading the file with rules takes longer, a warning is logged.
constexpr absl::Duration kReadingPatience = absl::Seconds(5);

// All objects of the process. Members are destroyed in reverse order: callers
// before the objects that they call.
class ServiceProcess {
 public:
  ServiceProcess(const ServiceOptions& options,
                 const EngineFactory& make_engine);
  ~ServiceProcess();

  // Begins to serve. UNAVAILABLE, with the name of the setting, if a port
  // cannot be had.
  absl::Status Start(const ServiceOptions& options);

  // Applies the rules from now on.
  void SetRules(const config::v1::Config& config) {
    core_->rules()->Set(config);
  }

  // Applies rules that were read again. Invalid rules change nothing.
  void Reload(const std::string& file, const RulesReader::Result& read);

 private:
  core::Authorizer* ChooseAuthorizer(const ServiceOptions& options);
  // Why the service is not ready; empty if it is.
  std::string NotReady() const {
    const core::Readiness& readiness = core_->readiness();
    if (!readiness.engine_up())
      return "not ready: the engine cannot be reached";
    if (!healthy_ || !readiness.ready()) {
      return "not ready: the service is starting or stopping";
    }
    const absl::Status reachable = server_->reachable();
    return reachable.ok() ? ""
                          : absl::StrCat("not ready: ", reachable.message());
  }

  // Makes gRPC's health follow the core. An engine may cause a call as soon as
  // it exists.
  void UpdateHealth() ABSL_LOCKS_EXCLUDED(health_mu_) {
    // Under the lock, so that the last call sets the newest state.
    const contract::MutexLock lock(&health_mu_);
    if (serving_ == nullptr) return;
    const bool ready = core_->readiness().ready();
    serving_->SetReady(ready);
    healthy_ = ready;
  }

  const process::GrpcClock grpc_clock_;
  const process::HeapTrim heap_trim_;
  process::CallbackThreads threads_;
  TimerThread timers_;
  ServiceMetrics metrics_{HERALD_VERSION};
  ApiTokens tokens_;
  const std::unique_ptr<core::Engine> engine_;
  NoAuthorizer no_authorizer_;
  std::shared_ptr<AuthorizerLink> authorizer_link_;
  std::unique_ptr<SignatureAuthorizer> signature_authorizer_;
  std::unique_ptr<core::Core> core_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<process::HttpEndpoint> http_;
  contract::Mutex health_mu_;
  Server* serving_ ABSL_GUARDED_BY(health_mu_) =
      nullptr;                        // server_, once it is.
  std::atomic<bool> healthy_{false};  // gRPC's health is SERVING.
};

core::CoreOptions CoreOptionsOf(const ServiceOptions& options) {
  core::CoreOptions out;
  out.version = HERALD_VERSION;
  out.settings = options.settings;
  out.authorizer_timeout = options.authorizer_timeout;
  return out;
}

ServiceProcess::ServiceProcess(const ServiceOptions& options,
                               const EngineFactory& make_engine)
    : tokens_(options.api_tokens), engine_(make_engine(options, &timers_)) {
  metrics_.WhenReadyChanges([this] { UpdateHealth(); });
  core::Authorizer* const authorizer = ChooseAuthorizer(options);
  core_ = std::make_unique<core::Core>(CoreOptionsOf(options), engine_.get(),
                                       authorizer, &timers_, &metrics_);
  metrics_.Pull(core_->queries(), authorizer_link_.get(), options.authorizer);
}

core::Authorizer* ServiceProcess::ChooseAuthorizer(
    const ServiceOptions& options) {
  core::Authorizer* authorizer = nullptr;
  if (!options.authorizer.empty()) {
    AuthorizerLink::Options link;
    link.target = options.authorizer;
    link.timeout = options.authorizer_timeout;
    authorizer_link_ = AuthorizerLink::Create(
        std::move(link), &timers_, &metrics_,
        [this](v1::Revocation revocation) {
          return core_->commands()->Revoke(std::move(revocation));
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

absl::Status ServiceProcess::Start(const ServiceOptions& options) {
  // Ports first: a process that cannot have them has done nothing yet.
  process::HttpPages pages;
  pages.metrics = [this] { return metrics_.Text(); };
  pages.not_ready = [this] { return NotReady(); };
  pages.warning = [this] { return metrics_.AudienceWarning(); };
  auto http =
      process::HttpEndpoint::Listen(options.metrics_address, std::move(pages));
  if (!http.ok()) {
    return absl::UnavailableError(
        absl::StrCat("BROADCAST_METRICS_ADDRESS (--metrics-address): ",
                     http.status().message()));
  }
  http_ = *std::move(http);
  ServerOptions server;
  server.address = options.grpc_address;
  server.reflection = tokens_.empty();
  server.api = {core_->broadcasts(), core_->watches(), core_->queries(),
                core_->commands()};
  server.gateways = core_->links();
  server.timers = &timers_;
  server.threads = &threads_;
  server.tokens = &tokens_;
  server.links = metrics_.links();
  server.watches = metrics_.watches();
  server.rpcs = metrics_.rpcs();
  auto listening = Server::Listen(server);
  if (!listening.ok()) {
    return absl::UnavailableError(
        absl::StrCat("BROADCAST_GRPC_ADDRESS (--grpc-address): ",
                     listening.status().message()));
  }
  server_ = *std::move(listening);
  if (authorizer_link_ != nullptr) authorizer_link_->Start();
  {
    const contract::MutexLock lock(&health_mu_);
    serving_ = server_.get();
  }
  core_->Start();
  Log(LogLevel::kInfo, "listening",
      {{"what", "grpc"}, {"address", server_->address()}});
  Log(LogLevel::kInfo, "listening",
      {{"what", "metrics"}, {"address", http_->address()}});
  return absl::OkStatus();
}

// Adds a warning for each rule that is allowed but probably not intended.
absl::StatusOr<config::v1::Config> ReadRules(
    const ServiceOptions& options, std::vector<std::string>* warnings) {
  if (options.config.empty()) return config::v1::Config();
  absl::StatusOr<config::v1::Config> config =
      ReadRulesFile(options.config,
                    {.payload_bytes_max = options.settings.max_payload(),
                     .history_memory_bytes = options.history_memory},
                    warnings);
  if (config.ok()) return config;
  return absl::Status(
      config.status().code(),
      absl::StrCat("BROADCAST_CONFIG (--config): ", config.status().message()));
}

void LogWarnings(const std::vector<std::string>& warnings) {
  for (const std::string& warning : warnings) {
    Log(LogLevel::kWarning, warning);
  }
}

void ServiceProcess::Reload(const std::string& file,
                            const RulesReader::Result& read) {
  LogWarnings(read.warnings);
  metrics_.OnConfigReloaded(read.rules.ok());
  if (!read.rules.ok()) {
    return Log(LogLevel::kError, "rules refused, the old ones stay",
               {{"why", std::string(read.rules.status().message())}});
  }
  SetRules(*read.rules);
  Log(LogLevel::kInfo, "rules in force",
      {{"file", file}, {"rules", read.rules->channels_size()}});
}

ServiceProcess::~ServiceProcess() {
  core_->Stop();
  // Waits for a call that is under way and may have found the core ready.
  UpdateHealth();
  if (authorizer_link_ != nullptr) authorizer_link_->Stop();
  // Calls that wait for a gateway need the timers to end.
  if (server_ != nullptr) server_->Drain(kDrainPatience);
  timers_.Stop();
  // Drain() has waited for the calls that wait for it.
  engine_->Stop();
}

constexpr settings::ProgramInfo kProgram = {
    .name = "herald-service",
    .version = HERALD_VERSION,
    .intro =
        "The control plane of Herald: backends publish to it over gRPC, "
        "gateways attach\nto it, and it asks your authorizer which users may "
        "listen to private channels.",
    .outro =
        "SIGTERM and SIGINT drain it; a second one stops it at once, with exit "
        "code 1. SIGHUP\nmakes it read the file with rules again."};

// Answers each SIGHUP until another signal comes, and returns that one.
int ReloadUntilStopped(const ServiceOptions& options, ServiceProcess& service,
                       RulesReader& reader, Signals& signals) {
  for (bool is_late = false;;) {
    const int number =
        signals.Wait(reader.busy() && !is_late ? kReadingPatience
                                               : absl::InfiniteDuration());
    if (number == SIGTERM || number == SIGINT) return number;
    if (auto read = reader.Take()) {
      is_late = false;
      service.Reload(options.config, *read);
    } else if (number == 0 && reader.busy()) {
      is_late = true;
      Log(LogLevel::kWarning, "rules not read yet, the old ones stay",
          {{"file", options.config}});
    }
    if (number != SIGHUP) continue;
    if (options.config.empty()) {
      Log(LogLevel::kWarning,
          "SIGHUP came, and there is no BROADCAST_CONFIG to read again");
    } else if (absl::Status started = reader.Start(); !started.ok()) {
      service.Reload(options.config, {std::move(started), {}});
    }
  }
}

// Runs the process until a signal ends it. Returns the exit code.
int Serve(const ServiceOptions& options, const config::v1::Config& rules,
          const EngineFactory& make_engine, Signals& signals) {
  signals.Serve();
  RulesReader reader(
      [options] {
        std::vector<std::string> warnings;
        auto read = ReadRules(options, &warnings);
        return RulesReader::Result{std::move(read), std::move(warnings)};
      },
      [&signals] { signals.Wake(); });
  {
    ServiceProcess service(options, make_engine);
    service.SetRules(rules);
    const absl::Status started = service.Start(options);
    if (!started.ok()) {
      Log(LogLevel::kError, started.message());
      return kExitFailed;
    }
    const int number = ReloadUntilStopped(options, service, reader, signals);
    Log(LogLevel::kInfo, "stopping",
        {{"signal", process::NameOfSignal(number)}});
  }
  Log(LogLevel::kInfo, "stopped");
  if (!reader.busy()) return 0;
  process::FlushLog();
  std::_Exit(0);
}

int Run(int argc, char** argv, const EngineFactory& make_engine,
        Signals& signals) {
  process::DisableMutexChecks();
  process::RaiseFileLimit();
  const settings::Settings settings(settings::Process::kService,
                                    {argv + 1, argv + argc});
  if (const auto code = settings::AnswerQuestion(kProgram, settings)) {
    return *code;
  }
  const ServiceOptions options = OptionsOf(settings);
  std::vector<std::string> warnings = WarningsOf(options);
  const absl::StatusOr<config::v1::Config> rules =
      ReadRules(options, &warnings);
  std::vector<std::string> errors = ErrorsOf(settings);
  if (!rules.ok()) errors.emplace_back(rules.status().message());
  if (settings.check()) {
    return settings::AnswerCheck(kProgram, settings, warnings, errors);
  }
  if (!process::StartLog(settings)) return kExitSettings;
  for (const std::string& error : errors) Log(LogLevel::kError, error);
  if (!errors.empty()) return kExitSettings;
  Log(LogLevel::kInfo, "starting", {{"version", HERALD_VERSION}});
  process::LogSettings(settings);
  LogWarnings(warnings);
  return Serve(options, *rules, make_engine, signals);
}

}  // namespace

int RunService(int argc, char** argv, const EngineFactory& make_engine) {
  process::FillStandardFiles();
  process::ReportUncaughtExceptions();
  try {
    Signals signals;  // First, so that no early SIGHUP ends the process.
    return Run(argc, argv, make_engine, signals);
  } catch (const std::exception& error) {
    // No thread, or no memory.
    process::LogFailure("cannot start", error.what());
    return kExitFailed;
  }
}

}  // namespace herald::service
