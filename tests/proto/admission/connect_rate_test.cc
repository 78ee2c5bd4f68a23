// SPDX-License-Identifier: Apache-2.0

#include "proto/admission/connect_rate.h"

#include <atomic>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace herald::admission {
namespace {

constexpr absl::Duration kDay = absl::Hours(24);

// How many of `count` connections at `now` are admitted.
int Admitted(ConnectRate& rate, absl::Duration now, int count,
             Source source = kNoSource) {
  int admitted = 0;
  for (int i = 0; i < count; ++i) {
    admitted += rate.Take(now, source) == absl::ZeroDuration();
  }
  return admitted;
}

TEST(AConnectRate, OfZeroIsNoBound) {
  ConnectRate rate;
  EXPECT_EQ(Admitted(rate, kDay, 100'000), 100'000);
  rate.Set(0);
  EXPECT_EQ(Admitted(rate, kDay, 100'000), 100'000);
}

TEST(AConnectRate, LetsInTwoSecondsWorthAtOnce) {
  ConnectRate rate;
  rate.Set(100);
  EXPECT_EQ(Admitted(rate, kDay, 1000), 200);
  EXPECT_EQ(Admitted(rate, kDay, 1000), 0);
}

TEST(AConnectRate, HasItsFullBurstWhenTheClockBegins) {
  ConnectRate rate;
  rate.Set(100);
  EXPECT_EQ(Admitted(rate, absl::ZeroDuration(), 1000), 200);
}

TEST(AConnectRate, LetsInSoManyInASecondFromThenOn) {
  ConnectRate rate;
  rate.Set(100);
  Admitted(rate, kDay, 1000);
  EXPECT_EQ(Admitted(rate, kDay + absl::Milliseconds(9), 5), 0);
  EXPECT_EQ(Admitted(rate, kDay + absl::Milliseconds(10), 5), 1);
  for (int second = 1; second <= 5; ++second) {
    EXPECT_EQ(Admitted(rate, kDay + absl::Seconds(second), 1000),
              second == 1 ? 99 : 100);
  }
}

TEST(AConnectRate, SavesNoMoreThanItsBurst) {
  ConnectRate rate;
  rate.Set(100);
  Admitted(rate, kDay, 1000);
  EXPECT_EQ(Admitted(rate, 2 * kDay, 1000), 200);
}

TEST(AConnectRate, OfOneLetsInOne) {
  ConnectRate rate;
  rate.Set(1);
  EXPECT_EQ(Admitted(rate, kDay, 10), 2);
  EXPECT_EQ(Admitted(rate, kDay + absl::Seconds(1), 10), 1);
}

TEST(AConnectRate, SendsEachOneBackBehindThoseBefore) {
  ConnectRate rate;
  rate.Set(100);
  Admitted(rate, kDay, 200);
  EXPECT_EQ(rate.Take(kDay), absl::Milliseconds(10));
  EXPECT_EQ(rate.Take(kDay), absl::Milliseconds(20));
  for (int i = 2; i < 499; ++i) rate.Take(kDay);
  EXPECT_EQ(rate.Take(kDay), absl::Seconds(5));
  // Time passes, and the pauses of earlier connections end.
  Admitted(rate, kDay + absl::Seconds(2), 200);
  EXPECT_EQ(rate.Take(kDay + absl::Seconds(2)), absl::Milliseconds(3010));
}

TEST(AConnectRate, PausesNoClientForLongerThanItsTimeout) {
  ConnectRate rate;
  rate.Set(10);
  Admitted(rate, kDay, 1'000);
  EXPECT_EQ(rate.Take(kDay), kConnectWaitMax);
  // And that is soon forgotten.
  Admitted(rate, kDay + absl::Minutes(1), 20);
  EXPECT_EQ(rate.Take(kDay + absl::Minutes(1)), absl::Milliseconds(100));
}

TEST(AConnectRate, IsOneForAllThreads) {
  constexpr int kThreads = 4;
  ConnectRate rate;
  rate.Set(10'000);
  std::atomic<int> admitted{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] { admitted += Admitted(rate, kDay, 20'000); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(admitted, 20'000);
}

TEST(AConnectRate, HasAReserveForOthersThanTheOneThatStorms) {
  ConnectRate rate;
  rate.Set(100);
  EXPECT_EQ(Admitted(rate, kDay, 1000, /*source=*/1), 200);
  int others = 0;
  for (Source source = 2; source < 1000; ++source) {
    others += Admitted(rate, kDay, 1, source);
  }
  EXPECT_GE(others, 45);
  EXPECT_LE(others, 50) << "half a second's worth";
  EXPECT_EQ(Admitted(rate, kDay, 1000, /*source=*/1), 0);
}

TEST(AConnectRate, LetsNewcomersInForAsLongAsAStormLasts) {
  ConnectRate rate;
  rate.Set(100);
  Source newcomer = 2;
  int stormed = 0;
  int refused = 0;
  constexpr int kSteps = 3000;  // Of 10 ms.
  for (int step = 0; step < kSteps; ++step) {
    const absl::Duration now = kDay + step * absl::Milliseconds(10);
    stormed += Admitted(rate, now, 20, /*source=*/1);
    if (step % 2 == 0) refused += 1 - Admitted(rate, now, 1, newcomer++);
    stormed += Admitted(rate, now, 20, /*source=*/1);
  }
  EXPECT_EQ(refused, 0);
  EXPECT_GE(stormed, 200 + kSteps / 2 - 10) << "the rest of the others";
}

TEST(AConnectRate, GivesTheLeastToThoseThatHaveTakenTheMost) {
  ConnectRate rate;
  rate.Set(1000);
  Admitted(rate, kDay, 10'000, /*source=*/1);
  // 500 in reserve: a hundred addresses storm, too.
  int of_many = 0;
  for (int round = 0; round < 50; ++round) {
    for (Source source = 2; source < 102; ++source) {
      of_many += Admitted(rate, kDay, 1, source);
    }
  }
  EXPECT_GT(of_many, 400);
  EXPECT_LT(of_many, 500);
  EXPECT_EQ(Admitted(rate, kDay, 1, /*source=*/200), 1) << "a newcomer";
}

TEST(AConnectRate, DoesNotMistakeANewcomerForAStorm) {
  // Hashes that have their low or their middle bits in common.
  constexpr Source kStorm = 0x123456;
  for (const Source newcomer : {kStorm ^ 0x1000, kStorm ^ 0x1}) {
    ConnectRate rate;
    rate.Set(100);
    Admitted(rate, kDay, 1000, kStorm);
    EXPECT_EQ(Admitted(rate, kDay, 1, newcomer), 1) << newcomer;
  }
}

TEST(AConnectRate, ForgetsAStormThatIsOver) {
  ConnectRate rate;
  rate.Set(100);
  Admitted(rate, kDay, 1000, /*source=*/1);
  const absl::Duration later = kDay + absl::Minutes(5);
  Admitted(rate, later, 200, /*source=*/2);
  EXPECT_EQ(Admitted(rate, later, 1, /*source=*/1), 1);
}

TEST(RetryAfter, IsAtLeastASecondAndWhole) {
  EXPECT_EQ(RetryAfterSeconds(absl::Milliseconds(1), 0), 1);
  EXPECT_EQ(RetryAfterSeconds(absl::Milliseconds(1), 0.999), 1);
  EXPECT_EQ(RetryAfterSeconds(absl::Seconds(1), 0.6), 2);
}

TEST(RetryAfter, SpreadsFromHalfOfTheWaitToHalfAsMuchAgain) {
  EXPECT_EQ(RetryAfterSeconds(absl::Seconds(10), 0), 5);
  EXPECT_EQ(RetryAfterSeconds(absl::Seconds(10), 0.5), 10);
  EXPECT_EQ(RetryAfterSeconds(absl::Seconds(10), 0.999), 15);
}

}  // namespace
}  // namespace herald::admission
