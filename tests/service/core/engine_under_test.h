// SPDX-License-Identifier: Apache-2.0
//
// The engine that the core's tests run on: the embedded one, or with
// HERALD_SLOW_ENGINE that one behind a SlowEngine, which has answered all when
// a test looks.

#ifndef HERALD_TESTS_SERVICE_CORE_ENGINE_UNDER_TEST_H_
#define HERALD_TESTS_SERVICE_CORE_ENGINE_UNDER_TEST_H_

#include <cstdint>
#include <random>

#include "service/memory/memory_engine.h"
#include "tests/service/core/hub_fakes.h"

#ifdef HERALD_SLOW_ENGINE
#include "tests/service/engine/slow_engine.h"
#endif

namespace herald::core {

class EngineUnderTest {
 public:
  EngineUnderTest(FakeTimers* timers, FakeAuthorizer* authorizer)
      : memory_(timers, {.history_bytes_max = kHistoryBytes}) {
    timers->after_each = [this] { Settle(); };
    authorizer->after_each = [this] { Settle(); };
  }

#ifdef HERALD_SLOW_ENGINE
  Engine* get() { return &slow_; }
  void Settle() { slow_.Settle(); }
#else
  Engine* get() { return &memory_; }
  void Settle() {}
#endif

  // BROADCAST_HISTORY_MEMORY.
  static constexpr int64_t kHistoryBytes = 4 << 20;

 private:
  MemoryEngine memory_;
#ifdef HERALD_SLOW_ENGINE
  std::mt19937 random_;
  SlowEngine slow_{&memory_, [this] { return random_(); }};
#endif
};

}  // namespace herald::core

#endif  // HERALD_TESTS_SERVICE_CORE_ENGINE_UNDER_TEST_H_
