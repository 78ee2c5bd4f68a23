// SPDX-License-Identifier: Apache-2.0

#include "tests/service/engine/turning_engine.h"

#include <unistd.h>

namespace herald::core {

TurningEngine::TurningEngine(std::unique_ptr<Engine> inner_engine)
    : TurnedEngine(std::move(inner_engine)),
      SlowEngine(
          inner.get(), [this] { return random(); }, [this] { Wake(); }),
      thread_([this] { Run(); }) {}

void TurningEngine::Stop() {
  {
    contract::MutexLock lock(&wake_mu_);
    stopped_ = true;
    changed_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

void TurningEngine::Wake() {
  contract::MutexLock lock(&wake_mu_);
  awake_ = true;
  changed_.NotifyAll();
}

void TurningEngine::Run() {
  for (;;) {
    {
      contract::MutexLock lock(&wake_mu_);
      while (!awake_ && !stopped_) changed_.Wait(&wake_mu_);
      if (stopped_) return;
      awake_ = false;
    }
    usleep(300);
    Settle();
  }
}

}  // namespace herald::core
