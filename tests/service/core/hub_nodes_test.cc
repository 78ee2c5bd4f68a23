// SPDX-License-Identifier: Apache-2.0
//
// A hub beside another node.

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "tests/service/core/fake_gateway.h"
#include "tests/service/core/hub.h"
#include "tests/service/core/hub_fakes.h"
#include "tests/service/engine/slow_engine.h"

namespace herald::core {
namespace {

using ::testing::ElementsAre;

class EngineOfTwoNodes final : public SlowEngine {
 public:
  using SlowEngine::SlowEngine;
  void ListNodes(NodesDone done) override {
    // In a turn of its own, as all answers.
    SlowEngine::ListNodes(
        [this, done = std::move(done)](const auto& /*none*/) mutable {
          if (!status.ok()) return done(status);
          done(std::vector<OtherNode>{{"other", stats.SerializeAsString()}});
        });
  }

  absl::Status status;
  node::v1::NodeStats stats;  // Of the other one.
};

class AHubBesideAnother : public ::testing::Test {
 protected:
  AHubBesideAnother() {
    CoreOptions options;
    options.version = "test";
    options.settings.set_max_payload(100);
    timers_.after_each = [this] { engine_.Settle(); };
    hub_ = std::make_unique<Hub>(std::move(options), &engine_, &authorizer_,
                                 &timers_, &observer_,
                                 [this] { engine_.Settle(); });
    hub_->Start();
    timers_.Advance(absl::Milliseconds(500));
  }

  std::mt19937 random_;
  FakeTimers timers_;
  FakeAuthorizer authorizer_;
  ServiceObserver observer_;
  MemoryEngine memory_{&timers_};
  EngineOfTwoNodes engine_{&memory_, [this] { return random_(); }};
  std::unique_ptr<Hub> hub_;
};

TEST_F(AHubBesideAnother, ShowsTheGatewaysOfBothInTheOrderOfTheirNumbers) {
  FakeGateway gateway(hub_.get(), 9);
  gateway.Attach();
  for (const char* id : {"10", "2"}) {
    v1::Gateway& other = *engine_.stats.add_gateways();
    other.set_id(id);
    other.set_client_count(20);
  }
  const auto stats = hub_->GetStats();
  ASSERT_TRUE(stats.ok()) << stats.status();
  std::vector<std::string> ids;
  for (const v1::Gateway& one : stats->gateways()) ids.push_back(one.id());
  EXPECT_THAT(ids, ElementsAre("2", "9", "10"));
  EXPECT_EQ(stats->client_count(), 40);
  EXPECT_EQ(stats->version(), "test");
}

// It was at the other node a moment ago.
TEST_F(AHubBesideAnother, ShowsAGatewayThatHasMovedOnce) {
  v1::Gateway& old = *engine_.stats.add_gateways();
  old.set_id("9");
  old.set_client_count(20);
  old.mutable_attach_time()->set_seconds(1);
  FakeGateway gateway(hub_.get(), 9);
  gateway.Attach();
  const auto stats = hub_->GetStats();
  ASSERT_TRUE(stats.ok()) << stats.status();
  ASSERT_EQ(stats->gateways_size(), 1);
  EXPECT_EQ(stats->client_count(), 0);
}

// In both orders of the record and the gateway.
TEST_F(AHubBesideAnother, SendsARevocationToAGatewayThatAttachesMeanwhile) {
  for (int turns = 0; turns < 12; ++turns) {
    v1::Revocation revocation;
    revocation.set_user_id("ada");
    ASSERT_TRUE(hub_->core()->commands()->Revoke(revocation).ok());
    for (int i = 0; i < turns; ++i) engine_.Turn();
    FakeGateway gateway(hub_.get(), 100 + turns, /*link_down_ms=*/1);
    gateway.Attach();
    EXPECT_THAT(gateway.Received(), ::testing::Contains("revocation ada"))
        << turns;
    timers_.Advance(absl::Minutes(1));
  }
}

TEST_F(AHubBesideAnother, ShowsNothingWhileItCannotAsk) {
  engine_.status = absl::UnavailableError("it is down");
  EXPECT_EQ(hub_->GetStats().status(), engine_.status);
}

}  // namespace
}  // namespace herald::core
