// SPDX-License-Identifier: Apache-2.0
//
// Recovery of many sockets, and of unusual questions: which bytes are shared,
// how many a socket may get, and which position counts.

#include <variant>

#include "gateway/router/router.h"
#include "tests/gateway/router/history_world.h"

namespace herald::gateway {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST_F(ARouterWithHistory, AsksOnceForAllThatWait) {
  Attach();
  Listening();
  Publish(5);
  Browser& first = Returning(3);
  Browser& same = Returning(3);
  Browser& later = Returning(4);
  Browser& earlier = Returning(1);
  EXPECT_THAT(Recovers(), ElementsAre(3));
  Replay(3);
  EXPECT_THAT(first.Received(),
              ElementsAre(Subscribed("true"), Event(4), Event(5)));
  EXPECT_THAT(same.Received(),
              ElementsAre(Subscribed("true"), Event(4), Event(5)));
  EXPECT_THAT(later.Received(), ElementsAre(Subscribed("true"), Event(5)));
  EXPECT_THAT(earlier.Received(), IsEmpty());
  EXPECT_THAT(Recovers(), ElementsAre(1));
  Replay(1);
  EXPECT_THAT(earlier.Received(), SizeIs(5));
  EXPECT_THAT(Recovers(), IsEmpty());
}

TEST_F(ARouterWithHistory, DoesNotAskForEventsThatAreReportedLost) {
  Attach();
  Listening();
  Publish(5);
  std::vector<Browser*> lost;
  for (const int64_t since : {0, 1, 2}) lost.push_back(&Returning(since));
  Browser& near = Returning(3);
  EXPECT_THAT(Recovers(), ElementsAre(0));
  Say(Recovery(0, /*available=*/false, /*available_since=*/3));
  for (Browser* const one : lost) {
    EXPECT_THAT(one->Received(), ElementsAre(Subscribed("false")));
  }
  EXPECT_THAT(Recovers(), ElementsAre(3));
  Replay(3);
  EXPECT_THAT(near.Received(),
              ElementsAre(Subscribed("true"), Event(4), Event(5)));
}

TEST_F(ARouterWithHistory, AsksAgainForTheLatestIfOthersAreRefused) {
  Attach();
  Listening();
  Publish(5);
  Browser& far = Returning(1);
  Browser& latest = Open();
  latest.Received();
  Ask(latest, R"({"offset":0})");
  AllowAt(Asked().ticket());
  EXPECT_THAT(Recovers(), ElementsAre(1));
  Say(Recovery(1, /*available=*/false, /*available_since=*/7));
  EXPECT_THAT(far.Received(), ElementsAre(Subscribed("false")));
  EXPECT_THAT(latest.Received(), IsEmpty());
  EXPECT_THAT(Recovers(), ElementsAre(kLatest));
  Replay(4);
  EXPECT_THAT(latest.Received(), ElementsAre(Subscribed("true"), Event(5)));
}

TEST_F(ARouterWithHistory, GivesNoSocketMoreThanItsBound) {
  Attach();
  Listening();
  const auto bytes = MessageBytes(EventMessage{Published(10).publication()});
  const int64_t some = kMissedBytesMax / bytes;
  Publish(static_cast<int>(11 + some));
  Browser& far = Returning(9);
  Browser& near = Returning(offset_ - some);
  Browser& latest = Returning(offset_ - 1);
  Replay(9);
  EXPECT_THAT(far.Received(), ElementsAre(Subscribed("false")));
  EXPECT_THAT(near.Received(), SizeIs(some + 1));
  EXPECT_THAT(latest.Received(),
              ElementsAre(Subscribed("true"), Event(offset_)));
  EXPECT_EQ(observer_.lost, 1);
}

TEST_F(ARouterWithHistory, HasAllShareMissedEvents) {
  Attach();
  Listening();
  Say(Published(++offset_,
                Open().id));  // Excepts a socket that does not return.
  Publish(3);
  Returning(0);
  Returning(1);
  Say(Recovery(0));
  for (int64_t i = 1; i <= offset_; ++i) {
    link::v1::AttachResponse frame;
    *frame.add_items() = i == 1 ? Published(i, browsers_[1]->id) : Published(i);
    EXPECT_TRUE(router_.Receive(std::move(frame)).ok());
  }
  std::vector<const Confirmed*> answers;
  for (const auto& batch : loops_[0].batches) {
    for (const Delivery& one : batch) {
      if (const auto* yes = std::get_if<Confirmed>(&one)) {
        answers.push_back(yes);
      }
    }
  }
  ASSERT_THAT(answers, SizeIs(2));
  EXPECT_EQ(answers[0]->missed, answers[1]->missed);
  EXPECT_NE(answers[0]->since, answers[1]->since);
}

TEST_F(ARouterWithHistory, DoesNotGiveAnExceptedSocketItsOwnEvent) {
  Attach();
  Browser& ada = Listening();
  Say(Published(++offset_, ada.id));
  Publish();
  EXPECT_THAT(ada.Received(), ElementsAre(Event(2)));
  Send(ada, R"({"type":"unsubscribe","channel":"chat"})");
  Listening();
  ada.Received();
  Ask(ada, 0);
  AllowAt(Asked().ticket());
  Browser& bob = Returning(0);
  Say(Recovery(0));
  Say(Published(1, ada.id));
  Say(Published(2));
  EXPECT_THAT(ada.Received(), ElementsAre(Subscribed("true"), Event(2)));
  EXPECT_THAT(bob.Received(),
              ElementsAre(Subscribed("true"), Event(1), Event(2)));
}

TEST_F(ARouterWithHistory, ReportsALossRatherThanCutAFullSocket) {
  Attach();
  Listening();
  Publish(2);
  Browser& bob = Returning(1);
  bob.socket.roomless = true;
  Replay(1);
  EXPECT_THAT(bob.Received(), ElementsAre(Subscribed("false")));
  EXPECT_THAT(bob.socket.closed, IsEmpty());
  EXPECT_EQ(observer_.lost, 1);
}

TEST_F(ARouterWithHistory, AnswersEachSubscribeByItsOwnPosition) {
  Attach();
  Listening();
  Publish(5);
  Browser& bob = Open();
  bob.Received();
  Ask(bob, 3);
  const int64_t ticket = Asked().ticket();
  Ask(bob);
  Ask(bob, 5);
  Ask(bob, 4);
  AllowAt(ticket);
  Replay(3);
  Run();
  // It has all by the first answer; a later subscriber with another position is
  // answered by that position.
  EXPECT_THAT(bob.Received(),
              ElementsAre(Subscribed("true"), Event(4), Event(5), Subscribed(),
                          Subscribed("true"), Subscribed("false")));
  Publish();
  EXPECT_THAT(bob.Received(), ElementsAre(Event(6)));
}

TEST_F(ARouterWithHistory, LimitsTheAnswerToUsefulBytes) {
  Attach();
  Listening();
  Publish(2);
  Returning(1);
  EXPECT_EQ(uplink_->items.back().recover().bytes_max(), 2 * kMissedBytesMax);
  Replay(1);
  // A gap is filled for all, however large it is.
  offset_ += 2;
  Say(Published(offset_));
  EXPECT_TRUE(uplink_->items.back().has_recover());
  EXPECT_EQ(uplink_->items.back().recover().bytes_max(), 0);
}

TEST_F(ARouterWithHistory, DoesNotAskForASubscribeThatWasCancelledBefore) {
  Attach();
  Listening();
  Publish(5);
  Browser& first = Returning(3);
  EXPECT_THAT(Recovers(), ElementsAre(3));
  Browser& second = Returning(1);
  const int64_t ticket = Asked().ticket();
  Send(second, R"({"type":"unsubscribe","channel":"chat"})");
  // It counted, and does not any more.
  EXPECT_EQ(uplink_->items.back().unsubscribe().ticket(), ticket);
  EXPECT_EQ(uplink_->items.back().unsubscribe().channel(), "chat");
  EXPECT_THAT(second.Received(),
              ElementsAre(R"({"type":"unsubscribed","channel":"chat"})"));
  Replay(3);
  EXPECT_THAT(first.Received(), SizeIs(3));
  EXPECT_THAT(Recovers(), IsEmpty());
  Publish();
  EXPECT_THAT(second.Received(), IsEmpty());
  EXPECT_THAT(first.Received(), ElementsAre(Event(6)));
}

TEST_F(ARouterWithHistory, DoesNotAskForMissedEventsOfAClosedSocket) {
  Attach();
  Listening();
  Publish(5);
  Browser& first = Returning(3);
  EXPECT_THAT(Recovers(), ElementsAre(3));
  Browser& second = Returning(1);
  const int64_t ticket = Asked().ticket();
  Leave(second);
  EXPECT_EQ(uplink_->items.back().unsubscribe().ticket(), ticket);
  EXPECT_EQ(uplink_->items.back().unsubscribe().channel(), "chat");
  Replay(3);
  EXPECT_THAT(first.Received(), SizeIs(3));
  EXPECT_THAT(Recovers(), IsEmpty());
}

TEST_F(ARouterWithHistory, ChargesASocketForARecoveryThatItCancels) {
  Attach();
  Listening();
  Publish(20);
  Browser& bob = Open();
  int turns = 0;
  for (; !bob.socket.paused && turns < 100'000; ++turns) {
    Ask(bob, offset_ - 10);
    AllowAt(Asked().ticket());
    Send(bob, R"({"type":"unsubscribe","channel":"chat"})");
    Replay(offset_ - 10);
    uplink_->Take();
  }
  EXPECT_GT(turns, 10'000);
  EXPECT_LT(turns, 40'000) << "some 800 bytes each";
  EXPECT_EQ(observer_.limited[RateLimit::kAnswers], 1);
}

// A backend has a browser subscribe.
link::v1::ServiceItem CallFor(const std::string& socket_id) {
  link::v1::ServiceItem item;
  item.mutable_call()->set_call_id(7);
  item.mutable_call()->mutable_subscribe()->set_socket_id(socket_id);
  item.mutable_call()->mutable_subscribe()->set_channel("chat");
  return item;
}

TEST_F(ARouterWithHistory, AnswersASubscribeThatComesAfterABackends) {
  Attach();
  Listening();
  Publish(3);
  Browser& bob = Open();
  bob.Received();
  Say(CallFor(bob.id));
  const int64_t ticket = Asked().ticket();
  Ask(bob, 1);
  EXPECT_EQ(Asked().ticket(), ticket);
  AllowAt(ticket);
  Run();
  EXPECT_THAT(bob.Received(), ElementsAre(Subscribed(), Subscribed("false")));
}

TEST_F(ARouterWithHistory, RecoversASubscribeThatABackendOvertakes) {
  Attach();
  Listening();
  Publish(3);
  Browser& bob = Open();
  bob.Received();
  Ask(bob, 1);
  Say(CallFor(bob.id));
  AllowAt(Asked().ticket());
  Replay(1);
  EXPECT_THAT(bob.Received(),
              ElementsAre(Subscribed("true"), Event(2), Event(3)));
}

}  // namespace
}  // namespace herald::gateway
