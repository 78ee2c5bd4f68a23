// SPDX-License-Identifier: Apache-2.0
//
// Counts all events. Logs the events of the link and of accepting, and at the
// level `debug` each event of a socket. A fault that repeats many times a
// second is logged when it begins and when it ends. Faults that clients can
// cause at will are logged once in ten seconds.
//
// Threads: any.

#ifndef HERALD_GATEWAY_PROCESS_PROCESS_OBSERVER_H_
#define HERALD_GATEWAY_PROCESS_PROCESS_OBSERVER_H_

#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gateway/process/metrics.h"
#include "gateway/process/spell.h"
#include "proto/contract/mutex.h"

namespace herald::gateway {

class ProcessObserver final : public GatewayMetrics {
 public:
  using GatewayMetrics::GatewayMetrics;

  // GatewayMetrics, NetObserver:
  bool traces_sockets() const override;
  void OnSocketEvent(const SocketEvent& event) override;
  void OnLinkOpened() override;
  void OnLinkSettled() override;
  void OnLinkEnded(absl::string_view why) override;
  void OnAcceptError() override;
  void OnUpgradeRefused(UpgradeRefusal why, absl::string_view detail) override;

  // Logs the faults that have ended. Called periodically.
  void CheckTroubles() ABSL_LOCKS_EXCLUDED(mu_);

  // Returns true if connections cannot be accepted now.
  bool accept_fails() const ABSL_LOCKS_EXCLUDED(mu_) {
    contract::MutexLock lock(&mu_);
    return no_accept_.lasts();
  }

  // The reason for the missing link; empty if there is a link.
  std::string trouble() const ABSL_LOCKS_EXCLUDED(mu_) {
    contract::MutexLock lock(&mu_);
    return trouble_;
  }

 private:
  // Returns true if a line about a client may be logged now.
  bool MayLogRefusal() ABSL_LOCKS_EXCLUDED(mu_);
  void LogOrigin(absl::string_view origin);
  void LogNoProxy();

  // Returns true if the reason has changed.
  bool SetTrouble(absl::string_view why) ABSL_LOCKS_EXCLUDED(mu_);

  mutable contract::Mutex mu_;
  std::string trouble_ ABSL_GUARDED_BY(mu_);
  Spell no_accept_ ABSL_GUARDED_BY(mu_);
  Spell overrun_ ABSL_GUARDED_BY(mu_);
  absl::Time next_refusal_ ABSL_GUARDED_BY(mu_) = absl::InfinitePast();
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_PROCESS_PROCESS_OBSERVER_H_
