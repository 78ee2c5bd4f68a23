// SPDX-License-Identifier: Apache-2.0

#include "proto/admission/connection_shares.h"

#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace herald::admission {
namespace {

// How many of 1000 the source gets.
int TakeAll(ConnectionShares& shares, Source source) {
  int count = 0;
  for (int i = 0; i < 1000; ++i) count += shares.Take(source);
  return count;
}

TEST(ConnectionShares, AreUnboundedWithoutALimit) {
  ConnectionShares shares;
  EXPECT_EQ(TakeAll(shares, 1), 1000);
  EXPECT_EQ(shares.total(), 1000);
}

TEST(ConnectionShares, AreAllForASourceThatIsAlone) {
  ConnectionShares shares;
  shares.SetMax(80);
  EXPECT_EQ(TakeAll(shares, 1), 80);
}

TEST(ConnectionShares, KeepTheLastEighthForThoseWithLessThanAnEvenShare) {
  ConnectionShares shares;
  shares.SetMax(80);
  ASSERT_TRUE(shares.Take(2));
  EXPECT_EQ(TakeAll(shares, 1), 69);
  EXPECT_TRUE(shares.Take(2)) << "it has less than its share";
  for (Source source = 3; source < 12; ++source) {
    EXPECT_TRUE(shares.Take(source)) << "it is new";
  }
  EXPECT_FALSE(shares.Take(12)) << "there are as many as there may be";
  EXPECT_EQ(shares.total(), 80);

  // Connections that the first one returns go to others, not to it.
  shares.Give(1);
  EXPECT_FALSE(shares.Take(1));
  EXPECT_TRUE(shares.Take(12));
}

TEST(ConnectionShares, AllowASourceAnyNumberBelowTheLimit) {
  ConnectionShares shares;
  shares.SetMax(80);
  for (Source source = 10; source < 30; ++source) {
    ASSERT_TRUE(shares.Take(source));
  }
  EXPECT_EQ(TakeAll(shares, 1), 50) << "of 70 that are not kept";
}

TEST(ConnectionShares, ForgetSourcesThatHaveNone) {
  ConnectionShares shares;
  shares.SetMax(8);
  for (Source source = 0; source < 1000; ++source) {
    ASSERT_TRUE(shares.Take(source));
    shares.Give(source);
  }
  EXPECT_EQ(TakeAll(shares, 1), 8) << "it is alone";
}

TEST(ConnectionShares, AreCountedByManyThreads) {
  ConnectionShares shares;
  shares.SetMax(100'000);
  std::vector<std::thread> threads;
  for (Source source = 0; source < 4; ++source) {
    threads.emplace_back([&shares, source] {
      for (int i = 0; i < 2000; ++i) {
        EXPECT_TRUE(shares.Take(source));
        if (i % 2 == 0) shares.Give(source);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(shares.total(), 4000);
}

}  // namespace
}  // namespace herald::admission
