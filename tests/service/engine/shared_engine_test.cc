// SPDX-License-Identifier: Apache-2.0
//
// Nodes that share a store pass the suite of every engine, alone and beside
// another node, and that of clusters.

#include "tests/service/engine/shared_engine.h"

#include <random>

#include "tests/contract/engine_cluster_bus_suite.h"
#include "tests/contract/engine_cluster_failure_suite.h"
#include "tests/contract/engine_cluster_log_suite.h"
#include "tests/contract/engine_cluster_members_suite.h"
#include "tests/contract/engine_departure_suite.h"
#include "tests/contract/engine_directory_suite.h"
#include "tests/contract/engine_history_suite.h"
#include "tests/contract/engine_lease_suite.h"
#include "tests/contract/engine_presence_suite.h"
#include "tests/contract/engine_suite.h"
#include "tests/contract/node_bus_suite.h"

namespace herald::core {
namespace {

// One node.
class SharedWorld : public EngineWorld {
 public:
  explicit SharedWorld(FakeTimers* timers, int nodes = 1)
      : store_(timers, nodes, [this] { return random_(); }) {}
  Engine& engine() override { return store_.node(0); }
  void Settle() override { store_.Settle(); }

 protected:
  SharedStore& store() { return store_; }

 private:
  std::mt19937 random_;
  SharedStore store_;
};

std::unique_ptr<EngineWorld> MakeSharedWorld(FakeTimers* timers) {
  return std::make_unique<SharedWorld>(timers);
}

// A second node has the same channels open.
class AccompaniedWorld final : public SharedWorld {
 public:
  explicit AccompaniedWorld(FakeTimers* timers) : SharedWorld(timers, 2) {
    other_.rules.history_size = 10;
    store().node(1).SetListener(&other_);
  }
  ~AccompaniedWorld() override { EXPECT_EQ(other_.losses, 0); }

  void Settle() override {
    store().Settle();
    Accompany();
    store().Settle();
  }

 private:
  void Accompany() {
    SharedEngine& node = store().node(1);
    const auto wanted = store().node(0).channels().Limits();
    const auto open = node.channels().Limits();
    for (const auto& [channel, limits] : open) {
      if (wanted.contains(channel)) continue;
      other_.WithChannel(channel, [&, &name = channel] { node.Close(name); });
    }
    for (const auto& [channel, limits] : wanted) {
      const auto known = open.find(channel);
      if (known != open.end() && known->second == limits) continue;
      other_.WithChannel(channel, [&, &name = channel, &size = limits] {
        node.Open(name, size, [](const absl::Status&) {});
      });
    }
  }

  RecordingListener other_;
};

std::unique_ptr<EngineWorld> MakeAccompaniedWorld(FakeTimers* timers) {
  return std::make_unique<AccompaniedWorld>(timers);
}

INSTANTIATE_TEST_SUITE_P(Shared, AnEngine,
                         ::testing::Values(&MakeSharedWorld,
                                           &MakeAccompaniedWorld));
INSTANTIATE_TEST_SUITE_P(Shared, ANodeBus,
                         ::testing::Values(&MakeSharedWorld,
                                           &MakeAccompaniedWorld));

class TwoNodes final : public ClusterWorld {
 public:
  TwoNodes(FakeTimers* timers, uint32_t seed)
      : random_(seed), store_(timers, 2, [this] { return random_(); }) {}

  Engine& engine(int node) override { return store_.node(node); }
  NodeBus& bus(int node) override { return store_.node(node); }
  std::string NameOf(int node) override { return SharedStore::NameOf(node); }
  void Settle() override { store_.Settle(); }
  void SettlePartly() override {
    for (uint32_t i = random_() % 4; i > 0; --i) store_.Turn();
  }
  void Cut(int node) override { store_.Cut(node); }
  void Reconnect(int node) override { store_.Reconnect(node); }
  void ForgetEnd() override { store_.ForgetEnd(); }
  void Kill(int node) override { store_.Kill(node); }

 private:
  std::mt19937 random_;
  SharedStore store_;
};

std::unique_ptr<ClusterWorld> MakeTwoNodes(FakeTimers* timers, uint32_t seed) {
  return std::make_unique<TwoNodes>(timers, seed);
}

INSTANTIATE_TEST_SUITE_P(Shared, ACluster, ::testing::Values(&MakeTwoNodes));

// Publishes at node 0 of a store that is down.
TEST(ASharedStore, RefusesWhileItIsDown) {
  FakeTimers timers;
  RecordingListener listener;
  std::mt19937 random;
  SharedStore store(&timers, 1, [&] { return random(); });
  SharedEngine& engine = store.node(0);
  engine.SetListener(&listener);
  absl::Status last;
  const auto publish = [&](const char* data) {
    auto publication = std::make_shared<Publication>();
    publication->channel = "a";
    publication->data = data;
    listener.WithChannel("a", [&] {
      engine.Publish(std::move(publication),
                     {.idempotency_key = {}, .history = {10}},
                     [&](auto receipt) { last = receipt.status(); });
    });
    store.Settle();
  };
  listener.WithChannel(
      "a", [&] { engine.Open("a", {10}, [](const absl::Status&) {}); });
  publish("1");
  EXPECT_TRUE(last.ok()) << last;
  store.SetUp(false);
  publish("2");
  EXPECT_TRUE(absl::IsUnavailable(last)) << last;
  store.SetUp(true);
  publish("3");
  EXPECT_TRUE(last.ok()) << last;
  EXPECT_THAT(listener.received,
              ::testing::ElementsAre("a begins at 0", "a: 1", "a: 3"));
}

}  // namespace
}  // namespace herald::core
