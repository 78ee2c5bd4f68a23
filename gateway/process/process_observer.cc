// SPDX-License-Identifier: Apache-2.0

#include "gateway/process/process_observer.h"

#include <vector>

#include "proto/contract/condition.h"
#include "proto/log/log.h"
#include "proto/process/files.h"

namespace herald::gateway {

using contract::MutexLock;
using process::Log;
using process::LogLevel;

namespace {

// Between two log lines about clients.
constexpr absl::Duration kRefusalPause = absl::Seconds(10);

}  // namespace

bool ProcessObserver::traces_sockets() const {
  return process::Logs(LogLevel::kDebug);
}

void ProcessObserver::OnSocketEvent(const SocketEvent& event) {
  std::vector<process::LogField> fields;
  const auto add = [&](absl::string_view name, absl::string_view text) {
    if (!text.empty()) fields.push_back({name, text});
  };
  add("socket_id", event.socket_id);
  add("remote_address", event.remote_address);
  add("channel", event.channel);
  add("why", event.why);
  if (event.bytes > 0) fields.push_back({"bytes", event.bytes});
  Log(LogLevel::kDebug, event.what, fields);
}

void ProcessObserver::OnLinkOpened() {
  SetTrouble("");
  Log(LogLevel::kInfo, "link opened");
}

void ProcessObserver::OnLinkSettled() { Log(LogLevel::kInfo, "link settled"); }

void ProcessObserver::OnLinkEnded(absl::string_view why) {
  GatewayMetrics::OnLinkEnded(why);
  // The link is retried several times a second, so only changes are logged.
  if (!SetTrouble(why)) return;
  Log(LogLevel::kWarning, "link ended", {{"why", std::string(why)}});
}

void ProcessObserver::OnAcceptError() {
  GatewayMetrics::OnAcceptError();
  {
    MutexLock lock(&mu_);
    if (!no_accept_.Come(contract::SteadyNow())) return;
  }
  Log(LogLevel::kWarning, "accept failed",
      {{"files_max", process::FilesMax()}});
}

void ProcessObserver::OnUpgradeRefused(UpgradeRefusal why,
                                       absl::string_view detail) {
  GatewayMetrics::OnUpgradeRefused(why, detail);
  if (why == UpgradeRefusal::kOrigin) return LogOrigin(detail);
  if (why == UpgradeRefusal::kNoProxy) return LogNoProxy();
  if (why != UpgradeRefusal::kOverrun) return;
  {
    MutexLock lock(&mu_);
    if (!overrun_.Come(contract::SteadyNow())) return;
  }
  Log(LogLevel::kWarning,
      "connection rate above the limit, refusing connections",
      {{"see", "BROADCAST_MAX_CONNECT_RATE"}});
}

void ProcessObserver::CheckTroubles() {
  bool accepts = false;
  bool keeps_up = false;
  {
    MutexLock lock(&mu_);
    const absl::Time now = contract::SteadyNow();
    accepts = no_accept_.End(now);
    keeps_up = overrun_.End(now);
  }
  if (accepts) Log(LogLevel::kInfo, "accept works again");
  if (keeps_up) {
    Log(LogLevel::kInfo,
        "connection rate back below BROADCAST_MAX_CONNECT_RATE");
  }
}

bool ProcessObserver::MayLogRefusal() {
  MutexLock lock(&mu_);
  const absl::Time now = contract::SteadyNow();
  if (now < next_refusal_) return false;
  next_refusal_ = now + kRefusalPause;
  return true;
}

void ProcessObserver::LogOrigin(absl::string_view origin) {
  constexpr size_t kBytesMax = 200;
  if (!MayLogRefusal()) return;
  Log(LogLevel::kWarning, "origin refused; no other is logged during the pause",
      {{"origin", std::string(origin.substr(0, kBytesMax))},
       {"pause", absl::FormatDuration(kRefusalPause)},
       {"see", "BROADCAST_ALLOWED_ORIGINS"}});
}

void ProcessObserver::LogNoProxy() {
  if (!MayLogRefusal()) return;
  Log(LogLevel::kWarning, "connection closed: no PROXY header",
      {{"see", "BROADCAST_PROXY_PROTOCOL"}});
}

bool ProcessObserver::SetTrouble(absl::string_view why) {
  MutexLock lock(&mu_);
  if (trouble_ == why) return false;
  trouble_ = std::string(why);
  return true;
}

}  // namespace herald::gateway
