// SPDX-License-Identifier: Apache-2.0
//
// A gateway's core without a network: one router and two shards, joined to
// fakes by plain calls. Nothing happens until a test wants it: deliveries wait
// for Run(), time for Sleep(), and the service is the test.

#ifndef HERALD_TESTS_GATEWAY_GATEWAY_WORLD_H_
#define HERALD_TESTS_GATEWAY_GATEWAY_WORLD_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gateway/dialects/native/native_dialect.h"
#include "gateway/protocol/observer.h"
#include "gateway/router/router.h"
#include "gateway/session/shard.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/contract/channel_key.h"
#include "tests/gateway/fakes.h"

namespace herald::gateway {

inline constexpr uint64_t kGatewayId = 7;
inline constexpr int kAllTurns = 1000;  // More than any test needs.

class GatewayWorld : public ::testing::Test {
 protected:
  // One loop: a shard, its inbox, and whether it owes a flush.
  struct FakeLoop final : Loop, ShardInbox {
    void RequestFlush() override { flush = true; }
    void RequestFlushAt(absl::Time when) override { flush_at = when; }
    absl::Time Now() const override { return now; }
    absl::Time Monotonic() const override { return now; }
    void Post(std::vector<Delivery> batch) override {
      batches.push_back(std::move(batch));
    }
    absl::Time now = absl::FromUnixSeconds(1000);
    bool flush = false;
    absl::Time flush_at = absl::InfiniteFuture();
    std::vector<std::vector<Delivery>> batches;
    std::unique_ptr<Shard> shard;
  };

  struct Browser {
    FakeSocket socket;
    Session* session = nullptr;
    Shard* shard = nullptr;
    std::string id;

    std::vector<std::string> Received() { return socket.Take(); }
  };

  explicit GatewayWorld(const ClientRates& rates = {}) {
    std::vector<ShardInbox*> inboxes;
    for (int i = 0; i < 2; ++i) {
      FakeLoop& loop = loops_[i];
      loop.shard = std::make_unique<Shard>(
          ShardOptions{i, /*subscriptions_max=*/200, rates}, &router_, &loop,
          &observer_, loop.now);
      inboxes.push_back(&loop);
    }
    router_.SetShards(inboxes);
  }

  ~GatewayWorld() override {
    for (auto& browser : browsers_) {
      if (browser->session != nullptr) Leave(*browser);
    }
  }

  // Opens the link, has the service settle, and drops the items for that.
  void Attach(absl::Duration down = absl::ZeroDuration()) {
    uplink_ = std::make_shared<FakeUplink>();
    router_.LinkUp(uplink_, down);
    link::v1::ServiceItem settings;
    settings.mutable_settings()->set_revision(1);
    settings.mutable_settings()->set_heartbeat_interval_ms(30'000);
    settings.mutable_settings()->set_client_timeout_ms(60'000);
    settings.mutable_settings()->set_allow_client_events(true);
    settings.mutable_settings()->set_max_payload(100);
    Say(settings);
    link::v1::ServiceItem settled;
    settled.mutable_settled();
    Say(settled);
    attach_items_ = uplink_->Take();
  }

  // The service sends one item, and all loops take a turn.
  void Say(const link::v1::ServiceItem& item, int turns = kAllTurns) {
    link::v1::AttachResponse frame;
    *frame.add_items() = item;
    ASSERT_TRUE(router_.Receive(std::move(frame)).ok());
    Run(turns);
  }

  // Every loop takes its deliveries and writes, in so many turns at most. If
  // there are enough for all, waits for resting ones.
  void Run(int turns = kAllTurns) {
    for (FakeLoop& loop : loops_) {
      for (auto& batch : std::exchange(loop.batches, {})) {
        for (Delivery& item : batch) loop.shard->Deliver(item);
      }
      for (int i = 0; i < turns && MayFlush(loop, turns); ++i) {
        loop.shard->FlushDirty();
      }
    }
  }

  static bool MayFlush(FakeLoop& loop, int turns) {
    if (std::exchange(loop.flush, false)) return true;
    if (turns < kAllTurns || loop.flush_at == absl::InfiniteFuture()) {
      return false;
    }
    loop.now = std::max(loop.now,
                        std::exchange(loop.flush_at, absl::InfiniteFuture()));
    return true;
  }

  // Time passes, in the steps in which a loop sees it.
  void Sleep(absl::Duration time) {
    for (FakeLoop& loop : loops_) {
      const absl::Time end = loop.now + time;
      while (loop.now < end) {
        loop.now += TimerWheel::kSlot;
        loop.shard->Advance(loop.now, loop.now);
      }
    }
    Run();
  }

  Browser& Open(int shard = 0, const Dialect* dialect = nullptr,
                absl::string_view app = contract::kFirstApp) {
    auto& browser = *browsers_.emplace_back(std::make_unique<Browser>());
    const uint64_t number = 2 * (++opened_) + static_cast<uint64_t>(shard);
    browser.shard = loops_[shard].shard.get();
    HeaderPool::Builder facts("203.0.113.7", source_);
    facts.AddHeader("Origin", "https://example.org");
    browser.session = browser.shard->Open(
        &browser.socket, dialect == nullptr ? &dialect_ : dialect, number,
        browser.shard->headers().Make(std::move(facts)), /*refusal=*/nullptr,
        app);
    browser.id = browser.session->socket_id();
    Run();
    return browser;
  }

  void Leave(Browser& browser) {
    browser.shard->Closed(std::exchange(browser.session, nullptr));
    Run();
  }

  void Send(Browser& browser, absl::string_view text) {
    browser.shard->Receive(browser.session, text);
    Run();
  }

  // The last subscribe that the gateway has asked.
  link::v1::Subscribe Asked() {
    for (auto it = uplink_->items.rbegin(); it != uplink_->items.rend(); ++it) {
      if (it->has_subscribe()) return it->subscribe();
    }
    ADD_FAILURE() << "nothing was asked";
    return {};
  }

  // Answers the last subscribe with yes; for a user, if one is named.
  void Allow(const std::string& user = "",
             const std::vector<std::string>& roster = {},
             int64_t expires_after_ms = 0, bool renewable = false) {
    link::v1::ServiceItem item;
    link::v1::Subscribed& yes = *item.mutable_subscribed();
    yes.set_ticket(Asked().ticket());
    if (!user.empty()) yes.mutable_member()->set_user_id(user);
    if (!roster.empty()) {
      yes.mutable_roster()->set_channel(Asked().channel());
      for (const std::string& name : roster) {
        yes.mutable_roster()->add_members()->set_user_id(name);
      }
    }
    yes.set_expires_after_ms(expires_after_ms);
    yes.set_renewable(renewable);
    Say(item);
  }

  // Answers the last subscribe, or another ticket, with no.
  void Refuse(link::v1::Refused::Code code, const std::string& reason,
              int64_t ticket = 0) {
    link::v1::ServiceItem item;
    item.mutable_refused()->set_ticket(ticket > 0 ? ticket : Asked().ticket());
    item.mutable_refused()->set_code(code);
    item.mutable_refused()->set_reason(reason);
    Say(item);
  }

  // Subscribes and drops the frames for that.
  Browser& Subscribed(Browser& browser, const std::string& channel,
                      const std::string& user = "",
                      const std::vector<std::string>& roster = {}) {
    Send(browser, R"({"type":"subscribe","channel":")" + channel + "\"}");
    Allow(user, roster);
    browser.Received();
    return browser;
  }

  void Publish(const std::string& channel, const std::string& data,
               const std::string& except = "", int turns = kAllTurns) {
    link::v1::ServiceItem item;
    item.mutable_publication()->set_channel(channel);
    item.mutable_publication()->set_event("e");
    item.mutable_publication()->set_data(data);
    item.mutable_publication()->set_except_socket_id(except);
    item.mutable_publication()->set_published_us(1);
    Say(item, turns);
  }

  static std::string Event(const std::string& channel,
                           const std::string& data) {
    return R"({"type":"event","event":"e","channel":")" + channel +
           R"(","data":)" + data + "}";
  }

  CountingObserver observer_;
  NativeDialect dialect_;
  Router router_{kGatewayId, "test", &observer_, kMissedBytesMax};
  FakeLoop loops_[2];
  uint64_t opened_ = 0;
  admission::Source source_ = admission::kNoSource;  // Of those opened next.
  std::shared_ptr<FakeUplink> uplink_;
  std::vector<link::v1::GatewayItem> attach_items_;
  std::vector<std::unique_ptr<Browser>> browsers_;
};

}  // namespace herald::gateway

#endif  // HERALD_TESTS_GATEWAY_GATEWAY_WORLD_H_
