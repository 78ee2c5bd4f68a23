// SPDX-License-Identifier: Apache-2.0

#include "service/gateways/leases.h"

#include "gtest/gtest.h"

namespace herald::core {
namespace {

TEST(ALease, EndsOnceAndItsGatewayIsRemembered) {
  Leases leases;
  leases.Begin(7, {.attach = 1});
  EXPECT_TRUE(leases.Knows(7));
  EXPECT_TRUE(leases.End(7, 1).has_value());
  EXPECT_FALSE(leases.End(7, 1).has_value());
  EXPECT_TRUE(leases.Knows(7));
  leases.ForgetLost(7, 1);
  EXPECT_FALSE(leases.Knows(7));
}

TEST(ALease, OfAGatewayThatReturnedAndLeftAgainIsAnother) {
  Leases leases;
  leases.Begin(7, {.attach = 1});
  leases.Forget(7);
  leases.Begin(7, {.attach = 2});
  EXPECT_FALSE(leases.End(7, 1).has_value());
  EXPECT_TRUE(leases.End(7, 2).has_value());
  leases.ForgetLost(7, 1);
  EXPECT_TRUE(leases.Knows(7));
}

TEST(ALease, OfALinkThatEndedBeforeItHadANumberEndsWithAny) {
  Leases leases;
  leases.Begin(7, {.attach = 0});
  EXPECT_TRUE(leases.End(7, 5).has_value());
}

TEST(ALease, RemembersWhetherTheGatewayHadProvenItself) {
  Leases leases;
  leases.Begin(7, {.attach = 1, .proven = true, .moving = true});
  leases.Begin(8, {.attach = 2});
  EXPECT_TRUE(leases.IsProven(7));
  EXPECT_FALSE(leases.IsProven(8));
  EXPECT_FALSE(leases.IsProven(9));
  EXPECT_TRUE(leases.End(7, 1)->moving);
  EXPECT_FALSE(leases.End(8, 2)->moving);
  EXPECT_TRUE(leases.IsProven(7));
  leases.Forget(7);
  EXPECT_FALSE(leases.IsProven(7));
}

TEST(Leases, RememberABoundedNumberOfLostGateways) {
  Leases leases;
  for (uint64_t id = 1; id <= Leases::kLostMax + 1; ++id) {
    leases.Begin(id, {.attach = 1});
    leases.End(id, 1);
  }
  EXPECT_TRUE(leases.Knows(Leases::kLostMax));
  EXPECT_FALSE(leases.Knows(Leases::kLostMax + 1));
}

}  // namespace
}  // namespace herald::core
