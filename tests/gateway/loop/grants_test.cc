// SPDX-License-Identifier: Apache-2.0
//
// Grants: when they are renewed, and that they end on time.

#include "gateway/loop/grants.h"

#include <algorithm>
#include <string>
#include <utility>

#include "tests/gateway/gateway_world.h"

namespace herald::gateway {
namespace {

using link::v1::Renewed;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

class AGrant : public GatewayWorld {
 protected:
  // A private subscription with a grant that lives `life_ms`.
  Browser& Granted(int64_t life_ms) {
    Browser& ada = Open();
    Send(ada, R"({"type":"subscribe","channel":"private-x","auth":"t"})");
    Allow("ada", {}, life_ms, /*renewable=*/true);
    ada.Received();
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
};

TEST_F(AGrant, IsRenewedFromNineTenthsOfItsLife) {
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
  EXPECT_THAT(ada.Received(), IsEmpty());
  Publish("private-x", "1");
  EXPECT_THAT(ada.Received(), SizeIs(1));
}

TEST_F(AGrant, IsRenewedLaterWhenTooMuchWaitsForTheService) {
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

TEST_F(AGrant, EndsOnTimeWithoutAnAnswer) {
  Attach();
  Browser& ada = Granted(10'000);
  Sleep(absl::Seconds(9.8));
  EXPECT_THAT(ada.Received(), IsEmpty());
  Sleep(absl::Seconds(0.4));
  EXPECT_THAT(ada.Received(), ElementsAre(HasSubstr("the grant has expired")));
  Publish("private-x", "1");
  EXPECT_THAT(ada.Received(), IsEmpty());
}

TEST_F(AGrant, EndsAtOnceWhenTheAnswerIsNo) {
  Attach();
  Browser& ada = Granted(10'000);
  Sleep(absl::Seconds(9.1));
  AnswerRenewal(Renewed::OUTCOME_DENIED);
  EXPECT_THAT(ada.Received(), ElementsAre(HasSubstr("no more")));
}

TEST_F(AGrant, IsRetriedWhileUndecidedAndStillEndsOnTime) {
  Attach();
  Browser& ada = Granted(100'000);
  Sleep(absl::Seconds(45));
  ada.shard->SignOfLife(ada.session);
  Sleep(absl::Seconds(45.1));
  int asked = 0;
  for (int i = 0; i < 9; ++i) {
    asked += Renewals();
    AnswerRenewal(Renewed::OUTCOME_UNDECIDED);
    EXPECT_THAT(ada.Received(), IsEmpty());
    Sleep(absl::Seconds(1.1));
    ada.shard->SignOfLife(ada.session);
  }
  EXPECT_GE(asked, 8);
  Sleep(absl::Seconds(1));
  EXPECT_THAT(ada.Received(), ElementsAre(HasSubstr("the grant has expired")));
}

TEST_F(AGrant, IsRenewedWhenRevocationsMayHaveBeenMissed) {
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
  EXPECT_EQ(Renewals(), 1);  // It is owed until it is decided.
  AnswerRenewal(Renewed::OUTCOME_ALLOWED);
  Sleep(absl::Seconds(5));
  EXPECT_EQ(Renewals(), 0);
  EXPECT_THAT(ada.Received(), IsEmpty());
}

class ManyGrants : public AGrant {
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

  // Lets `slots` pass. Returns how many were asked in the busiest, and in all.
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

TEST_F(ManyGrants, AreNotRetriedAllAtOnceWhileUndecided) {
  GrantMany(0);
  RenewAll();
  Watch(4);
  AnswerRenewal(Renewed::OUTCOME_UNDECIDED);  // All in the same moment.
  EXPECT_THAT(Watch(30), Pair(kRenewalsPerSlot, kGrants));
}

TEST_F(ManyGrants, AreStillAskedBeforeTheyEnd) {
  GrantMany(1000);
  RenewAll();  // And at nine tenths of their lives, all at once.
  for (auto& browser : browsers_) browser->Received();
  Sleep(absl::Milliseconds(950));
  EXPECT_EQ(Renewals(), kGrants);
  AnswerRenewal(Renewed::OUTCOME_UNDECIDED);
  Sleep(absl::Milliseconds(100));
  size_t ended = 0;
  for (auto& browser : browsers_) ended += browser->Received().size();
  EXPECT_EQ(ended, static_cast<size_t>(kGrants)) << "on time, all of them";
}

}  // namespace
}  // namespace herald::gateway
