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
    EXPECT_THAT(gateway_->Received(), ElementsAre("settings", "settled"));
  }

  static v1::BroadcastRequest EventOn(const std::string& channel) {
    v1::BroadcastRequest request;
    request.add_channels(channel);
    request.set_event("e");
    request.set_data("1");
    return request;
  }

  absl::Status Publish(const std::string& channel) {
    absl::Status status = absl::InternalError("not answered");
    hub_->Broadcast(EventOn(channel),
                    [&](const auto& answer) { status = answer.status(); });
    EXPECT_TRUE(absl::IsInternal(status)) << "inside the call";
    engine_.Settle();
    return status;
  }

  // A Watch that has begun.
  std::shared_ptr<FakeSink> Watching(const std::string& channel) {
    v1::WatchRequest request;
    request.add_channels(channel);
    auto watch = std::make_shared<FakeSink>();
    EXPECT_TRUE(hub_->Watch(request, watch).ok());
    engine_.Settle();
    watch->Messages();
    return watch;
  }

  void SetPresence(bool presence) {
    rules_.clear_channels();
    rules_.add_channels()->set_pattern("presence-room");
    rules_.mutable_channels(0)->set_presence(presence);
    hub_->SetRules(rules_);
    EXPECT_THAT(gateway_->Received(), ElementsAre("settings"));
  }

  config::v1::Config rules_;
  FakeTimers timers_;
  FakeAuthorizer authorizer_;
  ServiceObserver observer_;
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

TEST_F(AnEngineThatIsAway, IsUnavailableAtOnceOnceTheOutageIsKnown) {
  engine_.SetKnownUp(false);
  absl::Status status;
  hub_->Broadcast(EventOn("news"),
                  [&](const auto& answer) { status = answer.status(); });
  EXPECT_EQ(status, absl::UnavailableError("the engine cannot be reached"));
  gateway_->Subscribe(1, "news");
  EXPECT_THAT(gateway_->Received(), ElementsAre("no 1 CODE_UNAVAILABLE"));
  EXPECT_FALSE(hub_->ready());
  engine_.SetKnownUp(true);
  EXPECT_TRUE(hub_->ready());
  EXPECT_TRUE(Publish("news").ok());
}

TEST_F(AnEngineThatIsAway, ReportsALossToGatewaysAndWatches) {
  gateway_->Subscribe(1, "news");
  engine_.Settle();
  EXPECT_THAT(gateway_->Received(), ElementsAre("yes 1"));
  const auto watch = Watching("news");

  EngineListener& node = *engine_.listener();
  node.WithChannel("news", [&] {
    node.OnHistoryBegan("news", {"e", 7}, true);
  });
  EXPECT_THAT(gateway_->Received(), ElementsAre("position 7 lost"));
  const auto began = watch->Messages();
  ASSERT_EQ(began.size(), 1u);
  EXPECT_EQ(began[0].subscribed().offset(), 7);
  EXPECT_TRUE(began[0].subscribed().has_recovered());
  EXPECT_FALSE(began[0].subscribed().recovered());

  node.WithChannel("news", [&] { node.OnHistoryEnded("news", false); });
  EXPECT_THAT(gateway_->Received(), ElementsAre("position 0"));
  const auto ended = watch->Messages();
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].subscribed().epoch(), "");
  EXPECT_FALSE(ended[0].subscribed().has_recovered());
}

TEST_F(AnEngineThatIsAway, ReportsARosterToGatewaysAndWatches) {
  gateway_->Subscribe(1, "presence-room");
  authorizer_.Allow("ada");
  engine_.Settle();
  gateway_->Received();
  const auto watch = Watching("presence-room");

  EngineListener& node = *engine_.listener();
  node.WithChannel("presence-room", [&] {
    node.OnRosterReplaced("presence-room", {"e", 3});
  });
  EXPECT_THAT(gateway_->Received(), ElementsAre("roster ada"));
  const auto messages = watch->Messages();
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(messages[0].subscribed().members(0).user_id(), "ada");
  EXPECT_EQ(messages[0].subscribed().offset(), 3);
}

TEST_F(AnEngineThatIsAway, SettlesAGatewayThatComes) {
  engine_.SetKnownUp(false);
  FakeGateway other(hub_.get(), 2);
  other.Attach();
  engine_.SetUp(true);
  engine_.Settle();
  EXPECT_THAT(other.Received(), ElementsAre("settings", "settled"));
}

TEST_F(AnEngineThatIsAway, RefusesSubscribesAndKeepsNothingOfThem) {
  engine_.SetUp(false);
  gateway_->Subscribe(1, "news");
  EXPECT_THAT(gateway_->Received(), IsEmpty());
  engine_.Settle();
  EXPECT_THAT(gateway_->Received(), ElementsAre("no 1 CODE_UNAVAILABLE"));
  EXPECT_EQ(hub_->Counts().channels, 0);
  engine_.SetUp(true);
  gateway_->Subscribe(2, "news");
  engine_.Settle();
  EXPECT_THAT(gateway_->Received(), ElementsAre("yes 2"));
  EXPECT_TRUE(Publish("news").ok());
  EXPECT_THAT(gateway_->Received(), ElementsAre("news: 1"));
}

TEST_F(AnEngineThatIsAway, ThatGoesBetweenOpeningAndAdmissionLeavesNothing) {
  gateway_->Subscribe(1, "news");
  EXPECT_TRUE(engine_.Turn());  // Opened; the admission is asked for.
  EXPECT_EQ(hub_->Counts().channels, 1);
  engine_.SetUp(false);
  engine_.Settle();
  EXPECT_THAT(gateway_->Received(), ElementsAre("no 1 CODE_UNAVAILABLE"));
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
  EXPECT_THAT(again.Received(), ElementsAre("settings", "settled"));
  EXPECT_EQ(hub_->Counts().subscriptions, 1);
}

// As an engine may that knows already that it is away.
class EngineThatRefusesAttaches final : public SlowEngine {
 public:
  using SlowEngine::SlowEngine;
  void Attach(uint64_t /*gateway*/, AttachDone done) override {
    done(absl::UnavailableError("away"));
  }
};

TEST(AnEngineThatRefusesAtOnce, HasTheLinkEndWithoutALock) {
  FakeTimers timers;
  FakeAuthorizer authorizer;
  ServiceObserver observer;
  std::mt19937 random;
  MemoryEngine memory{&timers};
  EngineThatRefusesAttaches engine(&memory, [&] { return random(); });
  Hub hub({}, &engine, &authorizer, &timers, &observer);
  hub.Start();
  link::v1::Hello hello;
  hello.set_protocol_version(1);
  hello.set_gateway_id(1);
  const auto sink = std::make_shared<FakeSink>();
  absl::Status other;
  sink->on_close = [&] {
    other = FakeGateway(&hub, 2).closed();  // It needs the same locks.
  };
  EXPECT_TRUE(hub.Open(hello, sink).ok());
  EXPECT_TRUE(absl::IsUnavailable(sink->closed)) << sink->closed;
  EXPECT_TRUE(absl::IsUnavailable(other)) << other;
}

TEST_F(AnEngineThatIsAway, AdmitsNoSocketOfALinkThatHasEnded) {
  gateway_->Subscribe(1, "presence-room");
  authorizer_.Allow("ada");
  EXPECT_TRUE(engine_.Turn());
  gateway_->Lose();
  engine_.Settle();
  EXPECT_EQ(hub_->Counts().members, 0);
  EXPECT_EQ(hub_->Counts().channels, 0);
}

// In each order of the admission and of the engine's change of rules.
TEST_F(AnEngineThatIsAway, ShowsNoMemberIfTheRulesEndPresenceMeanwhile) {
  for (int i = 1; i <= 10; ++i) {
    SCOPED_TRACE(i);
    SetPresence(true);
    engine_.Settle();
    gateway_->Subscribe(i, "presence-room");
    authorizer_.Allow("ada");
    EXPECT_TRUE(engine_.Turn());  // Opened; the admission is asked for.
    SetPresence(false);
    engine_.Settle();
    EXPECT_THAT(gateway_->Received(), ElementsAre(absl::StrCat("yes ", i)));
    EXPECT_EQ(hub_->Counts().members, 0);
    EXPECT_EQ(hub_->Counts().subscriptions, 1);
    EXPECT_TRUE(gateway_->Unsubscribe(i, "presence-room", "ada").ok());
    engine_.Settle();
    EXPECT_EQ(hub_->Counts().channels, 0);
    EXPECT_FALSE(engine_.IsOpen("presence-room"));
  }
}

TEST_F(AnEngineThatIsAway, ShowsAMemberIfTheRulesBeginPresenceMeanwhile) {
  for (const char* user : {"", "ada"}) {
    SCOPED_TRACE(user);
    SetPresence(false);
    engine_.Settle();
    gateway_->Subscribe(1, "presence-room");
    authorizer_.Allow(user);
    EXPECT_TRUE(engine_.Turn());  // Opened; the admission is asked for.
    SetPresence(true);
    engine_.Settle();
    const bool is_member = user[0] != '\0';
    EXPECT_THAT(
        gateway_->Received(),
        ElementsAre(is_member ? "yes 1 ada" : "no 1 CODE_UNAUTHORIZED"));
    EXPECT_EQ(hub_->Counts().members, is_member ? 1 : 0);
    EXPECT_EQ(hub_->Counts().channels, is_member ? 1 : 0);
    EXPECT_EQ(engine_.IsOpen("presence-room"), is_member);
  }
}

TEST_F(AnEngineThatIsAway,
       EndsTheMembersOfAGatewayWithoutANumberForItsNextLink) {
  gateway_->Subscribe(1, "presence-room");
  authorizer_.Allow("ada");
  engine_.Settle();
  EXPECT_EQ(hub_->Counts().members, 1);
  engine_.SetUp(false);
  FakeGateway next(hub_.get(), 1);
  engine_.Settle();
  EXPECT_TRUE(absl::IsUnavailable(next.closed()));
  next.Lose();
  engine_.Settle();
  timers_.Advance(absl::Minutes(1));
  EXPECT_EQ(hub_->Counts().members, 0);
}

TEST_F(AnEngineThatIsAway, KeepsNothingOfAWatchThatEndsWhileItWaits) {
  v1::WatchRequest request;
  request.add_channels("news");
  v1::ChannelPosition& since = *request.add_since();
  since.set_channel("news");
  since.set_epoch("e");
  const auto watch = std::make_shared<FakeSink>();
  rules_.add_channels()->set_pattern("news");
  rules_.mutable_channels(0)->set_history_size(10);
  hub_->SetRules(rules_);
  engine_.Settle();
  EXPECT_TRUE(hub_->Watch(request, watch).ok());
  EXPECT_TRUE(engine_.Turn());  // Opened; missed events are requested.
  EXPECT_TRUE(engine_.IsOpen("news"));
  EXPECT_EQ(hub_->Counts().channels, 0) << "a Watch is no subscription";
  hub_->Unwatch(request, watch);
  EXPECT_TRUE(engine_.IsOpen("news"));
  engine_.Settle();
  EXPECT_FALSE(engine_.IsOpen("news"));
  EXPECT_EQ(watch->Messages().size(), 1u) << "`connected` alone";
}

TEST_F(AnEngineThatIsAway, AnswersManyRecoveriesAFewAtATime) {
  rules_.add_channels()->set_pattern("news");
  rules_.mutable_channels(0)->set_history_size(10);
  hub_->SetRules(rules_);
  gateway_->Subscribe(1, "news");
  engine_.Settle();
  EXPECT_TRUE(Publish("news").ok());
  gateway_->Received();
  constexpr size_t kMany = 200;
  for (size_t i = 0; i < kMany; ++i) {
    EXPECT_TRUE(gateway_->Recover("news", {}).ok());
  }
  EXPECT_THAT(gateway_->Received(), IsEmpty());
  engine_.Settle();
  size_t answers = gateway_->Received().size() / 2;
  EXPECT_GT(answers, 0u);
  EXPECT_LT(answers, kMany / 2);
  for (int i = 0; i < 10 && answers < kMany; ++i) {
    timers_.Advance(absl::Milliseconds(10));
    engine_.Settle();
    answers += gateway_->Received().size() / 2;
  }
  EXPECT_EQ(answers, kMany);
}

TEST_F(AnEngineThatIsAway, CountsSubscribesThatWaitAgainstTheLimits) {
  gateway_->Subscribe(1, "a");
  gateway_->Subscribe(2, "b");
  EXPECT_TRUE(engine_.Turn());
  EXPECT_TRUE(engine_.Turn());
  engine_.Settle();
  gateway_->Subscribe(3, "c");
  engine_.Settle();
  EXPECT_THAT(gateway_->Received(),
              ::testing::UnorderedElementsAre("yes 1", "yes 2",
                                              "no 3 CODE_TOO_MANY_CHANNELS"));
}

}  // namespace
}  // namespace herald::core
