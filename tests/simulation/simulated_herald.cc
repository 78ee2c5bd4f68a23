// SPDX-License-Identifier: Apache-2.0

#include "tests/simulation/simulated_herald.h"

#include <utility>

#include "service/channel/encoding.h"

namespace herald::simulation {

SimulatedGateway::SimulatedGateway(uint64_t id)
    : router_(id, "simulated", &dialect_, &observer_) {
  std::vector<gateway::ShardInbox*> inboxes;
  for (int i = 0; i < kLoops; ++i) {
    FakeLoop& loop = loops_[i];
    loop.shard = std::make_unique<gateway::Shard>(gateway::ShardOptions{i, 100},
                                                  &router_, &dialect_, &loop,
                                                  &observer_, loop.Now());
    inboxes.push_back(&loop);
  }
  router_.SetShards(std::move(inboxes));
}

SimulatedGateway::~SimulatedGateway() = default;

std::unique_ptr<SimulatedGateway::Browser> SimulatedGateway::Open(int loop) {
  auto browser = std::make_unique<Browser>();
  browser->loop = loop;
  gateway::Shard& shard = *loops_[loop].shard;
  // The number says which loop it is on.
  const uint64_t number = kLoops * ++opened_ + static_cast<uint64_t>(loop);
  browser->session =
      shard.Open(&browser->socket, number,
                 shard.headers().Make(gateway::HeaderPool::Builder("::1")));
  shard.FlushDirty();
  browser->socket.Take();
  return browser;
}

void SimulatedGateway::Say(Browser& browser, const std::string& text) {
  loops_[browser.loop].shard->Receive(browser.session, text);
}

void SimulatedGateway::Close(Browser& browser) {
  loops_[browser.loop].shard->Closed(std::exchange(browser.session, nullptr));
}

void SimulatedGateway::Turn(int loop) {
  FakeLoop& one = loops_[loop];
  for (auto& batch : std::exchange(one.batches, {})) {
    one.shard->Deliver(std::move(batch));
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
  void Enqueue(std::string chunk) override {
    if (!wire_->broken) wire_->up.push_back(std::move(chunk));
  }
  bool TryEnqueue(std::string chunk, int64_t /*bytes_max*/) override {
    Enqueue(std::move(chunk));
    return true;
  }
  void EnqueueUnbounded(std::string chunk) override {
    Enqueue(std::move(chunk));
  }
  void Flush() override {}

 private:
  const std::shared_ptr<Wire> wire_;
};

SimulatedHerald::SimulatedHerald(config::v1::Config rules,
                                 int64_t history_bytes_max,
                                 std::function<uint64_t()> epochs,
                                 std::function<uint64_t()> turns)
    : rules_(std::move(rules)),
      history_bytes_max_(history_bytes_max),
      epochs_(std::move(epochs)),
      turns_(std::move(turns)) {
  StartService();
  for (int i = 0; i < kGateways; ++i) {
    gateways_[i] =
        std::make_unique<SimulatedGateway>(static_cast<uint64_t>(i) + 1);
  }
}

SimulatedHerald::~SimulatedHerald() = default;

void SimulatedHerald::StartService() {
  timers_ = std::make_unique<core::FakeTimers>();
  engine_ = std::make_unique<core::MemoryEngine>(
      timers_.get(),
      core::MemoryEngineOptions{.history_bytes_max = history_bytes_max_,
                                .random = epochs_});
  core::Engine* engine = engine_.get();
  if (turns_) {
    slow_ = std::make_unique<core::SlowEngine>(engine, turns_);
    engine = slow_.get();
  }
  core::CoreOptions options;
  options.settings.set_revision(1);
  options.settings.set_max_payload(1000);
  hub_ = std::make_unique<core::Hub>(options, engine, &authorizer_,
                                     timers_.get(), &observer_);
  hub_->SetRules(rules_);
  hub_->Start();
}

void SimulatedHerald::RestartService() {
  for (int i = 0; i < kGateways; ++i) Cut(i);
  for (auto& [wire, sink] : watches_) wire->broken = true;
  watches_.clear();
  timers_.reset();  // Before the hub that its timers call.
  slow_.reset();
  hub_.reset();
  engine_.reset();
  StartService();
}

void SimulatedHerald::SetRules(config::v1::Config rules) {
  rules_ = std::move(rules);
  hub_->SetRules(rules_);
}

std::optional<SimulatedHerald::Watch> SimulatedHerald::OpenWatch(
    v1::WatchRequest request) {
  Watch watch{std::move(request), std::make_shared<Wire>()};
  const auto sink = std::make_shared<Sink>(watch.wire);
  const absl::Status status = hub_->Watch(watch.request, sink);
  if (!status.ok()) {
    EXPECT_TRUE(absl::IsUnavailable(status)) << status;
    return std::nullopt;
  }
  watches_[watch.wire] = sink;
  return watch;
}

void SimulatedHerald::CloseWatch(const Watch& watch) {
  const auto it = watches_.find(watch.wire);
  if (it == watches_.end()) return;  // The service has ended.
  hub_->Unwatch(watch.request, it->second);
  watches_.erase(it);
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
    hub_->Close(std::exchange(attachments_[gateway], nullptr), "cut");
  }
  gateways_[gateway]->router().LinkDown("cut");
}

void SimulatedHerald::Lose(int gateway, const std::string& channel) {
  if (wires_[gateway] != nullptr) wires_[gateway]->loses = channel;
}

bool SimulatedHerald::Up(int gateway) {
  const std::shared_ptr<Wire> wire = wires_[gateway];
  if (wire == nullptr || wire->up.empty()) return false;
  link::v1::AttachRequest frame;
  EXPECT_TRUE(frame.ParseFromString(wire->up.front()));
  wire->up.pop_front();
  for (link::v1::GatewayItem& item : *frame.mutable_items()) {
    if (item.has_hello()) {
      auto opened = hub_->Open(item.hello(), std::make_shared<Sink>(wire));
      EXPECT_TRUE(opened.ok()) << opened.status();
      attachments_[gateway] = *std::move(opened);
      continue;
    }
    const absl::Status status =
        hub_->Handle(attachments_[gateway], std::move(item));
    EXPECT_TRUE(status.ok()) << status;
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
