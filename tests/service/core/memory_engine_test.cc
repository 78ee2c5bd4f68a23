// SPDX-License-Identifier: Apache-2.0
//
// The memory engine passes the suite of every engine, and does what only it
// promises: it calls back before it returns.

#include "service/core/memory_engine.h"

#include "tests/contract/engine_history_suite.h"
#include "tests/contract/engine_presence_suite.h"
#include "tests/contract/engine_suite.h"

namespace herald::core {
namespace {

std::unique_ptr<Engine> MakeMemoryEngine(const Timers* timers) {
  return std::make_unique<MemoryEngine>(timers);
}

INSTANTIATE_TEST_SUITE_P(Memory, AnEngine,
                         ::testing::Values(&MakeMemoryEngine));

TEST(TheMemoryEngine, CallsBackBeforeItReturns) {
  FakeTimers timers;
  RecordingListener listener;
  MemoryEngine engine(&timers);
  engine.SetListener(&listener);
  bool done = false;
  engine.Publish(std::make_shared<Publication>(), {},
                 [&](const auto&) { done = true; });
  EXPECT_TRUE(done);
  EXPECT_EQ(listener.heard.size(), 1u);
}

}  // namespace
}  // namespace herald::core
