// SPDX-License-Identifier: Apache-2.0

#include "service/link/leases.h"

#include "gtest/gtest.h"

namespace herald::core {
namespace {

TEST(ALease, EndsOnceAndItsGatewayIsRemembered) {
  Leases leases;
  const int64_t number = leases.Begin(7, /*proven=*/false);
  EXPECT_TRUE(leases.IsAway(7));
  EXPECT_TRUE(leases.End(7, number));
  EXPECT_FALSE(leases.End(7, number));
  EXPECT_FALSE(leases.IsAway(7));
  EXPECT_TRUE(leases.Knows(7));
  leases.ForgetLost(7, number);
  EXPECT_FALSE(leases.Knows(7));
}

TEST(ALease, OfAGatewayThatReturnedAndLeftAgainIsAnother) {
  Leases leases;
  const int64_t first = leases.Begin(7, false);
  leases.Forget(7);
  const int64_t second = leases.Begin(7, false);
  EXPECT_FALSE(leases.End(7, first));
  EXPECT_TRUE(leases.End(7, second));
  leases.ForgetLost(7, first);
  EXPECT_TRUE(leases.Knows(7));
}

TEST(ALease, RemembersWhetherTheGatewayHadProvenItself) {
  Leases leases;
  const int64_t number = leases.Begin(7, true);
  leases.Begin(8, false);
  EXPECT_TRUE(leases.IsProven(7));
  EXPECT_FALSE(leases.IsProven(8));
  EXPECT_FALSE(leases.IsProven(9));
  leases.End(7, number);
  EXPECT_TRUE(leases.IsProven(7));
  leases.Forget(7);
  EXPECT_FALSE(leases.IsProven(7));
}

TEST(Leases, RememberABoundedNumberOfLostGateways) {
  Leases leases;
  for (uint64_t id = 1; id <= Leases::kLostMax + 1; ++id) {
    leases.End(id, leases.Begin(id, true));
  }
  EXPECT_TRUE(leases.Knows(Leases::kLostMax));
  EXPECT_FALSE(leases.Knows(Leases::kLostMax + 1));
}

}  // namespace
}  // namespace herald::core
