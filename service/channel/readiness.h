// SPDX-License-Identifier: Apache-2.0
//
// Whether the service answers: it starts until the gateways that were there
// have attached, stops once, and does not answer while its engine is away.
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
  // Whether the start is over and the service not stopped.
  bool settled() const { return phase_ == Phase::kSettled; }
  bool engine_up() const { return engine_up_; }
  bool ready() const { return settled() && engine_up(); }

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
    if (!engine_up_) {
      return absl::UnavailableError("the engine cannot be reached");
    }
    return absl::OkStatus();
  }

  // The start is over. False if Stop() came first.
  bool Settle() {
    Phase starting = Phase::kStarting;
    return phase_.compare_exchange_strong(starting, Phase::kSettled);
  }

  void Stop() { phase_ = Phase::kStopped; }

  void SetEngineUp(bool up) { engine_up_ = up; }

 private:
  std::atomic<Phase> phase_{Phase::kStarting};
  std::atomic<bool> engine_up_{true};
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_CHANNEL_READINESS_H_
