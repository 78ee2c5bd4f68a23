// SPDX-License-Identifier: Apache-2.0
//
// A SlowEngine passes the suite of every engine, and is slow.

#include "tests/service/engine/slow_engine.h"

#include <random>

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

class SlowWorld final : public EngineWorld {
 public:
  explicit SlowWorld(FakeTimers* timers) : memory_(timers) {}
  Engine& engine() override { return slow_; }
  void Settle() override { slow_.Settle(); }

  SlowEngine& slow() { return slow_; }

 private:
  std::mt19937 random_;
  MemoryEngine memory_;
  SlowEngine slow_{&memory_, [this] { return random_(); }};
};

std::unique_ptr<EngineWorld> MakeSlowWorld(FakeTimers* timers) {
  return std::make_unique<SlowWorld>(timers);
}

INSTANTIATE_TEST_SUITE_P(Slow, AnEngine, ::testing::Values(&MakeSlowWorld));
INSTANTIATE_TEST_SUITE_P(Slow, ANodeBus, ::testing::Values(&MakeSlowWorld));

class TheSlowEngine : public ::testing::Test {
 protected:
  TheSlowEngine() { engine_.SetListener(&listener_); }

  void Publish(const std::string& channel, const std::string& data) {
    auto publication = std::make_shared<Publication>();
    publication->channel = channel;
    publication->data = data;
    listener_.WithChannel(channel, [&] {
      engine_.Publish(std::move(publication), {},
                      [this](auto receipt) { last_ = receipt.status(); });
    });
  }

  FakeTimers timers_;
  RecordingListener listener_;
  SlowWorld world_{&timers_};
  SlowEngine& engine_ = world_.slow();
  absl::Status last_ = absl::InternalError("none");
};

TEST_F(TheSlowEngine, DoesNothingInsideTheCall) {
  Publish("a", "1");
  EXPECT_THAT(listener_.received, ::testing::IsEmpty());
  EXPECT_TRUE(absl::IsInternal(last_));
  EXPECT_TRUE(engine_.Turn());
  EXPECT_THAT(listener_.received, ::testing::ElementsAre("a: 1"));
  EXPECT_TRUE(last_.ok()) << last_;
  EXPECT_FALSE(engine_.Turn());
}

TEST_F(TheSlowEngine, KeepsTheOrderOfAChannelAndOfNothingElse) {
  int overtaken = 0;
  for (int round = 0; round < 20; ++round) {
    Publish("a", "1");
    Publish("a", "2");
    Publish("b", "3");
    engine_.Settle();
    const auto received = std::exchange(listener_.received, {});
    ASSERT_EQ(received.size(), 3u);
    EXPECT_LT(std::find(received.begin(), received.end(), "a: 1"),
              std::find(received.begin(), received.end(), "a: 2"));
    overtaken += received.back() != "b: 3" ? 1 : 0;
  }
  EXPECT_GT(overtaken, 0);
  EXPECT_LT(overtaken, 20);
}

TEST_F(TheSlowEngine, RefusesWhileItIsDown) {
  engine_.SetUp(false);
  Publish("a", "1");
  engine_.Settle();
  EXPECT_TRUE(absl::IsUnavailable(last_)) << last_;
  EXPECT_THAT(listener_.received, ::testing::IsEmpty());
  engine_.SetUp(true);
  Publish("a", "2");
  engine_.Settle();
  EXPECT_THAT(listener_.received, ::testing::ElementsAre("a: 2"));
}

}  // namespace
}  // namespace herald::core
