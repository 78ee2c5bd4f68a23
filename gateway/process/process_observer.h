// SPDX-License-Identifier: Apache-2.0
//
// Counts, and logs events of the link and of accepting, and at the level
// `debug` of each socket. A trouble that comes many times a second is logged
// when it begins and when it is over, and one that clients can cause at will
// once in ten seconds.
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

  // Logs the troubles that are over. Called now and then.
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
  // Whether a line about a client may be logged now.
  bool MayLogRefusal() ABSL_LOCKS_EXCLUDED(mu_);
  void LogOrigin(absl::string_view origin);
  void LogNoProxy();

  // True if that is news.
  bool SetTrouble(absl::string_view why) ABSL_LOCKS_EXCLUDED(mu_);

  mutable contract::Mutex mu_;
  std::string trouble_ ABSL_GUARDED_BY(mu_);
  Spell no_accept_ ABSL_GUARDED_BY(mu_);
  Spell overrun_ ABSL_GUARDED_BY(mu_);
  absl::Time next_refusal_ ABSL_GUARDED_BY(mu_) = absl::InfinitePast();
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_PROCESS_PROCESS_OBSERVER_H_
