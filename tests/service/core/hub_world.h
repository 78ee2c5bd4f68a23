// SPDX-License-Identifier: Apache-2.0
//
// A hub among fakes, and gateways that speak to it by plain calls; so each test
// chooses its own interleaving.

#ifndef HERALD_TESTS_SERVICE_CORE_HUB_WORLD_H_
#define HERALD_TESTS_SERVICE_CORE_HUB_WORLD_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "service/core/hub.h"
#include "service/core/memory_engine.h"
#include "tests/service/core/fake_authorizer.h"
#include "tests/service/core/fake_sink.h"
#include "tests/service/core/fake_timers.h"
#include "tests/service/core/frame_text.h"

namespace herald::core {

// A gateway, as the hub sees it. Its link is opened by Dial().
class FakeGateway {
 public:
  FakeGateway(Hub* hub, int64_t id) : hub_(hub), id_(id) {}

  absl::Status Dial(absl::Duration down = absl::ZeroDuration()) {
    link::v1::Hello hello;
    hello.set_protocol_version(1);
    hello.set_gateway_id(id_);
    hello.set_version("0.1.0");
    hello.set_link_down_ms(absl::ToInt64Milliseconds(down));
    sink = std::make_shared<FakeSink>();
    absl::StatusOr<AttachmentPtr> opened = hub_->Open(hello, sink);
    if (opened.ok()) attachment_ = *std::move(opened);
    return opened.status();
  }

  // Says one thing. `fill` sets the item.
  template <typename Fill>
  absl::Status Say(Fill fill) {
    link::v1::GatewayItem item;
    fill(item);
    return hub_->Handle(attachment_, std::move(item));
  }

  // What it holds of a channel: its subscriptions, and its users with one
  // socket each.
  absl::Status Hold(const std::string& channel, int64_t count,
                    const std::map<std::string, std::string>& users = {}) {
    return Say([&](auto& item) {
      item.mutable_held()->set_channel(channel);
      item.mutable_held()->set_subscription_count(count);
      for (const auto& [user_id, socket_id] : users) {
        link::v1::HeldMember& held = *item.mutable_held()->add_members();
        held.mutable_member()->set_user_id(user_id);
        held.add_socket_ids(socket_id);
      }
    });
  }
  absl::Status Attach() {
    return Say([](auto& item) { item.mutable_attached(); });
  }

  absl::Status Subscribe(int64_t ticket, const std::string& channel,
                         const std::string& socket_id = "1.1",
                         int64_t call_id = 0) {
    return Say([&](auto& item) {
      item.mutable_subscribe()->set_ticket(ticket);
      item.mutable_subscribe()->set_socket_id(socket_id);
      item.mutable_subscribe()->set_channel(channel);
      item.mutable_subscribe()->set_auth_token("token");
      item.mutable_subscribe()->set_call_id(call_id);
    });
  }
  // With a member that a backend has named.
  absl::Status SubscribeAs(int64_t ticket, const std::string& channel,
                           const std::string& user_id,
                           const std::string& socket_id) {
    return Say([&](auto& item) {
      item.mutable_subscribe()->set_ticket(ticket);
      item.mutable_subscribe()->set_socket_id(socket_id);
      item.mutable_subscribe()->set_channel(channel);
      item.mutable_subscribe()->mutable_member()->set_user_id(user_id);
    });
  }
  absl::Status Unsubscribe(int64_t ticket, const std::string& channel,
                           const std::string& user_id = "",
                           const std::string& socket_id = "") {
    return Say([&](auto& item) {
      item.mutable_unsubscribe()->set_ticket(ticket);
      item.mutable_unsubscribe()->set_channel(channel);
      item.mutable_unsubscribe()->set_user_id(user_id);
      item.mutable_unsubscribe()->set_socket_id(socket_id);
    });
  }
  absl::Status Cancel(int64_t ticket) {
    return Say([&](auto& item) { item.mutable_cancel()->set_ticket(ticket); });
  }
  absl::Status Answer(int64_t call_id, int32_t code, int64_t count = 0,
                      const std::string& message = "") {
    return Say([&](auto& item) {
      item.mutable_call_result()->set_call_id(call_id);
      item.mutable_call_result()->set_code(code);
      item.mutable_call_result()->set_message(message);
      item.mutable_call_result()->set_disconnected_count(count);
    });
  }

  // Its link breaks.
  void Lose() { hub_->Close(attachment_, "it broke"); }

  // What it has heard since the last time.
  std::vector<std::string> Hears() { return TextsOf(sink->TakeItems()); }
  std::vector<link::v1::ServiceItem> Items() { return sink->TakeItems(); }

  // The id of the last of the items, which is a call.
  int64_t TakeCallId() {
    const std::vector<link::v1::ServiceItem> items = sink->TakeItems();
    EXPECT_FALSE(items.empty());
    return items.empty() ? 0 : items.back().call().call_id();
  }

  const AttachmentPtr& attachment() const { return attachment_; }

  std::shared_ptr<FakeSink> sink;

 private:
  Hub* const hub_;
  const int64_t id_;
  AttachmentPtr attachment_;
};

// Gateways 1 and 2, not yet dialled; the hub has not been started.
class HubWorld : public ::testing::Test {
 protected:
  explicit HubWorld(HubOptions options = Options()) : options_(options) {}

  static HubOptions Options() {
    HubOptions options;
    options.version = "0.1.0";
    options.settings.set_revision(1);
    options.settings.set_max_payload(1000);
    return options;
  }

  // As if the service had been up for long: both gateways are attached, and
  // what they heard on the way is forgotten.
  void Settle() {
    hub_.Start();
    ASSERT_TRUE(gateway_.Dial().ok());
    ASSERT_TRUE(other_.Dial().ok());
    ASSERT_TRUE(gateway_.Attach().ok());
    ASSERT_TRUE(other_.Attach().ok());
    timers_.Advance(options_.settle_min);
    ASSERT_TRUE(hub_.ready());
    gateway_.Items();
    other_.Items();
  }

  absl::StatusOr<v1::BroadcastResponse> Broadcast(
      const std::vector<std::string>& channels, const std::string& data,
      const std::string& key = "", const std::string& except = "") {
    v1::BroadcastRequest request;
    *request.mutable_channels() = {channels.begin(), channels.end()};
    request.set_event("tick");
    request.set_data(data);
    request.set_idempotency_key(key);
    request.set_except_socket_id(except);
    absl::StatusOr<v1::BroadcastResponse> answer =
        absl::InternalError("not answered");
    hub_.Broadcast(request, [&](auto result) { answer = std::move(result); });
    return answer;
  }

  // The members of a channel, as "[ada bob]", or the error.
  std::string Members(const std::string& channel) {
    v1::GetMembersRequest request;
    request.set_channel(channel);
    const auto response = hub_.GetMembers(request);
    if (!response.ok()) return response.status().ToString();
    return TextOfMembers(response->members());
  }
  v1::Channel Channel(const std::string& name) {
    v1::GetChannelRequest request;
    request.set_channel(name);
    const auto response = hub_.GetChannel(request);
    return response.ok() ? response->channel() : v1::Channel();
  }

  const HubOptions options_;
  FakeTimers timers_;
  FakeAuthorizer authorizer_;
  Observer observer_;
  MemoryEngine engine_{&timers_};
  Hub hub_{options_, &engine_, &authorizer_, &timers_, &observer_};
  FakeGateway gateway_{&hub_, 1};
  FakeGateway other_{&hub_, 2};
};

}  // namespace herald::core

#endif  // HERALD_TESTS_SERVICE_CORE_HUB_WORLD_H_
