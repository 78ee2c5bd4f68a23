// SPDX-License-Identifier: Apache-2.0
//
// Thousands of browsers reconnect in one instant: the load on the authorizer,
// and the rate at which a gateway accepts them.

#include <algorithm>
#include <deque>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "proto/contract/limits.h"
#include "tests/support/herald_world.h"
#include "tests/support/scripted_authorizer.h"

namespace herald::end_to_end {
namespace {

using testing_support::Allow;
using testing_support::Clock;
using testing_support::Frame;
using testing_support::HeraldWorld;
using testing_support::kSlowness;
using testing_support::Loop;
using testing_support::Milliseconds;
using testing_support::ScriptedAuthorizer;
using testing_support::WebSocketClient;
using v1::AuthorizeRequest;

// A slow authorizer: it answers so many questions a second, in order of
// arrival, whether the caller still waits for the answer or not. Counts its
// open questions.
class BusyAuthorizer {
 public:
  BusyAuthorizer() {
    authorizer_.Answer(
        [this](const AuthorizeRequest& question) { return Take(question); });
    worker_ = std::thread([this] { Work(); });
  }
  ~BusyAuthorizer() {
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
    }
    worker_.join();
  }

  std::string address() const { return authorizer_.address(); }

  // From now on; 0: at once. Counts anew.
  void SetRate(int per_second) {
    const std::lock_guard lock(mutex_);
    rate_ = per_second;
    open_max_ = open_.size();
    count_ = 0;
  }

  size_t open() const {
    const std::lock_guard lock(mutex_);
    return open_.size();
  }
  size_t open_max() const {
    const std::lock_guard lock(mutex_);
    return open_max_;
  }
  size_t count() const {
    const std::lock_guard lock(mutex_);
    return count_;
  }

 private:
  std::vector<v1::AuthorizeResponse> Take(const AuthorizeRequest& question) {
    const std::lock_guard lock(mutex_);
    ++count_;
    if (rate_ == 0) return {Allow(question)};
    open_.push_back(Allow(question));
    open_max_ = std::max(open_max_, open_.size());
    return {};
  }

  void Work() {
    constexpr Milliseconds kTurn(5);
    double owed = 0;
    for (Clock::time_point last = Clock::now();;) {
      std::this_thread::sleep_for(kTurn);
      const Clock::time_point now = Clock::now();
      std::vector<v1::AuthorizeResponse> answers;
      {
        const std::lock_guard lock(mutex_);
        if (stopped_) return;
        owed += std::chrono::duration<double>(now - last).count() * rate_;
        last = now;
        if (open_.empty()) owed = 0;
        for (; owed >= 1 && !open_.empty(); owed -= 1) {
          answers.push_back(std::move(open_.front()));
          open_.pop_front();
        }
      }
      for (const v1::AuthorizeResponse& answer : answers) {
        authorizer_.Send(answer);
      }
    }
  }

  mutable std::mutex mutex_;
  std::deque<v1::AuthorizeResponse> open_;  // All below under mutex_.
  size_t open_max_ = 0;
  size_t count_ = 0;
  int rate_ = 0;
  bool stopped_ = false;

  ScriptedAuthorizer authorizer_;
  std::thread worker_;
};

// A client as proto/WEBSOCKET.md requires: it reconnects, and asks again after
// `unavailable`, after a pause that doubles.
class Visitor {
 public:
  Visitor(Loop* loop, std::vector<std::string> channels, unsigned seed)
      : loop_(loop), random_(seed) {
    for (std::string& name : channels) wishes_.push_back({std::move(name)});
  }

  // Connects, now.
  void Come(const std::string& gateway, const std::string& source) {
    options_.address = gateway;
    options_.source = source;
    client_ = std::make_unique<WebSocketClient>(loop_, options_);
  }

  void Turn(Clock::time_point now) {
    while (client_->waiting() > 0) Receive(client_->Next(), now);
    if (client_->ended()) return ComeAgain(now);
    for (Wish& wish : wishes_) {
      if (wish.ask_at <= now) Ask(wish);
    }
  }

  bool done() const { return subscribed_ == wishes_.size(); }
  int refusals() const { return refusals_; }
  int unavailable() const { return unavailable_; }

 private:
  static constexpr Clock::time_point kNever = Clock::time_point::max();

  struct Wish {
    std::string channel;
    Clock::time_point ask_at = kNever;
    int tries = 0;
  };

  void Ask(Wish& wish) {
    wish.ask_at = kNever;
    client_->AskToSubscribe(wish.channel, "yes");
  }

  void Receive(const Frame& frame, Clock::time_point now) {
    if (frame.type() == "connected") {
      for (Wish& wish : wishes_) Ask(wish);
    } else if (frame.type() == "subscribed") {
      ++subscribed_;
    } else {
      EXPECT_EQ(frame.String("code"), "unavailable") << frame;
      ++unavailable_;
      const auto wish =
          std::find_if(wishes_.begin(), wishes_.end(), [&](const Wish& one) {
            return one.channel == frame.String("channel");
          });
      ASSERT_NE(wish, wishes_.end()) << frame;
      wish->ask_at = now + Backoff(wish->tries++);
    }
  }

  void ComeAgain(Clock::time_point now) {
    if (come_at_ == kNever) {
      EXPECT_EQ(client_->refusal(), 503);
      ++refusals_;
      int seconds = 0;
      EXPECT_TRUE(
          absl::SimpleAtoi(client_->RefusalHeader("Retry-After"), &seconds));
      EXPECT_GE(seconds, 1);
      come_at_ = now + std::chrono::seconds(seconds);
    }
    if (come_at_ > now) return;
    come_at_ = kNever;
    client_ = std::make_unique<WebSocketClient>(loop_, options_);
  }

  Milliseconds Backoff(int tries) {
    const int bound_ms = std::min(500 << std::min(tries, 10), 20'000);
    return Milliseconds(
        std::uniform_int_distribution<int>(0, bound_ms)(random_));
  }

  Loop* const loop_;
  testing_support::WebSocketOptions options_;
  std::minstd_rand random_;
  std::unique_ptr<WebSocketClient> client_;
  std::vector<Wish> wishes_;
  size_t subscribed_ = 0;
  Clock::time_point come_at_ = kNever;
  int refusals_ = 0;
  int unavailable_ = 0;
};

class AStorm : public ::testing::Test {
 protected:
  void MakeWorld(size_t gateways, std::vector<std::string> service_flags,
                 std::vector<std::string> gateway_flags) {
    service_flags.push_back("--authorizer=" + authorizer_.address());
    world_ = std::make_unique<HeraldWorld>(testing_support::HeraldWorldOptions{
        .gateways = gateways,
        .service_flags = std::move(service_flags),
        .gateway_flags = std::move(gateway_flags)});
  }

  // Connects `count` new visitors at once, which subscribe to so many private
  // channels each. Earlier ones have left.
  void Come(size_t gateway, int count, int channels);

  // Serves them until `done`.
  template <typename Predicate>
  bool WaitUntil(Predicate done);

  bool AllAreSubscribed() const {
    return std::all_of(visitors_.begin(), visitors_.end(),
                       [](const auto& visitor) { return visitor->done(); });
  }
  bool WaitUntilAllAreSubscribed() {
    return WaitUntil([this] { return AllAreSubscribed(); });
  }
  int unavailable() const {
    int sum = 0;
    for (const auto& visitor : visitors_) sum += visitor->unavailable();
    return sum;
  }
  int refusals() const {
    int sum = 0;
    for (const auto& visitor : visitors_) sum += visitor->refusals();
    return sum;
  }

  BusyAuthorizer authorizer_;
  std::unique_ptr<HeraldWorld> world_;
  std::vector<std::unique_ptr<Visitor>> visitors_;
};

void AStorm::Come(size_t gateway, int count, int channels) {
  visitors_.clear();
  for (int i = 0; i < count; ++i) {
    std::vector<std::string> names;
    for (int c = 0; c < channels; ++c) {
      names.push_back(absl::StrCat("private-", (i + c) % 1000));
    }
    visitors_.push_back(
        std::make_unique<Visitor>(&world_->loop(), std::move(names), i + 1));
    visitors_.back()->Come(world_->gateway_address(gateway),
                           absl::StrCat("127.0.0.", 2 + i % 8));
  }
}

template <typename Predicate>
bool AStorm::WaitUntil(Predicate done) {
  const Clock::time_point end = Clock::now() + 10 * testing_support::kPatience;
  while (!done()) {
    world_->loop().RunUntil([] { return false; }, Milliseconds(10));
    const Clock::time_point now = Clock::now();
    if (now > end) {
      ADD_FAILURE() << "the awaited condition did not come true";
      return false;
    }
    for (const auto& visitor : visitors_) visitor->Turn(now);
  }
  return true;
}

TEST_F(AStorm, BehindAGatewaysDeathAsksNoMoreAtOnceThanMayBeInFlight) {
  // More than may be in flight and in the queue together.
  constexpr int kCount = 2400 / kSlowness;
  constexpr int kChannels = 5 * kSlowness;
  static_assert(kCount * kChannels > contract::kAuthorizerInFlightMax +
                                         contract::kAuthorizerQueueMax);
  // Nothing is late, so that the queue fills up, and the flight too.
  MakeWorld(2, {"--authorizer_timeout=60"}, {});
  WebSocketClient& ada = world_->Open(0);
  EXPECT_EQ(ada.Subscribe("private-ada", "yes").type(), "subscribed");
  Come(1, kCount, /*channels=*/1);
  ASSERT_TRUE(WaitUntilAllAreSubscribed());
  authorizer_.SetRate(1);

  world_->gateway(1).Kill();
  Come(0, kCount, kChannels);

  ASSERT_TRUE(WaitUntil([&] { return unavailable() > 0; }));
  EXPECT_GT(world_->ServiceMetrics().Sum("herald_authorizer_queue_full_total"),
            0);
  EXPECT_EQ(world_->backend().Broadcast("private-ada", "e", "1"), 1);
  EXPECT_EQ(ada.Next().type(), "event") << "clients that stay do not notice";
  authorizer_.SetRate(3000);
  ASSERT_TRUE(WaitUntilAllAreSubscribed());
  EXPECT_EQ(authorizer_.open_max(), contract::kAuthorizerInFlightMax);
}

TEST_F(AStorm, DoesNotDrownAnAuthorizerThatIsTooSlowForIt) {
  // It takes two timeouts for as many as may be in flight. If it had so many,
  // each answer would be too late, and each question come again.
  constexpr int kCount = 2000 / kSlowness;
  MakeWorld(2, {}, {});
  Come(1, kCount, /*channels=*/1);
  ASSERT_TRUE(WaitUntilAllAreSubscribed());
  authorizer_.SetRate(500 / kSlowness);

  world_->gateway(1).Kill();
  Come(0, kCount, /*channels=*/1);

  ASSERT_TRUE(WaitUntilAllAreSubscribed());
  EXPECT_LE(authorizer_.open_max(), contract::kAuthorizerInFlightMax);
  EXPECT_LT(authorizer_.count(), 3 * kCount);
}

TEST_F(AStorm, IsAcceptedAtTheRateOfItsGateway) {
  constexpr int kCount = 2000 / kSlowness;
  MakeWorld(1, {}, {absl::StrCat("--max_connect_rate=", kCount / 5)});

  Come(0, kCount, /*channels=*/1);

  ASSERT_TRUE(WaitUntilAllAreSubscribed());
  EXPECT_GT(refusals(), 0);
  const auto page = world_->GatewayMetrics(0);
  EXPECT_EQ(page.Sum("herald_gateway_connections"), kCount);
  EXPECT_EQ(page.Sum("herald_gateway_connections_total"), kCount);
  EXPECT_EQ(page.Sum("herald_gateway_refused_connections_total",
                     {{"reason", "overrun"}}),
            refusals());
  world_->gateway(0).WaitForLine("refusing connections");
}

}  // namespace
}  // namespace herald::end_to_end
