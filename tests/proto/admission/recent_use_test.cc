// SPDX-License-Identifier: Apache-2.0

#include "proto/admission/recent_use.h"

#include "gtest/gtest.h"

namespace herald::admission {
namespace {

constexpr Source kAda = 1;
constexpr Source kBob = 2;
constexpr Source kEve = 3;

TEST(RecentUseOfASource, IsMeasuredBesideTheMost) {
  RecentUse uses(1000);
  EXPECT_EQ(uses.ShareOf(kAda), 0);
  EXPECT_FALSE(uses.HasOthers(kAda));
  uses.Add(kEve, 400);
  uses.Add(kAda, 100);
  EXPECT_EQ(uses.ShareOf(kEve), 1);
  EXPECT_EQ(uses.ShareOf(kAda), 0.25);
  EXPECT_EQ(uses.ShareOf(kBob), 0);
  uses.Add(kAda, 700);
  EXPECT_EQ(uses.ShareOf(kAda), 1);
  EXPECT_EQ(uses.ShareOf(kEve), 0.5);
}

TEST(RecentUseOfASource, IsOfOneAloneOrBesideOthers) {
  RecentUse uses(1000);
  uses.Add(kEve, 1);
  EXPECT_FALSE(uses.HasOthers(kEve));
  EXPECT_TRUE(uses.HasOthers(kAda)) << "eve is one";
  uses.Add(kAda, 1);
  EXPECT_TRUE(uses.HasOthers(kEve));
}

TEST(RecentUseOfASource, IsForgottenWhenOthersHaveUsedMore) {
  RecentUse uses(1000);
  uses.Add(kEve, 1500);
  for (int i = 0; i < 2000; ++i) uses.Add(kAda, 10);
  EXPECT_EQ(uses.ShareOf(kAda), 1);
  EXPECT_EQ(uses.ShareOf(kEve), 0);
  EXPECT_EQ(uses.sources(), 1);
}

TEST(RecentUseOfASource, MayBeLargerThanTheWindow) {
  RecentUse uses(10);
  uses.Add(kEve, 1'000'000);
  uses.Add(kAda, 1);
  EXPECT_EQ(uses.ShareOf(kEve), 1);
  EXPECT_LT(uses.ShareOf(kAda), 0.2);
}

}  // namespace
}  // namespace herald::admission
