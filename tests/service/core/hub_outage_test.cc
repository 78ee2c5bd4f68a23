// SPDX-License-Identifier: Apache-2.0
//
// A service whose engine is away for a while, and answers late. The sources are
// link/links.cc, subscriptions.cc, adoptions.cc and engine/open_channels.cc.

#include <random>

#include "tests/service/core/fake_gateway.h"
#include "tests/service/engine/slow_engine.h"

namespace herald::core {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Nothing is answered before Settle().
class AnEngineThatIsAway : public ::testing::Test {
 protected:
  AnEngineThatIsAway() {
    CoreOptions options;
    options.settings.set_max_payload(100);
    options.settings.set_max_channels(2);
    hub_ = std::make_unique<Hub>(options, &engine_, &authorizer_, &timers_,
                                 &observer_);
    hub_->Start();
    timers_.Advance(absl::Milliseconds(500));
    gateway_ = std::make_unique<FakeGateway>(hub_.get(), 1);
    gateway_->Attach();
    engine_.Settle();
    EXPECT_THAT(gateway_->Hears(), ElementsAre("settings", "settled"));
  }

  absl::Status Publish(const std::string& channel) {
    v1::BroadcastRequest request;
    request.add_channels(channel);
    request.set_event("e");
    request.set_data("1");
    absl::Status status = absl::InternalError("not answered");
    hub_->Broadcast(request,
                    [&](const auto& answer) { status = answer.status(); });
    EXPECT_TRUE(absl::IsInternal(status)) << "inside the call";
    engine_.Settle();
    return status;
  }

  FakeTimers timers_;
  FakeAuthorizer authorizer_;
  Observer observer_;
  std::mt19937 random_;
  MemoryEngine memory_{&timers_};
  SlowEngine engine_{&memory_, [this] { return random_(); }};
  std::unique_ptr<Hub> hub_;
  std::unique_ptr<FakeGateway> gateway_;
};

TEST_F(AnEngineThatIsAway, IsUnavailableToBackendsAndBack) {
  EXPECT_TRUE(Publish("news").ok());
  engine_.SetUp(false);
  EXPECT_TRUE(absl::IsUnavailable(Publish("news")));
  engine_.SetUp(true);
  EXPECT_TRUE(Publish("news").ok());
}

TEST_F(AnEngineThatIsAway, RefusesSubscribesAndKeepsNothingOfThem) {
  engine_.SetUp(false);
  gateway_->Subscribe(1, "news");
  EXPECT_THAT(gateway_->Hears(), IsEmpty());
  engine_.Settle();
  EXPECT_THAT(gateway_->Hears(), ElementsAre("no 1 CODE_UNAVAILABLE"));
  EXPECT_EQ(hub_->Counts().channels, 0);
  engine_.SetUp(true);
  gateway_->Subscribe(2, "news");
  engine_.Settle();
  EXPECT_THAT(gateway_->Hears(), ElementsAre("yes 2"));
  EXPECT_TRUE(Publish("news").ok());
  EXPECT_THAT(gateway_->Hears(), ElementsAre("news: 1"));
}

TEST_F(AnEngineThatIsAway, ThatGoesBetweenOpeningAndAdmissionLeavesNothing) {
  gateway_->Subscribe(1, "news");
  EXPECT_TRUE(engine_.Turn());  // Opened; the admission is asked for.
  EXPECT_EQ(hub_->Counts().channels, 1);
  engine_.SetUp(false);
  engine_.Settle();
  EXPECT_THAT(gateway_->Hears(), ElementsAre("no 1 CODE_UNAVAILABLE"));
  EXPECT_EQ(hub_->Counts().channels, 0);
}

TEST_F(AnEngineThatIsAway, EndsTheLinkOfAGatewayThatComes) {
  engine_.SetUp(false);
  FakeGateway other(hub_.get(), 2);
  other.Hold("news", 1);
  other.Attach();
  engine_.Settle();
  EXPECT_TRUE(absl::IsUnavailable(other.closed()));
  other.Lose();
  engine_.SetUp(true);
  FakeGateway again(hub_.get(), 2);
  again.Hold("news", 1);
  again.Attach();
  engine_.Settle();
  EXPECT_THAT(again.Hears(), ElementsAre("settings", "settled"));
  EXPECT_EQ(hub_->Counts().subscriptions, 1);
}

TEST_F(AnEngineThatIsAway, AdmitsNobodyOfALinkThatHasEnded) {
  gateway_->Subscribe(1, "presence-room");
  authorizer_.Allow("ada");
  EXPECT_TRUE(engine_.Turn());
  gateway_->Lose();
  engine_.Settle();
  EXPECT_EQ(hub_->Counts().members, 0);
  EXPECT_EQ(hub_->Counts().channels, 0);
}

TEST_F(AnEngineThatIsAway, CountsSubscribesThatWaitAgainstTheLimits) {
  gateway_->Subscribe(1, "a");
  gateway_->Subscribe(2, "b");
  EXPECT_TRUE(engine_.Turn());
  EXPECT_TRUE(engine_.Turn());
  engine_.Settle();
  gateway_->Subscribe(3, "c");
  engine_.Settle();
  EXPECT_THAT(gateway_->Hears(),
              ::testing::UnorderedElementsAre("yes 1", "yes 2",
                                              "no 3 CODE_TOO_MANY_CHANNELS"));
}

}  // namespace
}  // namespace herald::core
