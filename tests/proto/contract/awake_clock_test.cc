// SPDX-License-Identifier: Apache-2.0

#include "proto/contract/awake_clock.h"

#include "gtest/gtest.h"

namespace herald::contract {
namespace {

constexpr absl::Duration kBeat = absl::Milliseconds(50);
constexpr absl::Duration kGapMax = absl::Milliseconds(500);

TEST(AnAwakeClock, GoesWithTheOtherWhileItIsRead) {
  absl::Time now = absl::UnixEpoch();
  AwakeClock clock(now, kBeat, kGapMax);
  for (int i = 0; i < 100; ++i) {
    now += kGapMax;
    EXPECT_EQ(clock.Read(now), now);
  }
  EXPECT_EQ(clock.away(), absl::ZeroDuration());
}

TEST(AnAwakeClock, StandsStillInAPause) {
  absl::Time now = absl::UnixEpoch() + absl::Hours(1);
  AwakeClock clock(now, kBeat, kGapMax);
  const absl::Time before = clock.Read(now);
  now += absl::Hours(10);
  EXPECT_EQ(clock.Read(now), before + kBeat);
  now += kBeat;
  EXPECT_EQ(clock.Read(now), before + 2 * kBeat);
  now += absl::Seconds(3);
  EXPECT_EQ(clock.Read(now), before + 3 * kBeat);
  EXPECT_EQ(clock.away(), absl::Hours(10) + absl::Seconds(3) - 2 * kBeat);
}

}  // namespace
}  // namespace herald::contract
