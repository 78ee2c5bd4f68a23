// SPDX-License-Identifier: Apache-2.0
//
// A fixture: a hub whose start is over, and the calls of a backend.

#ifndef HERALD_TESTS_SERVICE_CORE_SETTLED_HUB_H_
#define HERALD_TESTS_SERVICE_CORE_SETTLED_HUB_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/service/core/engine_under_test.h"
#include "tests/service/core/fake_gateway.h"

namespace herald::core {

class SettledHub : public ::testing::Test {
 protected:
  explicit SettledHub(int64_t max_subscribers = 0, int64_t max_channels = 0,
                      bool settle = true) {
    CoreOptions options;
    options.version = "test";
    options.settings.set_revision(1);
    options.settings.set_max_payload(100);
    options.settings.set_allow_client_events(true);
    options.settings.set_max_subscribers(max_subscribers);
    options.settings.set_max_channels(max_channels);
    hub_ = std::make_unique<Hub>(std::move(options), engine_.get(),
                                 &authorizer_, &timers_, &observer_,
                                 [this] { engine_.Settle(); });
    hub_->Start();
    if (settle) timers_.Advance(absl::Milliseconds(500));
  }

  // A gateway that has attached without channels, and dropped its first items.
  std::unique_ptr<FakeGateway> Attached(int64_t id) {
    auto gateway = std::make_unique<FakeGateway>(hub_.get(), id);
    gateway->Attach();
    gateway->Received();
    return gateway;
  }

  absl::StatusOr<v1::BroadcastResponse> Broadcast(
      const std::vector<std::string>& channels, const std::string& data,
      const std::string& key = "", const std::string& except = "") {
    v1::BroadcastRequest request;
    for (const std::string& channel : channels) request.add_channels(channel);
    request.set_event("e");
    request.set_data(data);
    request.set_idempotency_key(key);
    request.set_except_socket_id(except);
    absl::StatusOr<v1::BroadcastResponse> answer =
        absl::InternalError("not answered");
    hub_->Broadcast(request, [&](auto result) { answer = std::move(result); });
    return answer;
  }

  // Publishes to one channel; how many subscribers it had.
  int64_t Publish(const std::string& channel, const std::string& data,
                  const std::string& key = "") {
    const auto answer = Broadcast({channel}, data, key);
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.ok() ? answer->receipts(0).subscribers() : -1;
  }

  // Where the channel's history is.
  std::optional<Position> Peek(const std::string& channel) {
    v1::GetChannelRequest request;
    request.set_channel(channel);
    const auto answer = hub_->GetChannel(request);
    EXPECT_TRUE(answer.ok()) << answer.status();
    if (!answer.ok() || answer->channel().epoch().empty()) return std::nullopt;
    return Position{answer->channel().epoch(), answer->channel().offset()};
  }
  int64_t Histories() { return hub_->Counts().histories; }

  std::vector<std::string> Members(const std::string& channel) {
    v1::GetMembersRequest request;
    request.set_channel(channel);
    const auto answer = hub_->GetMembers(request);
    EXPECT_TRUE(answer.ok()) << answer.status();
    std::vector<std::string> users;
    for (const auto& member : answer->members()) {
      users.push_back(member.user_id());
    }
    return users;
  }

  FakeTimers timers_;
  FakeAuthorizer authorizer_;
  // Counts rare events.
  class CountingObserver final : public ServiceObserver {
   public:
    void OnSettled(absl::Duration /*since_start*/) override { ++settled; }
    void OnKeyEvicted() override { ++evicted; }
    void OnRevocationForgotten() override { ++forgotten; }
    void OnRecovery(bool available) override { ++(available ? whole : lost); }
    void OnLinkOpened(uint64_t /*gateway*/) override {
      if (const auto body = std::exchange(on_link_opened, nullptr)) body();
    }

    std::function<void()> on_link_opened;  // For the next one.

    int settled = 0;
    int evicted = 0;
    int forgotten = 0;
    int whole = 0;
    int lost = 0;
  };

  CountingObserver observer_;
  EngineUnderTest engine_{&timers_, &authorizer_};
  std::unique_ptr<Hub> hub_;
};

}  // namespace herald::core

#endif  // HERALD_TESTS_SERVICE_CORE_SETTLED_HUB_H_
