// SPDX-License-Identifier: Apache-2.0

#include "gateway/link/return_policy.h"

#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace herald::gateway {
namespace {

TEST(Returning, IsTriedLessOftenWhenItDoesNotLast) {
  ReturnPolicy policy;
  absl::Time now = absl::UnixEpoch();
  EXPECT_EQ(policy.pause(), absl::Seconds(1));
  policy.OnLinkEnded(/*first=*/false, now);
  EXPECT_EQ(policy.pause(), absl::Seconds(1)) << "it was no return";

  for (const int seconds : {2, 4, 8, 16, 32, 60, 60}) {
    policy.OnReturn(now);
    now += absl::Seconds(3);
    policy.OnLinkEnded(/*first=*/true, now);
    EXPECT_EQ(policy.pause(), absl::Seconds(seconds));
  }
  policy.OnReturn(now);
  now += ReturnPolicy::kLasting;
  policy.OnLinkEnded(/*first=*/true, now);
  EXPECT_EQ(policy.pause(), absl::Seconds(1));
}

TEST(Returning, CountsOnce) {
  ReturnPolicy policy;
  policy.OnReturn(absl::UnixEpoch());
  policy.OnLinkEnded(true, absl::UnixEpoch());
  policy.OnLinkEnded(true, absl::UnixEpoch() + absl::Seconds(1));
  EXPECT_EQ(policy.pause(), absl::Seconds(2));
}

}  // namespace
}  // namespace herald::gateway
