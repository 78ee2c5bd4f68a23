// SPDX-License-Identifier: Apache-2.0

#include "gateway/program.h"

#include <signal.h>

#include <algorithm>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gateway/http/listener.h"
#include "gateway/link/service_link.h"
#include "gateway/net/event_loop.h"
#include "gateway/net/gateway_state.h"
#include "gateway/process/options.h"
#include "gateway/process/process_observer.h"
#include "gateway/router/router.h"
#include "proto/contract/condition.h"
#include "proto/http/http_endpoint.h"
#include "proto/http/rationed_page.h"
#include "proto/log/log.h"
#include "proto/log/settings_log.h"
#include "proto/process/callback_threads.h"
#include "proto/process/files.h"
#include "proto/process/gateway_identity.h"
#include "proto/process/grpc_clock.h"
#include "proto/process/heap_trim.h"
#include "proto/process/mutex_checks.h"
#include "proto/process/signals.h"
#include "proto/settings/program.h"
#include "proto/settings/settings.h"

namespace herald::gateway {
namespace {

using process::Log;
using process::LogLevel;
using process::Signals;
using settings::kExitFailed;

// Listeners that the files which a process reserves for itself allow for.
constexpr int kListenersKept = 32;
constexpr absl::Duration kReportPause = absl::Milliseconds(500);
constexpr absl::Duration kDrainPause = absl::Milliseconds(20);
// The time for the last closes: the handshake's deadline, plus a margin.
constexpr absl::Duration kDrainPatience = absl::Seconds(6);
// All objects of the process. Members are destroyed in reverse order: callers
// before the objects that they call.
class Gateway {
 public:
  Gateway(const GatewayOptions& options,
          const process::GatewayIdentity& identity, Endpoints endpoints);
  ~Gateway();

  // Starts serving. An error names the setting that cannot be applied.
  absl::Status Start(const GatewayOptions& options);

  // Sends reports until a signal arrives, and returns the signal.
  int Run(Signals& signals);

  // Closes all sockets over `time`. Returns when they are closed.
  void Drain(Signals& signals, absl::Duration time);

 private:
  // Periodic: reports to the service, and logs faults that have ended.
  void Report();
  absl::Status ServeMetrics(const GatewayOptions& options);
  std::string MetricsText();
  std::string NotReady() const;

  const process::GrpcClock grpc_clock_;
  const process::HeapTrim heap_trim_;
  const process::CallbackThreads threads_;
  ProcessObserver observer_{HERALD_VERSION};
  Router router_;
  GatewayState state_;
  // Any browser may request it, and its loops make it.
  process::RationedPage metrics_page_{[this] { return MetricsText(); }};
  std::vector<std::unique_ptr<EventLoop>> loops_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::optional<process::ListeningSockets> sockets_;
  ServiceLink link_;
  std::unique_ptr<process::HttpEndpoint> http_;  // For separate metrics.
};

Gateway::Gateway(const GatewayOptions& options,
                 const process::GatewayIdentity& identity, Endpoints endpoints)
    : router_(identity.id, HERALD_VERSION, &observer_, options.queue_bytes_max),
      link_({options.services, options.api_token}, &router_, &observer_,
            &state_.link_gate) {
  router_.SetSecret(identity.secret);
  state_.router = &router_;
  state_.observer = &observer_;
  state_.shard_count = options.threads;
  state_.subscriptions_max = options.subscriptions_max;
  state_.client_rates =
      ClientRates(options.client_message_rate, options.client_event_rate,
                  options.subscriptions_max);
  state_.connect_rate.Set(options.connect_rate_max);
  state_.queue_bytes_max = static_cast<size_t>(options.queue_bytes_max);
  // Each listener may keep one connection beyond the bound while there is no
  // file for it: one per loop, and per address of a name like `localhost`.
  state_.descriptors_max = process::PeerDescriptorsMax() -
                           std::max(0, 2 * options.threads - kListenersKept);
  const int64_t connections_max = options.connections_max;
  state_.connections.SetMax(
      connections_max > 0
          ? std::min<int64_t>(connections_max, state_.descriptors_max)
          : state_.descriptors_max);
  state_.half_open_max =
      std::min<int64_t>(state_.half_open_max, state_.descriptors_max / 4);
  state_.origins = OriginPatterns(options.allowed_origins);
  state_.endpoints = std::move(endpoints);
  state_.proxy_protocol = options.proxy_protocol;
  state_.trusted_proxies = *TrustedProxies::Parse(options.trusted_proxies);
  state_.pages.not_ready = [this] { return NotReady(); };
  if (options.metrics_address.empty()) {
    state_.pages.metrics = [this] { return metrics_page_.Text(); };
  }
  std::vector<ShardInbox*> shards;
  for (int i = 0; i < options.threads; ++i) {
    loops_.push_back(std::make_unique<EventLoop>(i, &state_));
    shards.push_back(loops_.back().get());
  }
  router_.SetShards(std::move(shards));
}

Gateway::~Gateway() {
  http_.reset();
  for (const auto& loop : loops_) loop->Stop();
  for (const auto& loop : loops_) loop->Join();
  link_.Stop();
}

std::string Gateway::MetricsText() {
  GatewayMetrics::Readings readings;
  for (const auto& loop : loops_) {
    readings.queue_bytes += loop->queue_bytes();
    readings.inbox_bytes += loop->inbox_bytes();
    readings.half_open_count += loop->half_open_count();
    readings.unfinished_bytes += loop->unfinished_bytes();
  }
  readings.log_lines_dropped = process::LogLinesDropped();
  readings.link_up = link_.up();
  readings.link_settled = router_.settled();
  readings.link_queue_bytes = link_.queue_bytes();
  readings.link_pauses = state_.link_gate.closings();
  return observer_.Text(readings);
}

std::string Gateway::NotReady() const {
  if (state_.draining) return "the gateway is shutting down";
  if (observer_.accept_fails()) {
    return absl::StrCat(
        "cannot accept connections: the limit of open files is ",
        process::FilesMax());
  }
  if (router_.settled()) return "";
  const std::string trouble = observer_.trouble();
  return trouble.empty() ? "the service is not ready" : trouble;
}

absl::Status Gateway::ServeMetrics(const GatewayOptions& options) {
  if (options.metrics_address.empty()) return absl::OkStatus();
  process::HttpPages pages;
  pages.metrics = [this] { return MetricsText(); };
  pages.not_ready = [this] { return NotReady(); };
  auto http =
      process::HttpEndpoint::Listen(options.metrics_address, std::move(pages));
  if (!http.ok()) {
    return absl::UnavailableError(absl::StrCat(
        "BROADCAST_GATEWAY_METRICS_ADDRESS (--gateway-metrics-address): ",
        http.status().message()));
  }
  http_ = *std::move(http);
  return absl::OkStatus();
}

absl::Status Gateway::Start(const GatewayOptions& options) {
  if (absl::Status metrics = ServeMetrics(options); !metrics.ok()) {
    return metrics;
  }
  absl::StatusOr<Listening> listening = Listen(options.ws_address, loops_);
  if (!listening.ok()) {
    return absl::Status(listening.status().code(),
                        absl::StrCat("BROADCAST_WS_ADDRESS (--ws-address): ",
                                     listening.status().message()));
  }
  for (size_t i = 0; i < listening->acceptors.size(); ++i) {
    listeners_.push_back(std::make_unique<Listener>(
        loops_[i % loops_.size()].get(), std::move(listening->acceptors[i])));
    listeners_.back()->Start();
  }
  sockets_.emplace(std::move(listening->sockets));
  for (const auto& loop : loops_) loop->Start();
  link_.Start();
  Log(LogLevel::kInfo, "listening",
      {{"what", "ws"}, {"address", sockets_->address()}});
  if (http_ != nullptr) {
    Log(LogLevel::kInfo, "listening",
        {{"what", "metrics"}, {"address", http_->address()}});
  }
  return absl::OkStatus();
}

void Gateway::Report() {
  router_.Report(state_.connections.total());
  observer_.CheckTroubles();
}

int Gateway::Run(Signals& signals) {
  for (;;) {
    const int number = signals.Wait(kReportPause);
    if (number == SIGTERM || number == SIGINT) return number;
    if (number == SIGHUP) {
      Log(LogLevel::kInfo,
          "SIGHUP received; the gateway has no file to reload");
    }
    Report();
  }
}

void Gateway::Drain(Signals& signals, absl::Duration time) {
  state_.draining = true;
  router_.Goodbye();
  for (const auto& loop : loops_) loop->StartDrain(time);
  const absl::Time end = contract::SteadyNow() + time + kDrainPatience;
  absl::Time next_report = contract::SteadyNow();
  while (state_.connections.total() > 0 && contract::SteadyNow() < end) {
    signals.Wait(kDrainPause);
    if (contract::SteadyNow() < next_report) continue;
    next_report = contract::SteadyNow() + kReportPause;
    Report();
  }
}

constexpr settings::ProgramInfo kProgram = {
    .name = "herald-gateway",
    .version = HERALD_VERSION,
    .intro =
        "The data plane of Herald. Browsers connect to it over WebSocket. It "
        "attaches to a\nherald-service, which makes all decisions. Any number "
        "of gateways share a service.",
    .outro =
        "Heartbeats, payload size and whether clients may whisper are settings "
        "of the\nservice.\n"
        "SIGTERM and SIGINT drain it; a second signal stops it at once, with "
        "exit code 1."};

// Runs the process until a signal ends it. Returns the exit code.
int Serve(const GatewayOptions& options, const EndpointsFactory& endpoints,
          Signals& signals) {
  signals.Serve();
  {
    Gateway gateway(options, process::DrawGatewayIdentity(),
                    endpoints(options));
    const absl::Status started = gateway.Start(options);
    if (!started.ok()) {
      Log(LogLevel::kError, started.message());
      return kExitFailed;
    }
    const int number = gateway.Run(signals);
    Log(LogLevel::kInfo, "draining",
        {{"signal", process::NameOfSignal(number)}});
    gateway.Drain(signals, options.drain_time);
  }
  Log(LogLevel::kInfo, "stopped");
  return 0;
}

int RunProcess(int argc, char** argv, const EndpointsFactory& endpoints,
               Signals& signals) {
  process::DisableMutexChecks();
  process::RaiseFileLimit();
  const settings::Settings settings(settings::Process::kGateway,
                                    {argv + 1, argv + argc});
  if (const auto code = settings::AnswerQuestion(kProgram, settings)) {
    return *code;
  }
  const GatewayOptions options = OptionsOf(settings);
  const std::vector<std::string> errors = ErrorsOf(options, settings);
  if (settings.check()) {
    return settings::AnswerCheck(kProgram, settings, WarningsOf(options),
                                 errors);
  }
  if (!process::StartLog(settings)) return settings::kExitSettings;
  for (const std::string& error : errors) Log(LogLevel::kError, error);
  if (!errors.empty()) return settings::kExitSettings;
  Log(LogLevel::kInfo, "starting",
      {{"version", HERALD_VERSION}, {"threads", options.threads}});
  process::LogSettings(settings);
  for (const std::string& warning : WarningsOf(options)) {
    Log(LogLevel::kWarning, warning);
  }
  return Serve(options, endpoints, signals);
}

}  // namespace

int RunGateway(int argc, char** argv, const EndpointsFactory& endpoints) {
  process::ReportUncaughtExceptions();
  try {
    Signals signals;  // First: an early SIGHUP must not end the process.
    return RunProcess(argc, argv, endpoints, signals);
  } catch (const std::exception& error) {
    // No thread or memory could be allocated.
    process::LogFailure("cannot start", error.what());
    return kExitFailed;
  }
}

}  // namespace herald::gateway
