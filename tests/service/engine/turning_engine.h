// SPDX-License-Identifier: Apache-2.0
//
// A SlowEngine with a thread that has its turns: each call is executed some
// tenths of a millisecond later, in any order of channels.

#ifndef HERALD_TESTS_SERVICE_ENGINE_TURNING_ENGINE_H_
#define HERALD_TESTS_SERVICE_ENGINE_TURNING_ENGINE_H_

#include <memory>
#include <random>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "proto/contract/condition.h"
#include "proto/contract/mutex.h"
#include "tests/service/engine/slow_engine.h"

namespace herald::core {

// Before the SlowEngine that uses it.
struct TurnedEngine {
  explicit TurnedEngine(std::unique_ptr<Engine> engine)
      : inner(std::move(engine)) {}
  const std::unique_ptr<Engine> inner;
  std::mt19937 random;
};

class TurningEngine final : private TurnedEngine, public SlowEngine {
 public:
  // `inner` calls back before it returns.
  explicit TurningEngine(std::unique_ptr<Engine> inner);
  ~TurningEngine() override { Stop(); }

  void Stop() override;

 private:
  void Wake();
  void Run();

  contract::Mutex wake_mu_;
  contract::Condition changed_;
  bool awake_ ABSL_GUARDED_BY(wake_mu_) = false;
  bool stopped_ ABSL_GUARDED_BY(wake_mu_) = false;
  std::thread thread_;  // Last: it uses all above.
};

}  // namespace herald::core

#endif  // HERALD_TESTS_SERVICE_ENGINE_TURNING_ENGINE_H_
