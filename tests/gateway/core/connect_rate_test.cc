// SPDX-License-Identifier: Apache-2.0

#include "gateway/core/connect_rate.h"

#include <atomic>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace herald::gateway {
namespace {

constexpr absl::Duration kDay = absl::Hours(24);

// How many of `count` that come at `now` get in.
int Admitted(ConnectRate& rate, absl::Duration now, int count) {
  int admitted = 0;
  for (int i = 0; i < count; ++i) {
    admitted += rate.Take(now) == absl::ZeroDuration();
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

TEST(AConnectRate, TellsEachOneToComeBackBehindThoseBefore) {
  ConnectRate rate;
  rate.Set(100);
  Admitted(rate, kDay, 200);
  EXPECT_EQ(rate.Take(kDay), absl::Milliseconds(10));
  EXPECT_EQ(rate.Take(kDay), absl::Milliseconds(20));
  for (int i = 2; i < 499; ++i) rate.Take(kDay);
  EXPECT_EQ(rate.Take(kDay), absl::Seconds(5));
  // Time passes, and with it those who were told before.
  Admitted(rate, kDay + absl::Seconds(2), 200);
  EXPECT_EQ(rate.Take(kDay + absl::Seconds(2)), absl::Milliseconds(3010));
}

TEST(AConnectRate, LetsNobodyWaitLongerThanAClientWould) {
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
}  // namespace herald::gateway
