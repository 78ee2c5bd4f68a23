// SPDX-License-Identifier: Apache-2.0
//
// herald-service on a SlowEngine: each thing that the engine is asked is done
// some tenths of a millisecond later, on a thread of its own, in any order of
// channels. For tests, which start it in place of herald-service.

#include <unistd.h>

#include <memory>
#include <random>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "proto/contract/condition.h"
#include "proto/contract/mutex.h"
#include "service/engine/memory_engine.h"
#include "service/program.h"
#include "tests/service/engine/slow_engine.h"

namespace herald {
namespace {

// Before the SlowEngine that uses it.
struct Inner {
  explicit Inner(std::unique_ptr<core::Engine> engine)
      : inner(std::move(engine)) {}
  const std::unique_ptr<core::Engine> inner;
  std::mt19937 random;
};

class TurningEngine final : private Inner, public core::SlowEngine {
 public:
  explicit TurningEngine(std::unique_ptr<core::Engine> engine)
      : Inner(std::move(engine)),
        SlowEngine(
            inner.get(), [this] { return random(); }, [this] { Wake(); }),
        thread_([this] { Run(); }) {}
  ~TurningEngine() override { Stop(); }

  void Stop() override {
    {
      contract::MutexLock lock(&mu_);
      stopped_ = true;
      changed_.NotifyAll();
    }
    if (thread_.joinable()) thread_.join();
  }

 private:
  void Wake() {
    contract::MutexLock lock(&mu_);
    awake_ = true;
    changed_.NotifyAll();
  }

  void Run() {
    for (;;) {
      {
        contract::MutexLock lock(&mu_);
        while (!awake_ && !stopped_) changed_.Wait(&mu_);
        if (stopped_) return;
        awake_ = false;
      }
      usleep(300);
      Settle();
    }
  }

  contract::Mutex mu_;
  contract::Condition changed_;
  bool awake_ ABSL_GUARDED_BY(mu_) = false;
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;  // Last: it uses all above.
};

}  // namespace
}  // namespace herald

int main(int argc, char** argv) {
  return herald::service::RunService(
      argc, argv,
      [](const herald::service::Options& options,
         herald::core::Timers* timers) {
        return std::make_unique<herald::TurningEngine>(
            std::make_unique<herald::core::MemoryEngine>(
                timers, herald::core::MemoryEngineOptions{
                            .history_bytes_max = options.history_memory}));
      });
}
