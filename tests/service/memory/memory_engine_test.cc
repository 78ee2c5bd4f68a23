// SPDX-License-Identifier: Apache-2.0
//
// The memory engine passes the suite of every engine, and keeps a promise of
// its own: it calls back before it returns.

#include "service/memory/memory_engine.h"

#include "tests/contract/engine_departure_suite.h"
#include "tests/contract/engine_directory_suite.h"
#include "tests/contract/engine_history_suite.h"
#include "tests/contract/engine_lease_suite.h"
#include "tests/contract/engine_presence_suite.h"
#include "tests/contract/engine_suite.h"
#include "tests/contract/node_bus_suite.h"

namespace herald::core {
namespace {

class MemoryWorld final : public EngineWorld {
 public:
  explicit MemoryWorld(FakeTimers* timers) : engine_(timers) {}
  Engine& engine() override { return engine_; }
  void Settle() override {}

 private:
  MemoryEngine engine_;
};

std::unique_ptr<EngineWorld> MakeMemoryWorld(FakeTimers* timers) {
  return std::make_unique<MemoryWorld>(timers);
}

INSTANTIATE_TEST_SUITE_P(Memory, AnEngine, ::testing::Values(&MakeMemoryWorld));
INSTANTIATE_TEST_SUITE_P(Memory, ANodeBus, ::testing::Values(&MakeMemoryWorld));

TEST(TheMemoryEngine, CallsBackBeforeItReturns) {
  FakeTimers timers;
  RecordingListener listener;
  MemoryEngine engine(&timers);
  engine.SetListener(&listener);
  bool done = false;
  auto publication = std::make_shared<Publication>();
  publication->channel = "a";
  listener.WithChannel("a", [&] {
    engine.Publish(publication, {}, [&](const auto&) { done = true; });
    EXPECT_TRUE(done);
  });
  EXPECT_EQ(listener.received.size(), 1u);
}

TEST(TheMemoryEngine, HasNoOtherNodes) {
  FakeTimers timers;
  RecordingListener listener;
  MemoryEngine engine(&timers);
  engine.SetListener(&listener);
  bool done = false;
  engine.ListNodes([&](const auto& nodes) {
    done = true;
    EXPECT_TRUE(nodes.ok() && nodes->empty());
  });
  EXPECT_TRUE(done);
}

TEST(TheMemoryEngine, CountsEvictedHistories) {
  FakeTimers timers;
  RecordingListener counter;
  MemoryEngine engine(&timers, {.history_bytes_max = 10'000});
  engine.SetListener(&counter);
  for (int i = 0; i < 100; ++i) {
    const std::string channel = absl::StrCat(i);
    counter.WithChannel(channel, [&] {
      engine.Open(channel, {10}, [](const absl::Status&) {});
    });
  }
  EXPECT_GT(counter.evicted, 80);
  EXPECT_EQ(counter.evicted, 100 - engine.Counts().histories);
  for (int i = 0; i < 100; ++i) {
    auto publication = std::make_shared<Publication>();
    publication->channel = absl::StrCat(i);
    counter.WithChannel(publication->channel, [&] {
      engine.Publish(publication, {.idempotency_key = {}, .history = {10}},
                     [](const auto&) {});
    });
  }
  EXPECT_LE(engine.Counts().history_bytes, 10'000);
  EXPECT_GT(counter.evicted, 160);
}

TEST(TheMemoryEngine, CountsDelayedDepartures) {
  FakeTimers timers;
  RecordingListener counter;
  MemoryEngine engine(&timers);
  engine.SetListener(&counter);
  int64_t attach = 0;
  engine.Attach(1, [&](auto number) { attach = number.value_or(0); });
  counter.WithChannel("presence-room", [&] {
    for (int64_t i = 0; i < kDeparturesAtOnce + 5; ++i) {
      AdmissionRequest subscription;
      subscription.socket = {1, "1.1"};
      subscription.attach = attach;
      subscription.member.emplace().set_user_id("eve");
      engine.Admit("presence-room", subscription, [](Admission) {});
      engine.Dismiss("presence-room", "eve", subscription.socket, attach, {});
    }
  });
  EXPECT_EQ(counter.delayed, 5);
}

}  // namespace
}  // namespace herald::core
