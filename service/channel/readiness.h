// SPDX-License-Identifier: Apache-2.0
//
// Whether the service answers: it starts until the gateways that were there
// have attached, and stops once.
//
// Threads: any.

#ifndef HERALD_SERVICE_CHANNEL_READINESS_H_
#define HERALD_SERVICE_CHANNEL_READINESS_H_

#include <atomic>

#include "absl/status/status.h"

namespace herald::core {

class Readiness {
 public:
  enum class Phase { kStarting, kSettled, kStopped };

  Phase phase() const { return phase_; }
  bool ready() const { return phase_ == Phase::kSettled; }

  // UNAVAILABLE, and why, unless it is ready.
  absl::Status Check() const {
    switch (phase_.load()) {
      case Phase::kStarting:
        return absl::UnavailableError("the service is starting");
      case Phase::kStopped:
        return absl::UnavailableError("the service is stopping");
      case Phase::kSettled:
        break;
    }
    return absl::OkStatus();
  }

  // The start is over. False if Stop() came first.
  bool Settle() {
    Phase starting = Phase::kStarting;
    return phase_.compare_exchange_strong(starting, Phase::kSettled);
  }

  void Stop() { phase_ = Phase::kStopped; }

 private:
  std::atomic<Phase> phase_{Phase::kStarting};
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_CHANNEL_READINESS_H_
