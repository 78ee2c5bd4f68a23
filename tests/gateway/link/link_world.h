// SPDX-License-Identifier: Apache-2.0
//
// A link between a real router and a scripted service, with real gRPC on
// 127.0.0.1.

#ifndef HERALD_TESTS_GATEWAY_LINK_LINK_WORLD_H_
#define HERALD_TESTS_GATEWAY_LINK_LINK_WORLD_H_

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "gateway/dialects/native/native_dialect.h"
#include "gateway/link/service_link.h"
#include "gateway/router/router.h"
#include "gtest/gtest.h"
#include "tests/gateway/link/fake_gateway_service.h"
#include "tests/support/deadline.h"

namespace herald::gateway {

// Counts the observer's calls, and lets a test wait for them.
class Witness final : public GatewayObserver {
 public:
  struct Counts {
    int opened = 0;
    int settled = 0;
    std::vector<std::string> ended;
    std::vector<absl::Duration> lags;
  };

  void OnLinkOpened() override {
    Note([](Counts& counts) { ++counts.opened; });
  }
  void OnLinkSettled() override {
    Note([](Counts& counts) { ++counts.settled; });
  }
  void OnLinkEnded(absl::string_view why) override {
    Note([&](Counts& counts) { counts.ended.emplace_back(why); });
  }

  void OnLinkLag(absl::Duration lag) override {
    Note([&](Counts& counts) { counts.lags.push_back(lag); });
  }

  bool WaitFor(const std::function<bool(const Counts&)>& happened) {
    std::unique_lock<std::mutex> lock(mu_);
    return changed_.wait_for(lock, testing_support::kPatience,
                             [&] { return happened(counts_); });
  }
  bool WaitForSettled(int times) {
    return WaitFor([&](const Counts& h) { return h.settled >= times; });
  }
  bool WaitForEnded(size_t times) {
    return WaitFor([&](const Counts& h) { return h.ended.size() >= times; });
  }
  Counts counts() {
    std::lock_guard<std::mutex> lock(mu_);
    return counts_;
  }

 private:
  void Note(const std::function<void(Counts&)>& change) {
    std::lock_guard<std::mutex> lock(mu_);
    change(counts_);
    changed_.notify_all();
  }

  std::mutex mu_;
  std::condition_variable changed_;
  Counts counts_;
};

// Counts the subscriptions that were confirmed and keeps the publications. May
// be full as soon as there is one.
class CountingInbox final : public ShardInbox {
 public:
  void Post(std::vector<Delivery> batch) override {
    std::lock_guard<std::mutex> lock(mu_);
    for (const Delivery& one : batch) {
      confirmed_ += std::holds_alternative<Confirmed>(one);
      const auto* const message = std::get_if<ChannelMessagePtr>(&one);
      if (message == nullptr) continue;
      frames_.emplace_back(
          PayloadOf(*(*message)->message->For(NativeDialect())));
      LinkGate* const gate = std::exchange(full_, nullptr);
      if (gate != nullptr) gate->Close();
    }
    changed_.notify_all();
  }
  // The next publication closes the gate.
  void FillUp(LinkGate* gate) {
    std::lock_guard<std::mutex> lock(mu_);
    full_ = gate;
  }
  bool WaitForFrames(size_t count) {
    std::unique_lock<std::mutex> lock(mu_);
    return changed_.wait_for(lock, testing_support::kPatience,
                             [&] { return frames_.size() >= count; });
  }
  std::vector<std::string> frames() {
    std::lock_guard<std::mutex> lock(mu_);
    return frames_;
  }
  bool WaitForConfirmed(int count) {
    std::unique_lock<std::mutex> lock(mu_);
    return changed_.wait_for(lock, testing_support::kPatience,
                             [&] { return confirmed_ >= count; });
  }

 private:
  std::mutex mu_;
  std::condition_variable changed_;
  int confirmed_ = 0;
  std::vector<std::string> frames_;
  LinkGate* full_ = nullptr;
};

class LinkWorld : public ::testing::Test {
 protected:
  LinkWorld() { router_.SetShards({&inbox_}); }

  void Dial(std::vector<std::string> targets, std::string token = "",
            absl::Duration keepalive = ServiceLinkOptions().keepalive) {
    link_.emplace(
        ServiceLinkOptions{std::move(targets), std::move(token), keepalive},
        &router_, &witness_, &gate_);
    link_->Start();
  }

  // Has the service flood the link, of which one frame is read.
  void CloseTheGate() {
    service_.SetManner(FakeGatewayService::Manner::kFlood);
    service_.StartServer();
    Dial({service_.target()});
    ASSERT_TRUE(witness_.WaitForSettled(1));
    inbox_.FillUp(&gate_);
    link::v1::Subscribe question;
    question.set_channel("news");
    question.set_socket_id("7.1");
    ASSERT_GT(router_.Subscribe(0, std::move(question)), 0);
    ASSERT_TRUE(inbox_.WaitForFrames(1));
  }

  void Whisper(std::string data) {
    link::v1::Whisper whisper;
    whisper.set_channel("news");
    whisper.set_data(std::move(data));
    EXPECT_TRUE(router_.Whisper(std::move(whisper)).ok());
  }

  // The whispers of one call, in their order.
  std::vector<std::string> WhispersOf(size_t number) {
    std::vector<std::string> data;
    const FakeGatewayService::Attaches all = service_.attaches();
    for (const link::v1::GatewayItem& item : all[number].items) {
      if (item.has_whisper()) data.push_back(item.whisper().data());
    }
    return data;
  }

  int64_t DownOf(size_t number) {
    return service_.attaches()[number].items.at(0).hello().link_down_ms();
  }

  testing_support::Milliseconds TimeOf(const std::function<void()>& body) {
    const testing_support::Clock::time_point start =
        testing_support::Clock::now();
    body();
    return std::chrono::duration_cast<testing_support::Milliseconds>(
        testing_support::Clock::now() - start);
  }

  Witness witness_;
  CountingInbox inbox_;
  LinkGate gate_;
  Router router_{7, "0.1.0", &witness_};
  FakeGatewayService service_;
  std::optional<ServiceLink> link_;
};

}  // namespace herald::gateway

#endif  // HERALD_TESTS_GATEWAY_LINK_LINK_WORLD_H_
