// SPDX-License-Identifier: Apache-2.0

#include "gateway/router/router_state.h"

#include "gtest/gtest.h"

namespace herald::gateway {
namespace {

TEST(ARouterState, FindsTheLoopOfOneOfOurSockets) {
  RouterState state;
  state.gateway_id = 7;
  EXPECT_EQ(state.ShardOf("7.5"), -1) << "there are no loops yet";
  state.shards = {nullptr, nullptr};
  EXPECT_EQ(state.ShardOf("7.5"), 1);
  EXPECT_EQ(state.ShardOf("7.6"), 0);
  EXPECT_EQ(state.ShardOf("8.6"), -1);
  EXPECT_EQ(state.ShardOf("7"), -1);
  EXPECT_EQ(state.ShardOf(""), -1);
}

TEST(ARouterState, DropsItemsWithoutALink) {
  RouterState state;
  state.Enqueue(link::v1::GatewayItem());
}

}  // namespace
}  // namespace herald::gateway
