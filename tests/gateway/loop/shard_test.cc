// SPDX-License-Identifier: Apache-2.0
//
// What a loop does for all its sessions: turns, slow consumers, grants,
// revocations, drain.

#include "gateway/loop/shard.h"

#include <set>
#include <string>

#include "tests/gateway/gateway_world.h"

namespace herald::gateway {
namespace {

using contract::CloseReason;
using link::v1::Renewed;
using ::testing::_;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Gt;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Pair;
using ::testing::SizeIs;

class AShard : public GatewayWorld {
 protected:
  // A private subscription whose grant lives `life_ms`.
  Browser& Granted(int64_t life_ms) {
    Browser& ada = Open();
    Send(ada, R"({"type":"subscribe","channel":"private-x","auth":"t"})");
    Allow("ada", {}, life_ms, /*renewable=*/true);
    ada.Hears();
    uplink_->Take();
    return ada;
  }

  int Renewals() {
    int count = 0;
    for (const auto& item : uplink_->items) count += item.has_renew();
    return count;
  }

  void AnswerRenewal(Renewed::Outcome outcome, int64_t life_ms = 0) {
    for (const auto& said : uplink_->Take()) {
      if (!said.has_renew()) continue;
      link::v1::ServiceItem item;
      item.mutable_renewed()->set_ticket(said.renew().subscribe().ticket());
      item.mutable_renewed()->set_outcome(outcome);
      item.mutable_renewed()->set_expires_after_ms(life_ms);
      item.mutable_renewed()->set_reason("no more");
      Say(item);
    }
  }

  void Revoke(const v1::Revocation& revocation) {
    link::v1::ServiceItem item;
    *item.mutable_revocation() = revocation;
    Say(item);
  }
};

TEST_F(AShard, WritesASocketOnceForAllThatATurnBrings) {
  Attach();
  Browser& ada = Subscribed(Open(), "news");
  const int before = ada.socket.writes;
  link::v1::AttachResponse frame;
  for (int i = 0; i < 5; ++i) {
    auto& event = *frame.add_items()->mutable_publication();
    event.set_channel("news");
    event.set_event("e");
    event.set_data(std::to_string(i));
  }
  ASSERT_TRUE(router_.Receive(std::move(frame)).ok());
  Run();
  EXPECT_THAT(ada.Hears(), SizeIs(5));
  EXPECT_EQ(ada.socket.writes, before + 1);
}

TEST_F(AShard, CutsASlowSocketAndNobodyElse) {
  Attach();
  Browser& slow = Subscribed(Open(), "news");
  Browser& fast = Subscribed(Open(), "news");
  slow.socket.full = true;
  Publish("news", "1");
  slow.socket.full = false;
  Publish("news", "2");  // Not to the slow one: there would be a hole.
  EXPECT_THAT(slow.socket.closed, ElementsAre(Pair(CloseReason::kSlow, "")));
  EXPECT_THAT(slow.Hears(), IsEmpty());
  EXPECT_THAT(fast.Hears(),
              ElementsAre(Event("news", "1"), Event("news", "2")));
}

TEST_F(AShard, EndsTheSubscriptionsOfASocketThatIsTold) {
  Attach();
  Browser& slow = Subscribed(Open(), "news");
  slow.socket.full = true;
  Publish("news", "1");
  EXPECT_EQ(uplink_->items.back().unsubscribe().channel(), "news");
}

TEST_F(AShard, TakesMessagesOfAClosedSocketNoMore) {
  Attach();
  Browser& ada = Open();
  ada.Hears();
  CloseSome(ada.shard, 1);
  Send(ada, R"({"type":"ping"})");
  EXPECT_THAT(ada.Hears(), IsEmpty());
}

TEST_F(AShard, AsksAgainFromNineTenthsOfAGrant) {
  Attach();
  Browser& ada = Granted(10'000);
  Sleep(absl::Seconds(8.9));
  EXPECT_EQ(Renewals(), 0);
  Sleep(absl::Seconds(0.2));
  ASSERT_EQ(Renewals(), 1);
  const auto& question = uplink_->items.back().renew().subscribe();
  EXPECT_EQ(question.channel(), "private-x");
  EXPECT_EQ(question.auth_token(), "t");
  EXPECT_EQ(question.socket_id(), ada.id);
  EXPECT_EQ(question.member().user_id(), "ada");
  AnswerRenewal(Renewed::OUTCOME_ALLOWED, 10'000);
  Sleep(absl::Seconds(8));
  EXPECT_THAT(ada.Hears(), IsEmpty());
  Publish("private-x", "1");
  EXPECT_THAT(ada.Hears(), SizeIs(1));
}

TEST_F(AShard, AsksLaterWhenTooMuchWaitsForTheService) {
  Attach();
  Granted(40'000);
  Sleep(absl::Seconds(35));
  uplink_->waiting_bytes = kQuestionOutboxBytesMax;
  Sleep(absl::Seconds(2));
  EXPECT_EQ(Renewals(), 0);
  EXPECT_GE(observer_.postponed, 1);
  uplink_->waiting_bytes = 0;
  Sleep(absl::Seconds(1.1));
  EXPECT_EQ(Renewals(), 1);
}

TEST_F(AShard, EndsAGrantOnTimeWhenNobodyAnswers) {
  Attach();
  Browser& ada = Granted(10'000);
  Sleep(absl::Seconds(9.8));
  EXPECT_THAT(ada.Hears(), IsEmpty());
  Sleep(absl::Seconds(0.4));
  EXPECT_THAT(ada.Hears(), ElementsAre(HasSubstr("the grant has expired")));
  Publish("private-x", "1");
  EXPECT_THAT(ada.Hears(), IsEmpty());
}

TEST_F(AShard, EndsAGrantAtOnceWhenTheAnswerIsNo) {
  Attach();
  Browser& ada = Granted(10'000);
  Sleep(absl::Seconds(9.1));
  AnswerRenewal(Renewed::OUTCOME_DENIED);
  EXPECT_THAT(ada.Hears(), ElementsAre(HasSubstr("no more")));
}

TEST_F(AShard, TriesAgainWhenNobodyCouldDecideAndStillEndsOnTime) {
  Attach();
  Browser& ada = Granted(100'000);
  Sleep(absl::Seconds(45));
  ada.shard->SignOfLife(ada.session);
  Sleep(absl::Seconds(45.1));
  int asked = 0;
  for (int i = 0; i < 9; ++i) {
    asked += Renewals();
    AnswerRenewal(Renewed::OUTCOME_UNDECIDED);
    EXPECT_THAT(ada.Hears(), IsEmpty());
    Sleep(absl::Seconds(1.1));
    ada.shard->SignOfLife(ada.session);
  }
  EXPECT_GE(asked, 8);
  Sleep(absl::Seconds(1));
  EXPECT_THAT(ada.Hears(), ElementsAre(HasSubstr("the grant has expired")));
}

TEST_F(AShard, AsksAllGrantsAgainWhenRevocationsMayHaveBeenMissed) {
  Attach();
  Browser& ada = Granted(0);
  Subscribed(ada, "news");
  link::v1::ServiceItem all;
  all.mutable_renew_all();
  Say(all);
  Sleep(absl::Seconds(0.1));
  EXPECT_EQ(Renewals(), 1);
  AnswerRenewal(Renewed::OUTCOME_UNDECIDED);
  Sleep(absl::Seconds(1.2));
  EXPECT_EQ(Renewals(), 1);  // It is owed until somebody decides.
  AnswerRenewal(Renewed::OUTCOME_ALLOWED);
  Sleep(absl::Seconds(5));
  EXPECT_EQ(Renewals(), 0);
  EXPECT_THAT(ada.Hears(), IsEmpty());
}

class ManyGrants : public AShard {
 protected:
  static constexpr int kGrants = 2 * kRenewalsPerSlot + 50;

  void GrantMany(int64_t life_ms) {
    Attach();
    for (int i = 0; i < kGrants; ++i) {
      Browser& browser = i % 150 == 0 ? Open() : *browsers_.back();
      Send(browser, R"({"type":"subscribe","channel":"private-)" +
                        std::to_string(i) + "\"}");
      Allow("ada", {}, life_ms, /*renewable=*/true);
    }
    uplink_->Take();
  }

  void RenewAll() {
    link::v1::ServiceItem all;
    all.mutable_renew_all();
    Say(all);
  }

  // Lets `slots` pass and says how many were asked in the busiest and in all.
  std::pair<int, int> Watch(int slots) {
    int most = 0;
    int sum = 0;
    for (int i = 0; i < slots; ++i) {
      const int before = Renewals();
      Sleep(TimerWheel::kSlot);
      most = std::max(most, Renewals() - before);
      sum += Renewals() - before;
    }
    return {most, sum};
  }
};

TEST_F(ManyGrants, AreNotAskedAgainAllAtOnce) {
  GrantMany(0);
  RenewAll();
  EXPECT_THAT(Watch(4), Pair(kRenewalsPerSlot, kGrants));
}

TEST_F(ManyGrants, AreNotTriedAgainAllAtOnceWhenNobodyCouldDecide) {
  GrantMany(0);
  RenewAll();
  Watch(4);
  AnswerRenewal(Renewed::OUTCOME_UNDECIDED);  // All in the same moment.
  EXPECT_THAT(Watch(30), Pair(kRenewalsPerSlot, kGrants));
}

TEST_F(ManyGrants, AreStillAskedBeforeTheyEnd) {
  GrantMany(1000);
  RenewAll();  // And at nine tenths of their lives, all at once.
  for (auto& browser : browsers_) browser->Hears();
  Sleep(absl::Milliseconds(950));
  EXPECT_EQ(Renewals(), kGrants);
  AnswerRenewal(Renewed::OUTCOME_UNDECIDED);
  Sleep(absl::Milliseconds(100));
  size_t ended = 0;
  for (auto& browser : browsers_) ended += browser->Hears().size();
  EXPECT_EQ(ended, static_cast<size_t>(kGrants)) << "on time, all of them";
}

TEST_F(AShard, RevokesOneChannelOfASocket) {
  Attach();
  Browser& ada = Subscribed(Open(), "private-a", "ada");
  Subscribed(ada, "private-b", "ada");
  v1::Revocation revocation;
  revocation.set_socket_id(ada.id);
  revocation.set_channel("private-a");
  revocation.set_reason("moved");
  Revoke(revocation);
  EXPECT_THAT(ada.Hears(),
              ElementsAre(R"({"type":"unsubscribed","channel":"private-a",)"
                          R"("reason":"moved"})"));
  Revoke(revocation);  // Hearing it twice is harmless.
  EXPECT_THAT(ada.Hears(), IsEmpty());
}

TEST_F(AShard, RevokesAllThatNeedsAuthorizationOfAUser) {
  Attach();
  Browser& ada = Subscribed(Open(0), "private-a", "ada");
  Subscribed(ada, "presence-room", "ada", {"ada"});
  Subscribed(ada, "news");
  Browser& other = Subscribed(Open(1), "private-a", "bob");
  v1::Revocation revocation;
  revocation.set_user_id("ada");
  Revoke(revocation);
  EXPECT_THAT(ada.Hears(), SizeIs(2));
  EXPECT_THAT(other.Hears(), IsEmpty());
  Publish("news", "1");
  EXPECT_THAT(ada.Hears(), ElementsAre(Event("news", "1")));
}

TEST_F(AShard, ClosesAFewAtATimeWhenItDrains) {
  for (int i = 0; i < 5; ++i) Open(0);
  Shard* const shard = loops_[0].shard.get();
  EXPECT_EQ(CloseSome(shard, 2), 3);
  EXPECT_EQ(CloseSome(shard, 2), 1);
  EXPECT_EQ(CloseSome(shard, 2), 0);
  for (const auto& browser : browsers_) {
    EXPECT_THAT(browser->socket.closed,
                ElementsAre(Pair(CloseReason::kGoingAway, _)));
  }
}

TEST_F(AShard, TellsEachWhenToComeBackWhenItDrains) {
  for (int i = 0; i < 5; ++i) Open(0);
  CloseSome(loops_[0].shard.get(), 5);
  std::set<std::string> texts;
  for (const auto& browser : browsers_) {
    texts.insert(browser->socket.closed.at(0).second);
  }
  EXPECT_THAT(texts, SizeIs(Gt(1u))) << "not all in the same instant";
  EXPECT_THAT(texts,
              Each(MatchesRegex("shutting down, come back in [0-9]{1,4} ms")));
}

TEST_F(AShard, ForgetsASocketThatLeavesInTheMiddleOfATurn) {
  Attach();
  Browser& ada = Subscribed(Open(), "news");
  Browser& bob = Subscribed(Open(), "news");
  link::v1::AttachResponse frame;
  auto& event = *frame.add_items()->mutable_publication();
  event.set_channel("news");
  event.set_event("e");
  event.set_data("1");
  ASSERT_TRUE(router_.Receive(std::move(frame)).ok());
  for (auto& batch : std::exchange(loops_[0].batches, {})) {
    loops_[0].shard->Deliver(std::move(batch));
  }
  Leave(ada);  // Between its delivery and the flush.
  EXPECT_THAT(bob.Hears(), ElementsAre(Event("news", "1")));
  EXPECT_EQ(loops_[0].shard->session_count(), 1);
}

}  // namespace
}  // namespace herald::gateway
