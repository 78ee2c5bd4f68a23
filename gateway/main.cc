// SPDX-License-Identifier: Apache-2.0
//
// herald-gateway: settings, objects, run, drain, exit.

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gateway/core/native_dialect.h"
#include "gateway/core/router.h"
#include "gateway/link/service_link.h"
#include "gateway/log.h"
#include "gateway/net/event_loop.h"
#include "gateway/net/gateway_state.h"
#include "gateway/net/listener.h"
#include "gateway/net/metrics.h"
#include "gateway/net/random.h"
#include "gateway/options.h"
#include "proto/contract/mutex.h"
#include "proto/process/callback_threads.h"
#include "proto/process/mutex_checks.h"

namespace herald::gateway {
namespace {

using contract::MutexLock;

constexpr int kExitFailed = 1;
constexpr int kExitSettings = 2;

constexpr absl::Duration kReportPause = absl::Milliseconds(500);
constexpr absl::Duration kDrainPause = absl::Milliseconds(20);
// How long the last closes may take: a handshake's deadline and a little more.
constexpr absl::Duration kDrainPatience = absl::Seconds(6);
// For how long a trouble must not have come to be taken for over.
constexpr absl::Duration kTroubleIsOver = absl::Seconds(2);

// Never jumps, unlike the time of day.
absl::Duration Uptime() {
  static const auto start = std::chrono::steady_clock::now();
  return absl::FromChrono(std::chrono::steady_clock::now() - start);
}

// Waits for SIGTERM and SIGINT. REQUIRES: made before there are other threads,
// which inherit the mask.
class StopSignals {
 public:
  StopSignals() {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGTERM);
    sigaddset(&signals_, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
    signal(SIGPIPE, SIG_IGN);
  }

  // The signal, or 0 if none comes within `time`.
  int Wait(absl::Duration time) {
    const timespec patience = absl::ToTimespec(time);
    const int number = sigtimedwait(&signals_, nullptr, &patience);
    return number > 0 ? number : 0;
  }

 private:
  sigset_t signals_;
};

// A trouble that comes many times a second while it lasts, so that only its
// beginning and its end are worth a line.
class Spell {
 public:
  // It has come. True if that is the beginning.
  bool Come(absl::Duration uptime) {
    const bool first = !last_.has_value();
    last_ = uptime;
    return first;
  }

  // True once it is over, once.
  bool End(absl::Duration uptime) {
    if (!last_.has_value() || uptime - *last_ < kTroubleIsOver) return false;
    last_.reset();
    return true;
  }

 private:
  std::optional<absl::Duration> last_;  // While it lasts.
};

// Counts, and logs what happens to the link and to accepting.
class ProcessObserver final : public Metrics {
 public:
  using Metrics::Metrics;

  void OnLinkOpened() override {
    SetTrouble("");
    Log(LogLevel::kInfo, "link opened");
  }
  void OnLinkSettled() override { Log(LogLevel::kInfo, "link settled"); }
  void OnLinkEnded(absl::string_view why) override {
    Metrics::OnLinkEnded(why);
    // The link is tried again several times a second: only news is logged.
    if (!SetTrouble(why)) return;
    Log(LogLevel::kWarning, "link ended", {{"why", std::string(why)}});
  }
  void OnAcceptError() override {
    Metrics::OnAcceptError();
    {
      MutexLock lock(&mu_);
      if (!no_accept_.Come(Uptime())) return;
    }
    Log(LogLevel::kWarning, "accept failed", {{"files_max", FilesMax()}});
  }
  void OnUpgradeRefused(UpgradeRefusal why) override {
    Metrics::OnUpgradeRefused(why);
    if (why != UpgradeRefusal::kOverrun) return;
    {
      MutexLock lock(&mu_);
      if (!overrun_.Come(Uptime())) return;
    }
    Log(LogLevel::kWarning, "too many connect at once, some are refused",
        {{"see", "BROADCAST_MAX_CONNECT_RATE"}});
  }

  // Logs what is over. Called now and then.
  void CheckTroubles() ABSL_LOCKS_EXCLUDED(mu_) {
    bool accepts = false;
    bool keeps_up = false;
    {
      MutexLock lock(&mu_);
      accepts = no_accept_.End(Uptime());
      keeps_up = overrun_.End(Uptime());
    }
    if (accepts) Log(LogLevel::kInfo, "accept works again");
    if (keeps_up) Log(LogLevel::kInfo, "all who connect get in again");
  }

  // Why there is no link; empty if there is one.
  std::string trouble() const ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(&mu_);
    return trouble_;
  }

 private:
  static std::string FilesMax() {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    return absl::StrCat(limit.rlim_cur);
  }

  // True if that is news.
  bool SetTrouble(absl::string_view why) ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(&mu_);
    if (trouble_ == why) return false;
    trouble_ = std::string(why);
    return true;
  }

  mutable contract::Mutex mu_;
  std::string trouble_ ABSL_GUARDED_BY(mu_);
  Spell no_accept_ ABSL_GUARDED_BY(mu_);
  Spell overrun_ ABSL_GUARDED_BY(mu_);
};

// From which descriptor on none is given to a browser.
int DescriptorsMax() {
  constexpr rlim_t kKept = 64;
  constexpr int kMax = std::numeric_limits<int>::max();
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return kMax;
  const rlim_t kept = std::min(kKept, limit.rlim_cur / 4);
  return static_cast<int>(std::min<rlim_t>(limit.rlim_cur - kept, kMax));
}

// Everything that the process consists of. Members are destroyed in reverse
// order: first those who call, then those who are called.
class Gateway {
 public:
  explicit Gateway(const Options& options);
  ~Gateway();

  // Begins to serve. An error names the setting that cannot be had.
  absl::Status Start(const Options& options);

  // Keeps the service informed until a signal comes, and returns it.
  int Run(StopSignals& signals);

  // Closes all sockets over `time`. Returns when they are closed, or false when
  // a signal comes first.
  bool Drain(StopSignals& signals, absl::Duration time);

 private:
  // What is said now and then: to the service, and to the log.
  void Report();
  std::string MetricsText();
  std::string NotReady() const;

  const process::CallbackThreads threads_;
  const NativeDialect dialect_;
  ProcessObserver observer_{HERALD_VERSION};
  Router router_;
  GatewayState state_;
  std::vector<std::unique_ptr<EventLoop>> loops_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  ServiceLink link_;
};

Gateway::Gateway(const Options& options)
    : router_(RandomNumber(), HERALD_VERSION, &dialect_, &observer_,
              options.queue_bytes_max),
      link_({options.services, options.api_token}, &router_, &observer_,
            &state_.link_gate) {
  state_.router = &router_;
  state_.dialect = &dialect_;
  state_.observer = &observer_;
  state_.shard_count = options.threads;
  state_.subscriptions_max = options.subscriptions_max;
  state_.connections_max = options.connections_max;
  state_.connect_rate.Set(options.connect_rate_max);
  state_.queue_bytes_max = static_cast<size_t>(options.queue_bytes_max);
  state_.descriptors_max = DescriptorsMax();
  state_.origins = OriginPatterns(options.allowed_origins);
  state_.metrics_text = [this] { return MetricsText(); };
  state_.not_ready = [this] { return NotReady(); };
  std::vector<ShardInbox*> shards;
  for (int i = 0; i < options.threads; ++i) {
    loops_.push_back(std::make_unique<EventLoop>(i, &state_));
    shards.push_back(loops_.back().get());
  }
  router_.SetShards(std::move(shards));
}

Gateway::~Gateway() {
  for (const auto& loop : loops_) loop->Stop();
  for (const auto& loop : loops_) loop->Join();
  link_.Stop();
}

std::string Gateway::MetricsText() {
  Metrics::Readings readings;
  for (const auto& loop : loops_) {
    readings.queue_bytes += loop->queue_bytes();
    readings.inbox_bytes += loop->inbox_bytes();
  }
  readings.link_up = link_.up();
  readings.link_settled = router_.settled();
  readings.link_queue_bytes = link_.queue_bytes();
  readings.link_pauses = state_.link_gate.closings();
  return observer_.Text(readings);
}

std::string Gateway::NotReady() const {
  if (state_.draining) return "the gateway is shutting down";
  if (router_.settled()) return "";
  const std::string trouble = observer_.trouble();
  return trouble.empty() ? "the service is not ready" : trouble;
}

absl::Status Gateway::Start(const Options& options) {
  absl::StatusOr<Listening> listening = Listen(options.ws_address, loops_);
  if (!listening.ok()) {
    return absl::Status(
        listening.status().code(),
        absl::StrCat("BROADCAST_WS_ADDRESS (--ws_address): cannot listen on ",
                     options.ws_address, ": ", listening.status().message()));
  }
  for (size_t i = 0; i < loops_.size(); ++i) {
    listeners_.push_back(std::make_unique<Listener>(
        loops_[i].get(), std::move(listening->acceptors[i])));
    listeners_.back()->Start();
  }
  for (const auto& loop : loops_) loop->Start();
  link_.Start();
  Log(LogLevel::kInfo, "listening",
      {{"what", "ws"}, {"address", listening->address}});
  return absl::OkStatus();
}

void Gateway::Report() {
  router_.Report(state_.connections);
  observer_.CheckTroubles();
}

int Gateway::Run(StopSignals& signals) {
  int number = 0;
  while (number == 0) {
    number = signals.Wait(kReportPause);
    Report();
  }
  return number;
}

bool Gateway::Drain(StopSignals& signals, absl::Duration time) {
  state_.draining = true;
  router_.Goodbye();
  for (const auto& loop : loops_) loop->StartDrain(time);
  const absl::Duration end = Uptime() + time + kDrainPatience;
  absl::Duration next_report = Uptime();
  while (state_.connections > 0 && Uptime() < end) {
    if (signals.Wait(kDrainPause) != 0) return false;
    if (Uptime() < next_report) continue;
    next_report = Uptime() + kReportPause;
    Report();
  }
  return true;
}

// As many sockets as the system lets us have.
void RaiseFileLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int Main(int argc, char** argv) {
  process::DisableMutexChecks();
  StopSignals signals;
  ParseFlags(argc, argv);
  Options options;
  const absl::Status read = ReadOptions(&options);
  StartLog(options.log_level, options.log_json);
  if (!read.ok()) {
    Log(LogLevel::kError, read.message());
    return kExitSettings;
  }
  RaiseFileLimit();
  Log(LogLevel::kInfo, "starting",
      {{"version", HERALD_VERSION},
       {"threads", absl::StrCat(options.threads)}});
  {
    Gateway gateway(options);
    const absl::Status started = gateway.Start(options);
    if (!started.ok()) {
      Log(LogLevel::kError, started.message());
      return kExitFailed;
    }
    const int number = gateway.Run(signals);
    Log(LogLevel::kInfo, "draining",
        {{"signal", number == SIGTERM ? "SIGTERM" : "SIGINT"}});
    if (!gateway.Drain(signals, options.drain_time)) {
      Log(LogLevel::kWarning, "stopped at once by a second signal");
      std::_Exit(kExitFailed);
    }
  }
  Log(LogLevel::kInfo, "stopped");
  return 0;
}

}  // namespace
}  // namespace herald::gateway

int main(int argc, char** argv) { return herald::gateway::Main(argc, argv); }
