// SPDX-License-Identifier: Apache-2.0

#include "proto/contract/redial_backoff.h"

#include "gtest/gtest.h"

namespace herald::contract {
namespace {

TEST(ARedial, Waits50To250Milliseconds) {
  EXPECT_EQ(RedialBackoff(0), absl::Milliseconds(50));
  EXPECT_EQ(RedialBackoff(0.5), absl::Milliseconds(150));
  EXPECT_LT(RedialBackoff(0.999999), absl::Milliseconds(250));
  EXPECT_GT(RedialBackoff(0.999999), absl::Milliseconds(249));
}

TEST(ARedialDeathTest, NeedsARandomNumberBelowOne) {
  EXPECT_DEATH(RedialBackoff(1), "condition");
  EXPECT_DEATH(RedialBackoff(-0.1), "condition");
}

}  // namespace
}  // namespace herald::contract
