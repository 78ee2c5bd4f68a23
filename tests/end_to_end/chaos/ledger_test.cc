// SPDX-License-Identifier: Apache-2.0
//
// The ledger finds all faults and no other: made-up histories, with one fault
// each.

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
  void Receive(MessageId id, const Position& where) {
    ledger_.Receive(ada_, id, where);
  }

  const Channel log_{.name = "log", .history_size = 100};
  const Channel news_{.name = "news"};
  const Listener ada_{"ada", "log", "1.1"};
  const Listener bob_{"bob", "log", "1.2"};
  const Listener watch_{"watch", "log", ""};
  Ledger ledger_;
};

TEST_F(ALedger, AcceptsThatAllAgree) {
  ledger_.Acknowledge(kFirst, log_, Position{"e", 1});
  ledger_.Acknowledge(kFirst, news_, std::nullopt);
  Receive(kFirst, {"e", 1});
  ledger_.Receive(bob_, kFirst, Position{"e", 1});
  Receive(kSecond, {"e", 2});
  ledger_.Acknowledge(kSecond, log_, Position{"e", 2});
  ledger_.Judge();
  ledger_.CheckComplete("log", {"e", 2});
  ledger_.CheckEpochs("log", 1);
  EXPECT_EQ(ledger_.At("log", {"e", 2}), kSecond);
  EXPECT_EQ(ledger_.At("log", {"e", 3}), std::nullopt);
  EXPECT_EQ(ledger_.hearing_count(), 3);
}

TEST_F(ALedger, DetectsMessagesThatWereNeverPublished) {
  EXPECT_THROW(Receive({9, 9}, {"e", 1}), Failure);
  const Listener elsewhere{"ada", "elsewhere", "1.1"};
  EXPECT_THROW(ledger_.Receive(elsewhere, kFirst, Position{"e", 1}), Failure);
}

TEST_F(ALedger, HasOneMessageAtEachPlace) {
  Receive(kFirst, {"e", 1});
  EXPECT_THROW(ledger_.Acknowledge(kOther, log_, Position{"e", 1}), Failure);
  EXPECT_NO_THROW(ledger_.Acknowledge(kOther, log_, Position{"f", 1}));
}

TEST_F(ALedger, HasEachMessageOnceInAnEpoch) {
  Attempt(kFirst, 0, 1);
  Receive(kFirst, {"e", 1});
  EXPECT_THROW(Receive(kFirst, {"e", 2}), Failure);
}

TEST_F(ALedger, AllowsAMessageInTwoEpochsIfItWasRepeatedOverAnEnd) {
  EXPECT_THROW(
      {
        Receive(kFirst, {"e", 1});
        Receive(kFirst, {"f", 1});
      },
      Failure)
      << "with one attempt";
  Attempt(kSecond, 1, 1);
  Receive(kSecond, {"e", 2});
  Receive(kSecond, {"f", 2});
  EXPECT_NO_THROW(ledger_.Judge());
  EXPECT_TRUE(ledger_.MayCountTwice(kSecond));
}

TEST_F(ALedger, DoesNotIfTheServiceLived) {
  Attempt(kSecond, 0, 0);
  Receive(kSecond, {"e", 1});
  Receive(kSecond, {"f", 1});
  EXPECT_FALSE(ledger_.MayCountTwice(kSecond));
  EXPECT_THROW(ledger_.Judge(), Failure);
}

TEST_F(ALedger, WantsReceiptsToFitTheChannel) {
  EXPECT_THROW(ledger_.Acknowledge(kFirst, log_, std::nullopt), Failure);
  EXPECT_THROW(ledger_.Acknowledge(kFirst, news_, Position{"e", 1}), Failure);
}

TEST_F(ALedger, KnowsExceptedSockets) {
  Publish({3, 1}, "1.1");
  EXPECT_THROW(Receive({3, 1}, {"e", 1}), Failure);
  EXPECT_NO_THROW(ledger_.Receive(bob_, {3, 1}, Position{"e", 1}));
  EXPECT_NO_THROW(ledger_.Receive(watch_, {3, 1}, Position{"e", 1}));
}

TEST_F(ALedger, CallsAnythingElseThatIsMissedLost) {
  Publish({3, 1}, "1.1");
  ledger_.Acknowledge({3, 1}, log_, Position{"e", 1});
  ledger_.Miss(ada_, "e", 1, 1);
  EXPECT_NO_THROW(ledger_.Judge());
  EXPECT_THROW(ledger_.Miss(bob_, "e", 1, 1), Failure);
  EXPECT_THROW(ledger_.Miss(watch_, "e", 1, 1), Failure);
}

TEST_F(ALedger, HoldsMissedMessagesBackUntilTheyAreKnown) {
  Publish({3, 1}, "1.1");
  ledger_.Miss(ada_, "e", 1, 2);
  ledger_.Acknowledge({3, 1}, log_, Position{"e", 1});
  ledger_.Acknowledge({2, 1}, log_, Position{"e", 2});
  EXPECT_THROW(ledger_.Judge(), Failure);
}

TEST_F(ALedger, CallsUnknownMessagesLost) {
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

TEST_F(ALedger, FindsThatTheBeginningIsLost) {
  ledger_.Acknowledge(kOther, log_, Position{"f", 1});
  ledger_.MoveOn(ada_, {"e", 0}, {"f", 1});
  EXPECT_THROW(ledger_.Judge(), Failure);
}

TEST_F(ALedger, AllowsDuplicatesOnlyOfMessagesThatDiedWithTheService) {
  EXPECT_THROW(ledger_.ReceiveAgain(ada_, kFirst), Failure);
  Attempt(kSecond, 1, 1);
  ledger_.ReceiveAgain(ada_, kSecond);
  EXPECT_NO_THROW(ledger_.Judge());
  Attempt(kOther, 0, 0);
  ledger_.ReceiveAgain(ada_, kOther);
  EXPECT_THROW(ledger_.Judge(), Failure);
}

TEST_F(ALedger, AllowsLateMessagesOnlyIfTheyWereRepeated) {
  EXPECT_THROW(ledger_.ReceiveLate(ada_, kFirst), Failure);
  Attempt(kFirst, 0, 0);
  EXPECT_NO_THROW(ledger_.ReceiveLate(ada_, kFirst));
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

TEST_F(ALedger, FindsUnknownMessagesInTheEnd) {
  ledger_.Acknowledge(kFirst, log_, Position{"e", 2});
  EXPECT_THROW(ledger_.CheckComplete("log", {"e", 2}), Failure) << "no e#1";
  EXPECT_THROW(ledger_.CheckComplete("log", {"f", 1}), Failure);
  Receive(kOther, {"e", 1});
  EXPECT_NO_THROW(ledger_.CheckComplete("log", {"e", 2}));
  EXPECT_THROW(ledger_.CheckComplete("log", {"e", 1}), Failure) << "e#2 is";
}

class ALedgerOfAWhim : public ALedger {
 protected:
  ALedgerOfAWhim() {
    for (int64_t i = 1; i <= 3; ++i) ledger_.Publish({3, i}, {"whim"});
  }
  // Message 3/`number`, which has ended before anything else.
  void Acknowledged(int64_t number, const std::optional<Position>& where) {
    Attempt({3, number}, 0, 0);
    ledger_.Acknowledge({3, number}, whim_, where);
  }
  const Channel whim_{
      .name = "whim", .history_size = 100, .rules_change = true};
};

TEST_F(ALedgerOfAWhim, AcceptsAnotherEpochAfterAMessageWithoutAPlace) {
  Acknowledged(1, Position{"e", 1});
  Acknowledged(2, std::nullopt);
  Acknowledged(3, Position{"f", 1});
  EXPECT_NO_THROW(ledger_.Judge());
}

TEST_F(ALedgerOfAWhim, FindsAnEpochThatHidesAMessageWithoutAPlace) {
  Acknowledged(1, Position{"e", 1});
  Acknowledged(2, std::nullopt);
  Acknowledged(3, Position{"e", 2});
  EXPECT_THROW(ledger_.Judge(), Failure);
}

TEST_F(ALedgerOfAWhim, DoesNotKnowTheOrderOfConcurrentMessages) {
  Attempt({3, 2}, 0, 0);
  Acknowledged(1, Position{"e", 1});
  Acknowledged(3, Position{"e", 2});
  ledger_.Acknowledge({3, 2}, whim_, std::nullopt);
  EXPECT_NO_THROW(ledger_.Judge());
}

TEST_F(ALedgerOfAWhim, HasEachMessageWithOrWithoutAPlace) {
  Acknowledged(1, std::nullopt);
  Attempt({3, 1}, 0, 0);
  ledger_.Acknowledge({3, 1}, whim_, Position{"e", 1});
  EXPECT_THROW(ledger_.Judge(), Failure);
}

TEST_F(ALedger, CountsEpochs) {
  Receive(kFirst, {"e", 1});
  Receive(kOther, {"f", 1});
  EXPECT_NO_THROW(ledger_.CheckEpochs("log", 2));
  EXPECT_THROW(ledger_.CheckEpochs("log", 1), Failure);
}

}  // namespace
}  // namespace herald::chaos
