// SPDX-License-Identifier: Apache-2.0
//
// Counts, and logs what happens to the link and to accepting, and at the level
// `debug` to each socket.
//
// Threads: any.

#ifndef HERALD_GATEWAY_PROCESS_PROCESS_OBSERVER_H_
#define HERALD_GATEWAY_PROCESS_PROCESS_OBSERVER_H_

#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gateway/process/metrics.h"
#include "proto/contract/mutex.h"

namespace herald::gateway {

// A trouble that comes many times a second while it lasts, so that only its
// beginning and its end are worth a line.
//
// Threads: none of its own; its owner locks.
class Spell {
 public:
  // It has come. True if that is the beginning.
  bool Come(absl::Duration uptime) {
    const bool first = !last_.has_value();
    last_ = uptime;
    return first;
  }

  bool lasts() const { return last_.has_value(); }

  // True once it is over, once: it has not come for two seconds.
  bool End(absl::Duration uptime);

 private:
  std::optional<absl::Duration> last_;  // While it lasts.
};

// What comes many times a second is logged when it begins and when it is over,
// and what clients can cause at will once in ten seconds.
class ProcessObserver final : public Metrics {
 public:
  using Metrics::Metrics;

  // Metrics, NetObserver:
  bool traces_sockets() const override;
  void OnSocketEvent(const SocketEvent& event) override;
  void OnLinkOpened() override;
  void OnLinkSettled() override;
  void OnLinkEnded(absl::string_view why) override;
  void OnAcceptError() override;
  void OnUpgradeRefused(UpgradeRefusal why, absl::string_view detail) override;

  // Logs what is over. Called now and then.
  void CheckTroubles() ABSL_LOCKS_EXCLUDED(mu_);

  // Whether connections cannot be accepted at the moment.
  bool accept_fails() const ABSL_LOCKS_EXCLUDED(mu_) {
    contract::MutexLock lock(&mu_);
    return no_accept_.lasts();
  }

  // Why there is no link; empty if there is one.
  std::string trouble() const ABSL_LOCKS_EXCLUDED(mu_) {
    contract::MutexLock lock(&mu_);
    return trouble_;
  }

 private:
  // Clients decide how often these come, so few are logged.
  bool MayLogRefusal() ABSL_LOCKS_EXCLUDED(mu_);
  void LogOrigin(absl::string_view origin);
  void LogNoProxy();

  // True if that is news.
  bool SetTrouble(absl::string_view why) ABSL_LOCKS_EXCLUDED(mu_);

  mutable contract::Mutex mu_;
  std::string trouble_ ABSL_GUARDED_BY(mu_);
  Spell no_accept_ ABSL_GUARDED_BY(mu_);
  Spell overrun_ ABSL_GUARDED_BY(mu_);
  absl::Duration next_refusal_ ABSL_GUARDED_BY(mu_);
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_PROCESS_PROCESS_OBSERVER_H_
