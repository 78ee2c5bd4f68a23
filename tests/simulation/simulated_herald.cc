// SPDX-License-Identifier: Apache-2.0

#include "tests/simulation/simulated_herald.h"

#include <utility>

#include "gateway/uplink/uplink_chunk.h"
#include "service/channel/encoding.h"

namespace herald::simulation {

SimulatedGateway::SimulatedGateway(uint64_t id)
    : router_(id, "simulated", &observer_) {
  std::vector<gateway::ShardInbox*> inboxes;
  for (int i = 0; i < kLoops; ++i) {
    FakeLoop& loop = loops_[i];
    loop.shard = std::make_unique<gateway::Shard>(
        gateway::ShardOptions{i, 100}, &router_, &loop, &observer_, loop.Now());
    inboxes.push_back(&loop);
  }
  router_.SetShards(std::move(inboxes));
}

SimulatedGateway::~SimulatedGateway() = default;

std::unique_ptr<SimulatedGateway::Browser> SimulatedGateway::Open(int loop) {
  auto browser = std::make_unique<Browser>();
  browser->loop = loop;
  gateway::Shard& shard = *loops_[loop].shard;
  // The number of the loop is part of the id.
  const uint64_t number = kLoops * ++opened_ + static_cast<uint64_t>(loop);
  browser->session =
      shard.Open(&browser->socket, &dialect_, number,
                 shard.headers().Make(gateway::HeaderPool::Builder("::1")));
  shard.FlushDirty();
  browser->socket.Take();
  return browser;
}

void SimulatedGateway::Send(Browser& browser, const std::string& text) {
  loops_[browser.loop].shard->Receive(browser.session, text);
}

void SimulatedGateway::Close(Browser& browser) {
  loops_[browser.loop].shard->Closed(std::exchange(browser.session, nullptr));
}

void SimulatedGateway::Turn(int loop) {
  FakeLoop& one = loops_[loop];
  for (auto& batch : std::exchange(one.batches, {})) {
    for (gateway::Delivery& item : batch) one.shard->Deliver(item);
  }
  one.shard->FlushDirty();
}

// The service's end of a link.
class SimulatedHerald::Sink final : public core::Sink {
 public:
  explicit Sink(std::shared_ptr<Wire> wire) : wire_(std::move(wire)) {}
  void Enqueue(core::Chunk chunk) override {
    if (!IsLost(*chunk)) EnqueueState(std::move(chunk));
  }
  void EnqueueState(core::Chunk chunk) override {
    if (!wire_->broken) wire_->down.push_back(std::move(chunk));
  }
  // To a Watch; a gateway gets it as it is.
  void EnqueueMissed(core::Chunk chunk) override {
    v1::ServerMessage message;
    *message.mutable_event() = core::DecodeEvent(chunk).value();
    EnqueueState(core::EncodeWatch(std::move(message)));
  }
  void Flush() override {}
  void Close(absl::Status /*why*/) override { wire_->broken = true; }

 private:
  bool IsLost(const std::string& chunk) {
    if (wire_->loses.empty()) return false;
    link::v1::AttachResponse frame;
    EXPECT_TRUE(frame.ParseFromString(chunk));
    if (frame.items(0).publication().channel() != wire_->loses) return false;
    wire_->loses.clear();
    return true;
  }

  const std::shared_ptr<Wire> wire_;
};

// The gateway's end.
class SimulatedHerald::Uplink final : public gateway::Uplink {
 public:
  explicit Uplink(std::shared_ptr<Wire> wire) : wire_(std::move(wire)) {}
  void Enqueue(gateway::UplinkChunk chunk) override {
    if (wire_->broken) return;
    std::move(chunk).MoveTo(&wire_->up.emplace_back());
  }
  bool TryEnqueue(gateway::UplinkChunk chunk, int64_t /*bytes_max*/) override {
    Enqueue(std::move(chunk));
    return true;
  }
  void EnqueueUnbounded(gateway::UplinkChunk chunk) override {
    Enqueue(std::move(chunk));
  }
  void Flush() override {}

 private:
  const std::shared_ptr<Wire> wire_;
};

SimulatedHerald::SimulatedHerald(config::v1::Config rules,
                                 int64_t history_bytes_max, EngineKind kind,
                                 std::function<uint64_t()> epochs,
                                 std::function<uint64_t()> turns,
                                 Published published)
    : rules_(std::move(rules)),
      history_bytes_max_(history_bytes_max),
      kind_(kind),
      epochs_(std::move(epochs)),
      turns_(std::move(turns)) {
  if (kind_ == EngineKind::kShared) {
    store_ = std::make_unique<core::SharedStore>(
        &store_timers_, kNodesMax, turns_,
        core::MemoryEngineOptions{.history_bytes_max = history_bytes_max_,
                                  .random = epochs_,
                                  .departures_at_once = kDepartures});
    store_->on_publication = std::move(published);
  }
  for (int node = 0; node < nodes(); ++node) StartService(node);
  for (int i = 0; i < kGateways; ++i) {
    homes_[i] = i % nodes();
    gateways_[i] =
        std::make_unique<SimulatedGateway>(static_cast<uint64_t>(i) + 1);
  }
}

SimulatedHerald::~SimulatedHerald() = default;

core::Engine* SimulatedHerald::MakeEngine(int node) {
  if (kind_ == EngineKind::kShared) return &store_->node(node);
  Service& service = services_[node];
  service.memory = std::make_unique<core::MemoryEngine>(
      service.timers.get(),
      core::MemoryEngineOptions{.history_bytes_max = history_bytes_max_,
                                .random = epochs_,
                                .departures_at_once = kDepartures});
  if (kind_ == EngineKind::kEmbedded) return service.memory.get();
  service.slow =
      std::make_unique<core::SlowEngine>(service.memory.get(), turns_);
  return service.slow.get();
}

void SimulatedHerald::StartService(int node) {
  Service& service = services_[node];
  service.timers = std::make_unique<core::FakeTimers>();
  core::CoreOptions options;
  options.settings.set_revision(1);
  options.settings.set_max_payload(1000);
  service.authorizer = std::make_unique<core::FakeAuthorizer>();
  service.hub = std::make_unique<core::Hub>(options, MakeEngine(node),
                                            service.authorizer.get(),
                                            service.timers.get(), &observer_);
  service.hub->SetRules(rules_);
  service.hub->Start();
}

void SimulatedHerald::RestartService(int node) {
  for (int i = 0; i < kGateways; ++i) {
    if (homes_[i] != node) continue;
    Cut(i);
    homes_[i] = (node + 1) % nodes();
  }
  BreakWires(node);
  std::erase_if(watches_,
                [&](const auto& one) { return one.second.node == node; });
  Service& service = services_[node];
  if (store_ != nullptr) store_->Kill(node);
  service.timers.reset();  // Before the hub that its timers call.
  service.authorizer.reset();
  service.slow.reset();
  service.hub.reset();
  service.memory.reset();
  if (store_ != nullptr) store_->Restart(node);
  StartService(node);
}

void SimulatedHerald::BreakWires(int node) {
  for (int i = 0; i < kGateways; ++i) {
    if (homes_[i] == node && wires_[i] != nullptr) wires_[i]->broken = true;
  }
  for (auto& [wire, watch] : watches_) {
    if (watch.node == node) wire->broken = true;
  }
}

void SimulatedHerald::CutBroken() {
  for (int i = 0; i < kGateways; ++i) {
    if (wires_[i] != nullptr && wires_[i]->broken) Cut(i);
  }
}

bool SimulatedHerald::EngineTurn() {
  if (services_[0].slow != nullptr) return services_[0].slow->Turn();
  if (store_ == nullptr || !store_->Turn()) return false;
  CutBroken();
  return true;
}

void SimulatedHerald::Sleep(absl::Duration time) {
  store_timers_.Advance(time);
  for (Service& service : services_) {
    if (service.timers != nullptr) service.timers->Advance(time);
  }
  if (store_ != nullptr) CutBroken();
}

absl::Time SimulatedHerald::now() const {
  return store_ != nullptr ? store_timers_.Now() : services_[0].timers->Now();
}

void SimulatedHerald::SetRules(config::v1::Config rules) {
  rules_ = std::move(rules);
  for (Service& service : services_) {
    if (service.hub != nullptr) service.hub->SetRules(rules_);
  }
}

std::optional<SimulatedHerald::Watch> SimulatedHerald::OpenWatch(
    v1::WatchRequest request, int node) {
  Watch watch{std::move(request), std::make_shared<Wire>(), node};
  const auto sink = std::make_shared<Sink>(watch.wire);
  const absl::Status status = hub(node).Watch(watch.request, sink);
  if (!status.ok()) {
    EXPECT_TRUE(absl::IsUnavailable(status)) << status;
    return std::nullopt;
  }
  watches_[watch.wire] = {sink, node};
  return watch;
}

void SimulatedHerald::CloseWatch(const Watch& watch) {
  const auto it = watches_.find(watch.wire);
  if (it == watches_.end()) return;  // The service has ended.
  hub(watch.node).Unwatch(watch.request, it->second.sink);
  watches_.erase(it);
}

void SimulatedHerald::Start() {
  for (int gateway = 0; gateway < kGateways; ++gateway) {
    Connect(gateway);
    while (Up(gateway) || EngineTurn()) {
    }
  }
  Sleep(absl::Milliseconds(500));
}

void SimulatedHerald::TroubleStore(absl::FunctionRef<int(int end)> draw) {
  const int what = draw(40);
  const int node = draw(kNodesMax);
  if (what < 14) {
    store_->Cut(node);
  } else if (what < 32) {
    store_->Reconnect(node);
  } else if (what < 34) {
    store_->ForgetEnd();
  } else {
    store_->SetUp(what > 35);
  }
}

void SimulatedHerald::RepairStore() {
  if (store_ == nullptr) return;
  store_->SetUp(true);
  for (int node = 0; node < kNodesMax; ++node) store_->Reconnect(node);
}

void SimulatedHerald::Connect(int gateway) {
  if (wires_[gateway] != nullptr) return;
  wires_[gateway] = std::make_shared<Wire>();
  gateways_[gateway]->router().LinkUp(std::make_shared<Uplink>(wires_[gateway]),
                                      absl::Milliseconds(100));
}

void SimulatedHerald::Cut(int gateway) {
  if (wires_[gateway] == nullptr) return;
  wires_[gateway]->broken = true;
  wires_[gateway] = nullptr;
  if (attachments_[gateway] != nullptr) {
    HubOf(gateway).Close(std::exchange(attachments_[gateway], nullptr), "cut");
  }
  gateways_[gateway]->router().LinkDown("cut");
}

void SimulatedHerald::Lose(int gateway, const std::string& channel) {
  if (wires_[gateway] != nullptr) wires_[gateway]->loses = channel;
}

bool SimulatedHerald::Up(int gateway) {
  const std::shared_ptr<Wire> wire = wires_[gateway];
  if (wire == nullptr || wire->up.empty()) return false;
  if (wire->broken) {
    CutBroken();
    return false;
  }
  link::v1::AttachRequest frame;
  EXPECT_TRUE(frame.ParseFromString(wire->up.front()));
  wire->up.pop_front();
  for (link::v1::GatewayItem& item : *frame.mutable_items()) {
    if (item.has_hello()) {
      auto opened =
          HubOf(gateway).Open(item.hello(), std::make_shared<Sink>(wire));
      EXPECT_TRUE(opened.ok()) << opened.status();
      attachments_[gateway] = *std::move(opened);
      continue;
    }
    const absl::Status status =
        HubOf(gateway).Handle(attachments_[gateway], std::move(item));
    // A node that cannot reach its store ends links.
    EXPECT_TRUE(status.ok() || wire->broken) << status;
  }
  return true;
}

bool SimulatedHerald::Down(int gateway) {
  const std::shared_ptr<Wire> wire = wires_[gateway];
  if (wire == nullptr || wire->down.empty()) return false;
  link::v1::AttachResponse frame;
  EXPECT_TRUE(frame.ParseFromString(*wire->down.front()));
  wire->down.pop_front();
  EXPECT_TRUE(gateways_[gateway]->router().Receive(std::move(frame)).ok());
  return true;
}

}  // namespace herald::simulation
