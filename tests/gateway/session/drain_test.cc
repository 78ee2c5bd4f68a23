// SPDX-License-Identifier: Apache-2.0

#include "gateway/session/drain.h"

#include <algorithm>
#include <vector>

#include "gtest/gtest.h"

namespace herald::gateway {
namespace {

const absl::Time kDrainStart = absl::FromUnixSeconds(1000);

Drain TenSeconds(int64_t sockets, uint64_t seed = 1) {
  return Drain(kDrainStart, absl::Seconds(10), sockets, absl::Seconds(4), seed);
}

TEST(ADrain, AllowsAsManyAsThereIsTimeLeft) {
  const Drain drain = TenSeconds(1000);
  EXPECT_EQ(drain.Allowed(kDrainStart), 1000);
  EXPECT_EQ(drain.Allowed(kDrainStart + absl::Seconds(1)), 900);
  EXPECT_EQ(drain.Allowed(kDrainStart + absl::Seconds(7.5)), 250);
  EXPECT_EQ(drain.Allowed(kDrainStart + absl::Seconds(10)), 0);
  EXPECT_EQ(drain.Allowed(kDrainStart + absl::Seconds(11)), 0);
}

TEST(ADrain, OfNoTimeAllowsNoCall) {
  const Drain drain(kDrainStart, absl::ZeroDuration(), 1000, absl::Seconds(1),
                    1);
  EXPECT_EQ(drain.Allowed(kDrainStart), 0);
}

TEST(ADrain, DrawsDelaysEvenlyFromItsWindow) {
  Drain drain = TenSeconds(1000);
  std::vector<int> quarters(4);
  for (int i = 0; i < 4000; ++i) {
    const absl::Duration delay = drain.NextDelay();
    ASSERT_GE(delay, absl::ZeroDuration());
    ASSERT_LE(delay, absl::Seconds(4));
    ASSERT_EQ(delay, absl::Floor(delay, absl::Milliseconds(1)));
    ++quarters[std::min<size_t>(3,
                                static_cast<size_t>(delay / absl::Seconds(1)))];
  }
  for (const int count : quarters) EXPECT_NEAR(count, 1000, 200);
}

TEST(ADrain, DrawsOtherDelaysFromAnotherSeed) {
  Drain one = TenSeconds(1000, 1);
  Drain same = TenSeconds(1000, 1);
  Drain other = TenSeconds(1000, 2);
  int differ = 0;
  for (int i = 0; i < 100; ++i) {
    const absl::Duration delay = one.NextDelay();
    EXPECT_EQ(same.NextDelay(), delay);
    differ += other.NextDelay() != delay;
  }
  EXPECT_GT(differ, 90);
}

TEST(TheReturnWindow, IsShortWhereTheDrainTimeSpreadsTheReturns) {
  EXPECT_EQ(ReturnWindow(absl::Seconds(10), 0), kReturnWindowMin);
  EXPECT_EQ(ReturnWindow(absl::Seconds(10), 10 * kReturnsPerSecond),
            kReturnWindowMin);
  EXPECT_EQ(ReturnWindow(absl::ZeroDuration(), 10), kReturnWindowMin);
}

TEST(TheReturnWindow, IsAsLongAsTheOthersNeedWhereTheDrainTimeIsNot) {
  EXPECT_EQ(ReturnWindow(absl::ZeroDuration(), 4 * kReturnsPerSecond),
            absl::Seconds(4));
  EXPECT_EQ(ReturnWindow(absl::Seconds(10), 12 * kReturnsPerSecond),
            absl::Seconds(12));
}

TEST(TheReturnWindow, IsHalfAMinuteAtMost) {
  EXPECT_EQ(ReturnWindow(absl::Seconds(1), 1000 * kReturnsPerSecond),
            absl::Seconds(30));
}

}  // namespace
}  // namespace herald::gateway
