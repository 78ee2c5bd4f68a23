// SPDX-License-Identifier: Apache-2.0
//
// The memory engine passes the suite of every engine, and does what only it
// promises: it calls back before it returns.

#include "service/engine/memory_engine.h"

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

TEST(TheMemoryEngine, SaysHowManyHistoriesItHasGivenUp) {
  FakeTimers timers;
  RecordingListener counter;
  MemoryEngine engine(&timers, {.history_bytes_max = 10'000, .random = {}});
  engine.SetListener(&counter);
  for (int i = 0; i < 100; ++i) engine.PositionOf(absl::StrCat(i), {10});
  EXPECT_GT(counter.evicted, 80);
  EXPECT_EQ(counter.evicted, 100 - engine.HistoryCount());
  for (int i = 0; i < 100; ++i) {
    auto publication = std::make_shared<Publication>();
    publication->channel = absl::StrCat(i);
    engine.Publish(std::move(publication),
                   {.idempotency_key = {}, .history = {10}},
                   [](const auto&) {});
  }
  EXPECT_LE(engine.HistoryBytes(), 10'000);
  EXPECT_GT(counter.evicted, 160);
}

}  // namespace
}  // namespace herald::core
