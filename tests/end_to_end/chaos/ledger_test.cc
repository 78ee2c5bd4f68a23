// SPDX-License-Identifier: Apache-2.0
//
// That the ledger finds what is wrong, and only that: made-up histories, with
// one fault each.

#include "tests/end_to_end/chaos/ledger.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/end_to_end/chaos/failure.h"

namespace herald::chaos {
namespace {

constexpr MessageId kFirst{1, 1}, kSecond{1, 2}, kOther{2, 1};

class ALedger : public ::testing::Test {
 protected:
  ALedger() {
    for (const MessageId id : {kFirst, kSecond, kOther}) Publish(id);
  }

  // One attempt of one life.
  void Publish(MessageId id, const std::string& except = "") {
    ledger_.Publish(id, {"log", "news"}, except);
    Attempt(id, 0, 0);
  }
  void Attempt(MessageId id, int64_t begin, int64_t end) {
    ledger_.BeginAttempt(id, begin);
    ledger_.EndAttempt(id, end);
  }
  void Hear(MessageId id, const Position& where) {
    ledger_.Hear(ada_, id, where);
  }

  const Channel log_{.name = "log", .history_size = 100};
  const Channel news_{.name = "news"};
  const Listener ada_{"ada", "log", "1.1"};
  const Listener bob_{"bob", "log", "1.2"};
  const Listener watch_{"watch", "log", ""};
  Ledger ledger_;
};

TEST_F(ALedger, AcceptsThatAllSayTheSame) {
  ledger_.Acknowledge(kFirst, log_, Position{"e", 1});
  ledger_.Acknowledge(kFirst, news_, std::nullopt);
  Hear(kFirst, {"e", 1});
  ledger_.Hear(bob_, kFirst, Position{"e", 1});
  Hear(kSecond, {"e", 2});
  ledger_.Acknowledge(kSecond, log_, Position{"e", 2});
  ledger_.Judge();
  ledger_.CheckComplete("log", {"e", 2});
  ledger_.CheckEpochs("log", 1);
  EXPECT_EQ(ledger_.At("log", {"e", 2}), kSecond);
  EXPECT_EQ(ledger_.At("log", {"e", 3}), std::nullopt);
  EXPECT_EQ(ledger_.hearing_count(), 3);
}

TEST_F(ALedger, KnowsWhatWasNeverPublished) {
  EXPECT_THROW(Hear({9, 9}, {"e", 1}), Failure);
  const Listener elsewhere{"ada", "elsewhere", "1.1"};
  EXPECT_THROW(ledger_.Hear(elsewhere, kFirst, Position{"e", 1}), Failure);
}

TEST_F(ALedger, HasOneMessageAtEachPlace) {
  Hear(kFirst, {"e", 1});
  EXPECT_THROW(ledger_.Acknowledge(kOther, log_, Position{"e", 1}), Failure);
  EXPECT_NO_THROW(ledger_.Acknowledge(kOther, log_, Position{"f", 1}));
}

TEST_F(ALedger, HasEachMessageOnceInAnEpoch) {
  Attempt(kFirst, 0, 1);
  Hear(kFirst, {"e", 1});
  EXPECT_THROW(Hear(kFirst, {"e", 2}), Failure);
}

TEST_F(ALedger, AllowsAMessageInTwoEpochsIfItWasRepeatedOverAnEnd) {
  EXPECT_THROW(
      {
        Hear(kFirst, {"e", 1});
        Hear(kFirst, {"f", 1});
      },
      Failure)
      << "with one attempt";
  Attempt(kSecond, 1, 1);
  Hear(kSecond, {"e", 2});
  Hear(kSecond, {"f", 2});
  EXPECT_NO_THROW(ledger_.Judge());
  EXPECT_TRUE(ledger_.MayCountTwice(kSecond));
}

TEST_F(ALedger, DoesNotIfTheServiceLived) {
  Attempt(kSecond, 0, 0);
  Hear(kSecond, {"e", 1});
  Hear(kSecond, {"f", 1});
  EXPECT_FALSE(ledger_.MayCountTwice(kSecond));
  EXPECT_THROW(ledger_.Judge(), Failure);
}

TEST_F(ALedger, WantsReceiptsToFitTheChannel) {
  EXPECT_THROW(ledger_.Acknowledge(kFirst, log_, std::nullopt), Failure);
  EXPECT_THROW(ledger_.Acknowledge(kFirst, news_, Position{"e", 1}), Failure);
}

TEST_F(ALedger, KnowsWhoIsNotToHear) {
  Publish({3, 1}, "1.1");
  EXPECT_THROW(Hear({3, 1}, {"e", 1}), Failure);
  EXPECT_NO_THROW(ledger_.Hear(bob_, {3, 1}, Position{"e", 1}));
  EXPECT_NO_THROW(ledger_.Hear(watch_, {3, 1}, Position{"e", 1}));
}

TEST_F(ALedger, CallsAnythingElseThatIsMissedLost) {
  Publish({3, 1}, "1.1");
  ledger_.Acknowledge({3, 1}, log_, Position{"e", 1});
  ledger_.Miss(ada_, "e", 1, 1);
  EXPECT_NO_THROW(ledger_.Judge());
  EXPECT_THROW(ledger_.Miss(bob_, "e", 1, 1), Failure);
  EXPECT_THROW(ledger_.Miss(watch_, "e", 1, 1), Failure);
}

TEST_F(ALedger, WaitsWithWhatIsMissedUntilItIsKnown) {
  Publish({3, 1}, "1.1");
  ledger_.Miss(ada_, "e", 1, 2);
  ledger_.Acknowledge({3, 1}, log_, Position{"e", 1});
  ledger_.Acknowledge({2, 1}, log_, Position{"e", 2});
  EXPECT_THROW(ledger_.Judge(), Failure);
}

TEST_F(ALedger, CallsLostWhatNobodyKnows) {
  ledger_.Miss(ada_, "e", 1, 1);
  EXPECT_THROW(ledger_.Judge(), Failure);
}

TEST_F(ALedger, DoesNotIfItMayHaveExceptedTheListenerAndDied) {
  Publish({3, 1}, "1.1");
  Attempt({3, 1}, 1, 1);
  ledger_.Miss(ada_, "e", 1, 1);
  EXPECT_NO_THROW(ledger_.Judge());
}

TEST_F(ALedger, LetsAListenerMoveOnOnlyFromAnEndToABeginning) {
  ledger_.Acknowledge(kFirst, log_, Position{"e", 1});
  ledger_.Acknowledge(kSecond, log_, Position{"e", 2});
  ledger_.Acknowledge(kOther, log_, Position{"f", 1});
  ledger_.MoveOn(ada_, {"e", 2}, {"f", 0});
  EXPECT_NO_THROW(ledger_.Judge());
  ledger_.MoveOn(ada_, {"e", 1}, {"f", 0});
  EXPECT_THROW(ledger_.Judge(), Failure) << "the end of e is lost";
}

TEST_F(ALedger, KnowsThatTheBeginningIsLost) {
  ledger_.Acknowledge(kOther, log_, Position{"f", 1});
  ledger_.MoveOn(ada_, {"e", 0}, {"f", 1});
  EXPECT_THROW(ledger_.Judge(), Failure);
}

TEST_F(ALedger, AllowsToHearAgainOnlyWhatDiedWithTheService) {
  EXPECT_THROW(ledger_.HearAgain(ada_, kFirst), Failure);
  Attempt(kSecond, 1, 1);
  ledger_.HearAgain(ada_, kSecond);
  EXPECT_NO_THROW(ledger_.Judge());
  Attempt(kOther, 0, 0);
  ledger_.HearAgain(ada_, kOther);
  EXPECT_THROW(ledger_.Judge(), Failure);
}

TEST_F(ALedger, AllowsToHearLateOnlyWhatWasRepeated) {
  EXPECT_THROW(ledger_.HearLate(ada_, kFirst), Failure);
  Attempt(kFirst, 0, 0);
  EXPECT_NO_THROW(ledger_.HearLate(ada_, kFirst));
}

TEST_F(ALedger, HoldsTheOrderOfAPublisher) {
  ledger_.Acknowledge(kSecond, log_, Position{"e", 1});
  ledger_.Acknowledge(kOther, log_, Position{"e", 2});
  EXPECT_NO_THROW(ledger_.Judge());
  ledger_.Acknowledge(kFirst, log_, Position{"e", 3});
  EXPECT_THROW(ledger_.Judge(), Failure);
  Attempt(kFirst, 0, 0);
  EXPECT_NO_THROW(ledger_.Judge());
}

TEST_F(ALedger, MissesWhatNobodyKnowsInTheEnd) {
  ledger_.Acknowledge(kFirst, log_, Position{"e", 2});
  EXPECT_THROW(ledger_.CheckComplete("log", {"e", 2}), Failure) << "no e#1";
  EXPECT_THROW(ledger_.CheckComplete("log", {"f", 1}), Failure);
  Hear(kOther, {"e", 1});
  EXPECT_NO_THROW(ledger_.CheckComplete("log", {"e", 2}));
  EXPECT_THROW(ledger_.CheckComplete("log", {"e", 1}), Failure) << "e#2 is";
}

class ALedgerOfAWhim : public ALedger {
 protected:
  ALedgerOfAWhim() {
    for (int64_t i = 1; i <= 3; ++i) ledger_.Publish({3, i}, {"whim"});
  }
  // Message 3/`number`, which has ended before anything else.
  void Say(int64_t number, const std::optional<Position>& where) {
    Attempt({3, number}, 0, 0);
    ledger_.Acknowledge({3, number}, whim_, where);
  }
  const Channel whim_{
      .name = "whim", .history_size = 100, .rules_change = true};
};

TEST_F(ALedgerOfAWhim, AcceptsAnotherEpochBehindWhatHasNoPlace) {
  Say(1, Position{"e", 1});
  Say(2, std::nullopt);
  Say(3, Position{"f", 1});
  EXPECT_NO_THROW(ledger_.Judge());
}

TEST_F(ALedgerOfAWhim, FindsAnEpochThatHidesWhatHasNoPlace) {
  Say(1, Position{"e", 1});
  Say(2, std::nullopt);
  Say(3, Position{"e", 2});
  EXPECT_THROW(ledger_.Judge(), Failure);
}

TEST_F(ALedgerOfAWhim, DoesNotKnowTheOrderOfWhatIsSaidAtATime) {
  Attempt({3, 2}, 0, 0);
  Say(1, Position{"e", 1});
  Say(3, Position{"e", 2});
  ledger_.Acknowledge({3, 2}, whim_, std::nullopt);
  EXPECT_NO_THROW(ledger_.Judge());
}

TEST_F(ALedgerOfAWhim, HasEachMessageWithOrWithoutAPlace) {
  Say(1, std::nullopt);
  Attempt({3, 1}, 0, 0);
  ledger_.Acknowledge({3, 1}, whim_, Position{"e", 1});
  EXPECT_THROW(ledger_.Judge(), Failure);
}

TEST_F(ALedger, CountsEpochs) {
  Hear(kFirst, {"e", 1});
  Hear(kOther, {"f", 1});
  EXPECT_NO_THROW(ledger_.CheckEpochs("log", 2));
  EXPECT_THROW(ledger_.CheckEpochs("log", 1), Failure);
}

}  // namespace
}  // namespace herald::chaos
