// SPDX-License-Identifier: Apache-2.0

#include "proto/process/gateway_identity.h"

#include "gtest/gtest.h"
#include "proto/contract/limits.h"

namespace herald::process {
namespace {

TEST(AnIdentity, HasAnIdThatFollowsFromItsSecret) {
  const GatewayIdentity one = DrawGatewayIdentity();
  EXPECT_EQ(one.secret.size(), size_t{contract::kGatewaySecretBytes});
  EXPECT_GT(one.id, 0u);
  EXPECT_EQ(one.id >> 63, 0u);
  EXPECT_EQ(GatewayIdOf(one.secret), one.id);
  EXPECT_NE(DrawGatewayIdentity().secret, one.secret);
}

TEST(AnId, IsTheBeginningOfTheHash) {
  // SHA-256 of nothing begins with e3b0c44298fc1c14.
  EXPECT_EQ(GatewayIdOf(""), 0xe3b0c44298fc1c14u >> 1);
}

}  // namespace
}  // namespace herald::process
