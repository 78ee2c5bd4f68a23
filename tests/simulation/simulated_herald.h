// SPDX-License-Identifier: Apache-2.0
//
// The cores of a service and of two gateways, joined by links that are queues:
// an item in flight arrives when the test wants it, and is gone when the link
// or one of its ends is. The service's engine answers inside the call, or when
// the test wants it; or the service is two nodes that share a store. One
// thread, no clock: the same seed is the same run.

#ifndef HERALD_TESTS_SIMULATION_SIMULATED_HERALD_H_
#define HERALD_TESTS_SIMULATION_SIMULATED_HERALD_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "gateway/dialects/native/native_dialect.h"
#include "gateway/router/router.h"
#include "gateway/session/shard.h"
#include "herald/config/v1/config.pb.h"
#include "service/memory/memory_engine.h"
#include "tests/gateway/fakes.h"
#include "tests/service/core/hub.h"
#include "tests/service/core/hub_fakes.h"
#include "tests/service/engine/shared_engine.h"
#include "tests/service/engine/slow_engine.h"

namespace herald::simulation {

inline constexpr int kGateways = 2;
inline constexpr int kLoops = 2;
inline constexpr int kNodesMax = 2;
// Departures of a user at once. One, so that some are delayed.
inline constexpr int kDepartures = 1;

enum class EngineKind { kEmbedded, kSlow, kShared };

// Both directions of one link, as long as it lives; a Watch has one.
struct Wire {
  std::deque<std::string> up;
  std::deque<core::Chunk> down;
  bool broken = false;
  std::string loses;  // The channel whose next publication is lost.
};

class SimulatedGateway {
 public:
  explicit SimulatedGateway(uint64_t id);
  ~SimulatedGateway();

  // One connection: opened at a loop, read in Take().
  struct Browser {
    gateway::FakeSocket socket;
    gateway::Session* session = nullptr;
    int loop = 0;
  };
  std::unique_ptr<Browser> Open(int loop);
  void Send(Browser& browser, const std::string& text);
  void Close(Browser& browser);

  // A loop takes its batches and writes.
  void Turn(int loop);
  bool idle(int loop) const { return loops_[loop].batches.empty(); }

  gateway::Router& router() { return router_; }

 private:
  struct FakeLoop final : gateway::Loop, gateway::ShardInbox {
    void RequestFlush() override {}
    void RequestFlushAt(absl::Time /*when*/) override {}
    absl::Time Now() const override { return absl::FromUnixSeconds(1000); }
    absl::Time Monotonic() const override { return Now(); }
    void Post(std::vector<gateway::Delivery> batch) override {
      batches.push_back(std::move(batch));
    }
    std::deque<std::vector<gateway::Delivery>> batches;
    std::unique_ptr<gateway::Shard> shard;
  };

  gateway::GatewayObserver observer_;
  gateway::NativeDialect dialect_;
  gateway::Router router_;
  FakeLoop loops_[kLoops];
  uint64_t opened_ = 0;
};

class SimulatedHerald {
 public:
  // `epochs` gives epochs. An engine that is not embedded answers in
  // EngineTurn() only, where `turns` chooses whose turn it is. A shared one
  // calls `published` with each publication, in the order of the store.
  using Published =
      std::function<void(const core::Publication&, const core::Position&)>;
  SimulatedHerald(config::v1::Config rules, int64_t history_bytes_max,
                  EngineKind kind, std::function<uint64_t()> epochs,
                  std::function<uint64_t()> turns, Published published);
  ~SimulatedHerald();

  // Of a node; the only one has number 0. And of the node that the gateway is
  // attached to, or will be.
  core::Hub& hub(int node) { return *services_[node].hub; }
  core::Hub& HubOf(int gateway) { return hub(homes_[gateway]); }
  core::FakeAuthorizer& authorizer(int node) {
    return *services_[node].authorizer;
  }
  int nodes() const { return kind_ == EngineKind::kShared ? kNodesMax : 1; }
  // Nullptr if there is none.
  core::SharedStore* store() { return store_.get(); }
  SimulatedGateway& gateway(int index) { return *gateways_[index]; }

  // All gateways attach, and the start of the nodes is over.
  void Start();

  // Breaks, repairs or changes the store or a node's way to it, by lot: `draw`
  // returns a number below its argument. REQUIRES: there is a store.
  void TroubleStore(absl::FunctionRef<int(int end)> draw);
  // Ends all of that. Without a store does nothing.
  void RepairStore();

  // The gateway dials, if it has no link.
  void Connect(int gateway);
  // The link ends, and all items in flight are lost.
  void Cut(int gateway);
  // The next publication of a channel does not arrive at the gateway.
  void Lose(int gateway, const std::string& channel);
  // One item in flight arrives. False if there is none.
  bool Up(int gateway);
  bool Down(int gateway);

  // The engine does one call that waits. False if there is none.
  bool EngineTurn();

  // A backend's Watch: its end of the stream. It is empty if the service does
  // not take it now.
  struct Watch {
    v1::WatchRequest request;
    std::shared_ptr<Wire> wire;
    int node = 0;
  };
  std::optional<Watch> OpenWatch(v1::WatchRequest request, int node);
  void CloseWatch(const Watch& watch);

  // The node's links and Watches end with it, and its gateways attach to the
  // other one, if there is one.
  void RestartService(int node);
  void SetRules(config::v1::Config rules);
  void Sleep(absl::Duration time);
  absl::Time now() const;

 private:
  class Sink;
  class Uplink;

  struct Service {
    std::unique_ptr<core::FakeTimers> timers;
    std::unique_ptr<core::MemoryEngine> memory;  // Unless it is shared.
    std::unique_ptr<core::SlowEngine> slow;      // Before it, if there is one.
    std::unique_ptr<core::FakeAuthorizer> authorizer;
    std::unique_ptr<core::Hub> hub;
  };

  void StartService(int node);
  core::Engine* MakeEngine(int node);
  // Ends the links and Watches that the node has not ended itself.
  void BreakWires(int node);
  void CutBroken();

  config::v1::Config rules_;
  const int64_t history_bytes_max_;
  const EngineKind kind_;
  const std::function<uint64_t()> epochs_;
  const std::function<uint64_t()> turns_;
  core::ServiceObserver observer_;
  core::FakeTimers store_timers_;
  std::unique_ptr<core::SharedStore> store_;
  Service services_[kNodesMax];
  std::unique_ptr<SimulatedGateway> gateways_[kGateways];
  std::shared_ptr<Wire> wires_[kGateways];
  core::AttachmentPtr attachments_[kGateways];
  int homes_[kGateways] = {};  // The nodes that they attach to.
  struct OpenedWatch {
    core::SinkPtr sink;
    int node = 0;
  };
  std::map<std::shared_ptr<Wire>, OpenedWatch> watches_;
};

}  // namespace herald::simulation

#endif  // HERALD_TESTS_SIMULATION_SIMULATED_HERALD_H_
