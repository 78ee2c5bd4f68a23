// SPDX-License-Identifier: Apache-2.0

#include "tests/benchmark/ledger.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/benchmark/failure.h"

namespace herald::benchmark {
namespace {

using ::testing::HasSubstr;

Stamp Message(int channel, int64_t sequence) { return {1, channel, sequence}; }

// Runs `action`, which must fail, and returns the message of the failure.
template <typename Action>
std::string FailureOf(const Action& action) {
  try {
    action();
  } catch (const Failure& failure) {
    return failure.what();
  }
  return "no failure";
}

TEST(Ledger, ClosesAMessageWhenTheLastSubscriberHasIt) {
  Ledger ledger({0, 0, 0});
  EXPECT_EQ(ledger.Publish(0), 0);
  EXPECT_EQ(ledger.open(), 1);
  EXPECT_FALSE(ledger.Deliver(2, Message(0, 0)));
  EXPECT_FALSE(ledger.Deliver(0, Message(0, 0)));
  EXPECT_TRUE(ledger.Deliver(1, Message(0, 0)));
  EXPECT_EQ(ledger.open(), 0);
  EXPECT_EQ(ledger.deliveries(), 3);
}

TEST(Ledger, LetsSubscribersBeAtDifferentMessages) {
  Ledger ledger({0, 0});
  ledger.Publish(0);
  ledger.Publish(0);
  EXPECT_FALSE(ledger.Deliver(0, Message(0, 0)));
  EXPECT_FALSE(ledger.Deliver(0, Message(0, 1)));
  EXPECT_TRUE(ledger.Deliver(1, Message(0, 0)));
  EXPECT_TRUE(ledger.Deliver(1, Message(0, 1)));
}

TEST(Ledger, CountsEachChannelForItself) {
  Ledger ledger({0, 1});
  EXPECT_EQ(ledger.Publish(0), 0);
  EXPECT_EQ(ledger.Publish(1), 0);
  EXPECT_EQ(ledger.Publish(1), 1);
  EXPECT_TRUE(ledger.Deliver(1, Message(1, 0)));
  EXPECT_EQ(ledger.open(), 2);
}

TEST(Ledger, FailsForAGap) {
  Ledger ledger({0});
  ledger.Publish(0);
  ledger.Publish(0);
  EXPECT_THAT(FailureOf([&] { ledger.Deliver(0, Message(0, 1)); }),
              HasSubstr("a gap"));
}

TEST(Ledger, FailsForADuplicate) {
  Ledger ledger({0, 0});
  ledger.Publish(0);
  ledger.Deliver(0, Message(0, 0));
  EXPECT_THAT(FailureOf([&] { ledger.Deliver(0, Message(0, 0)); }),
              HasSubstr("a duplicate"));
}

TEST(Ledger, FailsForAMessageOfAnotherChannel) {
  Ledger ledger({0, 1});
  ledger.Publish(1);
  EXPECT_THAT(FailureOf([&] { ledger.Deliver(0, Message(1, 0)); }),
              HasSubstr("of channel 1"));
}

TEST(Ledger, FailsForAMessageThatWasNotPublished) {
  Ledger ledger({0});
  EXPECT_THAT(FailureOf([&] { ledger.Deliver(0, Message(0, 0)); }),
              HasSubstr("was not published"));
}

TEST(Ledger, FailsForAChannelWithoutSubscribers) {
  Ledger ledger({1});
  EXPECT_THROW(ledger.Publish(0), Failure);
  EXPECT_THROW(ledger.Publish(2), Failure);
}

TEST(Ledger, NamesMissingMessages) {
  Ledger ledger({0, 0});
  ledger.Publish(0);
  ledger.Publish(0);
  ledger.Deliver(0, Message(0, 0));
  ledger.Deliver(0, Message(0, 1));
  EXPECT_EQ(ledger.Missing(),
            "2 deliveries are missing; socket 1 waits for message 0 of channel "
            "0");
}

}  // namespace
}  // namespace herald::benchmark
