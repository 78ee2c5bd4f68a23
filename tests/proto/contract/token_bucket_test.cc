// SPDX-License-Identifier: Apache-2.0

#include "proto/contract/token_bucket.h"

#include <cstdint>

#include "gtest/gtest.h"

namespace herald::contract {
namespace {

const absl::Time kStart = absl::UnixEpoch() + absl::Hours(5);

// How many of `count` requests for one token are granted.
int Granted(TokenBucket& bucket, const TokenRate& rate, absl::Time now,
            int count) {
  int granted = 0;
  for (int i = 0; i < count; ++i) granted += bucket.TryTake(rate, 1, now);
  return granted;
}

static_assert(sizeof(TokenBucket) <= 16, "each socket has several");

TEST(ATokenBucket, WithoutARateGivesAnyNumber) {
  const TokenRate rate;
  TokenBucket bucket;
  EXPECT_EQ(Granted(bucket, rate, kStart, 10'000), 10'000);
  bucket.Take(rate, int64_t{1} << 40, kStart);
  EXPECT_LE(bucket.ReadyAt(rate, 1), kStart);
  EXPECT_FALSE(TokenRate(0, 7).limited());
}

TEST(ATokenBucket, BeginsFullAndGivesItsBurstAtOnce) {
  const TokenRate rate(100, 200);
  TokenBucket bucket;
  EXPECT_EQ(Granted(bucket, rate, kStart, 1000), 200);
  EXPECT_EQ(Granted(bucket, rate, kStart, 1000), 0);
}

TEST(ATokenBucket, IsFullAtTheFirstInstantOfItsClock) {
  const TokenRate rate(100, 200);
  TokenBucket bucket;
  EXPECT_EQ(Granted(bucket, rate, absl::UnixEpoch(), 1000), 200);
}

TEST(ATokenBucket, FillsEvenly) {
  const TokenRate rate(100, 200);
  TokenBucket bucket;
  Granted(bucket, rate, kStart, 1000);
  EXPECT_EQ(Granted(bucket, rate, kStart + absl::Milliseconds(9), 5), 0);
  EXPECT_EQ(Granted(bucket, rate, kStart + absl::Milliseconds(10), 5), 1);
  EXPECT_EQ(Granted(bucket, rate, kStart + absl::Seconds(1), 1000), 99);
  EXPECT_EQ(Granted(bucket, rate, kStart + absl::Seconds(2), 1000), 100);
}

TEST(ATokenBucket, SavesNoMoreThanItsBurst) {
  const TokenRate rate(100, 200);
  TokenBucket bucket;
  Granted(bucket, rate, kStart, 1000);
  EXPECT_EQ(Granted(bucket, rate, kStart + absl::Hours(24), 1000), 200);
}

TEST(ATokenBucket, TakesNothingWhenThereIsNotEnough) {
  const TokenRate rate(100, 200);
  TokenBucket bucket;
  EXPECT_TRUE(bucket.TryTake(rate, 150, kStart));
  EXPECT_FALSE(bucket.TryTake(rate, 51, kStart));
  EXPECT_FALSE(bucket.Has(rate, 51, kStart));
  EXPECT_TRUE(bucket.Has(rate, 50, kStart));
  EXPECT_TRUE(bucket.TryTake(rate, 50, kStart));
}

TEST(ATokenBucket, GivesMoreThanItsBurstOnlyWhenItIsFullAndThenOwesIt) {
  const TokenRate rate(100, 200);
  TokenBucket bucket;
  EXPECT_TRUE(bucket.TryTake(rate, 500, kStart));
  EXPECT_EQ(bucket.ReadyAt(rate, 0), kStart + absl::Seconds(3));
  EXPECT_EQ(bucket.ReadyAt(rate, 1), kStart + absl::Milliseconds(3010));
  EXPECT_FALSE(bucket.TryTake(rate, 1, kStart + absl::Seconds(3)));
  // 500 need a full bucket again.
  EXPECT_FALSE(bucket.TryTake(rate, 500, kStart + absl::Milliseconds(4999)));
  EXPECT_TRUE(bucket.TryTake(rate, 500, kStart + absl::Seconds(5)));
}

TEST(ATokenBucket, CanBeOverdrawn) {
  const TokenRate rate(100, 200);
  TokenBucket bucket;
  for (int i = 0; i < 4; ++i) bucket.Take(rate, 100, kStart);
  EXPECT_EQ(bucket.ReadyAt(rate, 0), kStart + absl::Seconds(2));
}

TEST(ATokenBucket, ReturnsTheTimeOfTheNextTokenAndKeepsIt) {
  const TokenRate rate(3, 1);
  TokenBucket bucket;
  EXPECT_LE(bucket.ReadyAt(rate, 1), kStart);
  absl::Time now = kStart;
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(bucket.TryTake(rate, 1, now)) << i;
    const absl::Time ready = bucket.ReadyAt(rate, 1);
    ASSERT_FALSE(bucket.TryTake(rate, 1, ready - absl::Nanoseconds(1))) << i;
    now = ready;
  }
  EXPECT_NEAR(absl::ToDoubleSeconds(now - kStart), 100.0 / 3, 0.001);
}

TEST(ATokenBucket, HoldsOneTokenAtLeast) {
  const TokenRate rate(1, 0);
  TokenBucket bucket;
  EXPECT_TRUE(bucket.TryTake(rate, 1, kStart));
  EXPECT_FALSE(bucket.TryTake(rate, 1, kStart));
}

TEST(ATokenBucket, HasTheRateThatACoarseClockLetsItSee) {
  const TokenRate rate(200, 2000);
  TokenBucket bucket;
  int granted = 0;
  for (int slot = 0; slot <= 20 * 10; ++slot) {
    granted +=
        Granted(bucket, rate, kStart + slot * absl::Milliseconds(50), 1000);
  }
  EXPECT_EQ(granted, 2000 + 10 * 200);
}

// The largest setting of each kind.
TEST(ATokenBucket, CountsLargeNumbersWithoutOverflow) {
  const TokenRate slow(1, (int64_t{1} << 33) - 1);
  TokenBucket bucket;
  EXPECT_TRUE(bucket.TryTake(slow, int64_t{1} << 32, kStart));
  EXPECT_TRUE(bucket.TryTake(slow, (int64_t{1} << 32) - 1, kStart));
  EXPECT_FALSE(bucket.TryTake(slow, 1, kStart));
  const TokenRate fast(1'000'000'000, int64_t{1} << 32);
  TokenBucket other;
  EXPECT_TRUE(other.TryTake(fast, int64_t{1} << 32, kStart));
  EXPECT_FALSE(other.TryTake(fast, 1, kStart));
  EXPECT_TRUE(other.TryTake(fast, 1, kStart + absl::Nanoseconds(1)));
}

}  // namespace
}  // namespace herald::contract
