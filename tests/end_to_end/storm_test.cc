// SPDX-License-Identifier: Apache-2.0
//
// Thousands of browsers come back in one instant: what that costs the
// authorizer, and what a gateway lets in.

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

// An authorizer that takes its time: it answers so many questions a second, in
// the order in which they came, whether anybody waits for the answer or not.
// Counts how many it has at once.
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
        authorizer_.Say(answer);
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

// A client as proto/WEBSOCKET.md wants it: comes back, and asks again where
// nobody could decide, after a pause that doubles.
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
    while (client_->waiting() > 0) Hear(client_->Next(), now);
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

  void Hear(const Frame& frame, Clock::time_point now) {
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
  // `count` browsers on private channels of the second of two gateways, which
  // is then killed; they come to the first one at once. Returns when all are
  // subscribed again.
  void KillAGateway(int count, int channels, int answers_per_second);

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

  bool Start(int count, int channels, const std::string& gateway);
  bool WaitUntilDone();

  BusyAuthorizer authorizer_;
  std::unique_ptr<HeraldWorld> world_;
  std::vector<std::unique_ptr<Visitor>> visitors_;
};

bool AStorm::Start(int count, int channels, const std::string& gateway) {
  visitors_.clear();
  for (int i = 0; i < count; ++i) {
    std::vector<std::string> names;
    for (int c = 0; c < channels; ++c) {
      names.push_back(absl::StrCat("private-", (i + c) % 1000));
    }
    visitors_.push_back(
        std::make_unique<Visitor>(&world_->loop(), std::move(names), i + 1));
    visitors_.back()->Come(gateway, absl::StrCat("127.0.0.", 2 + i % 8));
  }
  return WaitUntilDone();
}

bool AStorm::WaitUntilDone() {
  const Clock::time_point end = Clock::now() + 10 * testing_support::kPatience;
  for (size_t done = 0; done < visitors_.size();) {
    world_->loop().RunUntil([] { return false; }, Milliseconds(10));
    const Clock::time_point now = Clock::now();
    if (now > end) {
      ADD_FAILURE() << done << " of " << visitors_.size() << " have come back";
      return false;
    }
    for (const auto& visitor : visitors_) visitor->Turn(now);
    done = static_cast<size_t>(
        std::count_if(visitors_.begin(), visitors_.end(),
                      [](const auto& visitor) { return visitor->done(); }));
  }
  return true;
}

void AStorm::KillAGateway(int count, int channels, int answers_per_second) {
  world_ = std::make_unique<HeraldWorld>(testing_support::HeraldWorldOptions{
      .service_flags = {"--authorizer=" + authorizer_.address()}});
  ASSERT_TRUE(Start(count, channels, world_->gateway_address(1)));
  authorizer_.SetRate(answers_per_second);
  world_->gateway(1).Kill();
  ASSERT_TRUE(Start(count, channels, world_->gateway_address(0)));
}

TEST_F(AStorm, BehindAGatewaysDeathAsksNoMoreAtOnceThanMayBeInFlight) {
  // More than may be in flight and in the queue together.
  constexpr int kCount = 3000 / kSlowness;
  constexpr int kChannels = 6 * kSlowness;
  static_assert(kCount * kChannels > contract::kAuthorizerInFlightMax +
                                         contract::kAuthorizerQueueMax);

  KillAGateway(kCount, kChannels, /*answers_per_second=*/3000);

  EXPECT_GT(authorizer_.open_max(), 100u);
  EXPECT_LE(authorizer_.open_max(), contract::kAuthorizerInFlightMax);
  EXPECT_GT(world_->ServiceMetrics().Sum("herald_authorizer_queue_full_total"),
            0);
  EXPECT_GT(unavailable(), 0);
}

TEST_F(AStorm, DoesNotDrownAnAuthorizerThatIsTooSlowForIt) {
  // It takes two timeouts for as many as may be in flight. If it had so many,
  // each answer would be too late, and each question come again.
  constexpr size_t kCount = 2000 / kSlowness;

  KillAGateway(kCount, /*channels=*/1, /*answers_per_second=*/500 / kSlowness);

  EXPECT_LE(authorizer_.open_max(), contract::kAuthorizerInFlightMax);
  EXPECT_LT(authorizer_.count(), 3 * kCount);
}

TEST_F(AStorm, IsLetInAtTheRateOfItsGateway) {
  constexpr int kCount = 2000 / kSlowness;
  world_ = std::make_unique<HeraldWorld>(testing_support::HeraldWorldOptions{
      .gateways = 1,
      .service_flags = {"--authorizer=" + authorizer_.address()},
      .gateway_flags = {absl::StrCat("--max_connect_rate=", kCount / 5)}});

  ASSERT_TRUE(Start(kCount, /*channels=*/1, world_->gateway_address(0)));

  EXPECT_GT(refusals(), 0);
  const auto page = world_->GatewayMetrics(0);
  EXPECT_EQ(page.Sum("herald_gateway_connections"), kCount);
  EXPECT_EQ(page.Sum("herald_gateway_connections_total"), kCount);
  EXPECT_EQ(page.Sum("herald_gateway_refused_connections_total",
                     {{"reason", "overrun"}}),
            refusals());
  world_->gateway(0).WaitForLine("some are refused");
}

}  // namespace
}  // namespace herald::end_to_end
