// SPDX-License-Identifier: Apache-2.0

#include "service/calls/calls.h"

#include <cstdlib>

#include "tests/service/core/hub_fakes.h"

namespace herald::core {
namespace {

class Calling : public ::testing::Test {
 protected:
  AttachmentPtr Gateway(int64_t id) {
    link::v1::Hello hello;
    hello.set_gateway_id(id);
    return std::make_shared<Attachment>(hello, std::make_shared<FakeSink>(),
                                        timers_.Now());
  }
  static int64_t IdAt(const AttachmentPtr& gateway) {
    auto items = static_cast<FakeSink&>(*gateway->sink).Items();
    EXPECT_EQ(items.size(), 1u);
    return items.at(0).call().call_id();
  }
  static const absl::Status& ClosedOf(const AttachmentPtr& gateway) {
    return static_cast<FakeSink&>(*gateway->sink).closed;
  }
  void Start(const std::vector<AttachmentPtr>& to) {
    calls_.Start({}, to, kCallDeadline, [this](absl::StatusOr<int64_t> r) {
      ++answers_;
      result_ = std::move(r);
    });
  }

  // A backend's call to a gateway, and the items that carry it out.
  static link::v1::Call SubscribeCall(const std::string& user) {
    link::v1::Call call;
    call.mutable_subscribe()->set_channel("presence-room");
    if (user.empty()) return call;
    call.mutable_subscribe()->mutable_member()->set_user_id(user);
    call.mutable_subscribe()->mutable_member()->set_user_info("{}");
    return call;
  }
  static link::v1::Subscribe SubscribeOf(const link::v1::Call& call,
                                         int64_t id) {
    link::v1::Subscribe subscribe;
    subscribe.set_call_id(id);
    subscribe.set_channel(call.subscribe().channel());
    if (call.subscribe().has_member()) {
      *subscribe.mutable_member() = call.subscribe().member();
    }
    return subscribe;
  }
  int64_t StartSubscribe(const link::v1::Call& call, const AttachmentPtr& to) {
    calls_.Start(call, {to}, kCallDeadline,
                 [this](absl::StatusOr<int64_t> r) { result_ = std::move(r); });
    return IdAt(to);
  }

  FakeTimers timers_;
  ServiceObserver observer_;
  Calls calls_{&timers_, &observer_};
  int answers_ = 0;
  absl::StatusOr<int64_t> result_ = absl::InternalError("none");
};

TEST_F(Calling, IsDoneAtOnceWithoutAGateway) {
  Start({});
  EXPECT_EQ(*result_, 0);
}

TEST_F(Calling, EndsOnceWithTheSumOfAllAnswers) {
  const auto one = Gateway(1), two = Gateway(2);
  Start({one, two});
  const int64_t id = IdAt(one);
  EXPECT_EQ(IdAt(two), id);
  calls_.Answer(id, one, 1);
  calls_.Answer(id, one, 5);  // Twice from the same: not counted.
  EXPECT_EQ(answers_, 0);
  calls_.Answer(id, two, 2);
  EXPECT_EQ(*result_, 3);
  calls_.End(two);
  timers_.Advance(absl::Seconds(5));
  EXPECT_EQ(answers_, 1);
}

TEST_F(Calling, KeepsTheFirstError) {
  const auto one = Gateway(1), two = Gateway(2);
  Start({one, two});
  const int64_t id = IdAt(one);
  calls_.Answer(id, one, absl::NotFoundError("no"));
  calls_.Answer(id, two, 2);
  EXPECT_EQ(result_.status(), absl::NotFoundError("no"));
}

TEST_F(Calling, FailsForAGatewayThatHasEnded) {
  const auto gone = Gateway(1);
  gone->ended = true;
  Start({gone});
  EXPECT_TRUE(absl::IsUnavailable(result_.status()));
}

TEST_F(Calling, NamesTheGatewaysThatDidNotAnswer) {
  const auto one = Gateway(1), two = Gateway(2), three = Gateway(3);
  Start({one, two, three});
  calls_.Answer(IdAt(one), one, 0);
  timers_.Advance(kCallDeadline);
  EXPECT_EQ(result_.status(),
            absl::UnavailableError("gateway 2 and 1 more did not answer in "
                                   "time"));
}

TEST_F(Calling, EndsTheLinkOfAGatewayThatAnswersNothing) {
  const auto deaf = Gateway(1), late = Gateway(2);
  Start({deaf, late});
  timers_.Advance(kCallDeadline);
  EXPECT_TRUE(absl::IsUnavailable(result_.status()));
  timers_.Advance(kAnswerMax - absl::Seconds(1));
  EXPECT_TRUE(ClosedOf(deaf).ok());
  calls_.Answer(IdAt(late), late, 1);
  timers_.Advance(absl::Seconds(1));
  EXPECT_EQ(ClosedOf(deaf),
            absl::DeadlineExceededError("gateway 1 answered no call for 30s"));
  timers_.Advance(kAnswerMax);
  EXPECT_TRUE(ClosedOf(late).ok());
}

TEST_F(Calling, IsClaimedOnceByTheGatewayThatItWaitsFor) {
  const auto one = Gateway(1), two = Gateway(2);
  const link::v1::Call call = SubscribeCall("ada");
  const int64_t id = StartSubscribe(call, one);
  const link::v1::Subscribe subscribe = SubscribeOf(call, id);
  EXPECT_FALSE(calls_.Claim(SubscribeOf(call, id + 1), one));
  EXPECT_FALSE(calls_.Claim(subscribe, two));
  EXPECT_TRUE(calls_.Claim(subscribe, one));
  EXPECT_FALSE(calls_.Claim(subscribe, one));
  EXPECT_TRUE(absl::IsInternal(result_.status())) << "it is not answered yet";
  calls_.Answer(id, one, 0);
  EXPECT_TRUE(result_.ok());
}

TEST_F(Calling, IsClaimedForTheChannelAndTheMemberOfTheBackendOnly) {
  const auto one = Gateway(1);
  const link::v1::Call call = SubscribeCall("ada");
  const link::v1::Subscribe asked =
      SubscribeOf(call, StartSubscribe(call, one));
  link::v1::Subscribe other = asked;
  other.set_channel("presence-other");
  EXPECT_FALSE(calls_.Claim(other, one));
  other = asked;
  other.mutable_member()->set_user_id("eve");
  EXPECT_FALSE(calls_.Claim(other, one));
  other = asked;
  other.mutable_member()->set_user_info("[]");
  EXPECT_FALSE(calls_.Claim(other, one));
  // The authorizer decides then.
  other.clear_member();
  EXPECT_TRUE(calls_.Claim(other, one));

  const int64_t without = StartSubscribe(SubscribeCall(""), one);
  EXPECT_FALSE(calls_.Claim(SubscribeOf(call, without), one));
}

TEST_F(Calling, IsNotClaimedWhenItHasTimedOutOrAsksForSomethingElse) {
  const auto one = Gateway(1);
  const link::v1::Call call = SubscribeCall("ada");
  const int64_t late = StartSubscribe(call, one);
  timers_.Advance(kCallDeadline);
  EXPECT_FALSE(calls_.Claim(SubscribeOf(call, late), one));

  link::v1::Call disconnect;
  disconnect.mutable_disconnect()->set_user_id("ada");
  const int64_t id = StartSubscribe(disconnect, one);
  EXPECT_FALSE(calls_.Claim(SubscribeOf(call, id), one));
}

// A gateway may send a result on the link after that of the call.
TEST_F(Calling, IsNotAnsweredByTheNextLinkOfItsGateway) {
  const auto before = Gateway(1), after = Gateway(1), other = Gateway(2);
  Start({before, other});
  const int64_t late = IdAt(before);
  calls_.End(before);
  calls_.Answer(late, after, 1);
  EXPECT_EQ(answers_, 0) << "it waits for the other gateway";
  Start({after});
  const int64_t id = IdAt(after);
  EXPECT_NE(id, late);
  calls_.Answer(late, after, 1);
  EXPECT_EQ(answers_, 0);
  calls_.Answer(id, after, 2);
  EXPECT_EQ(answers_, 1);
  EXPECT_EQ(*result_, 2);
}

TEST_F(Calling, UsesOtherIdsThanTheServiceBefore) {
  const auto one = Gateway(1);
  Start({one});
  const int64_t before = IdAt(one);
  Calls after(&timers_, &observer_);
  after.Start({}, {one}, kCallDeadline, [](const auto&) {});
  // Far enough from it: a service makes fewer calls than that.
  EXPECT_GT(std::abs(IdAt(one) - before), 1000);
}

}  // namespace
}  // namespace herald::core
