// SPDX-License-Identifier: Apache-2.0

#include "gateway/loop/loop_state.h"

#include "proto/contract/limits.h"
#include "tests/gateway/gateway_world.h"

namespace herald::gateway {
namespace {

class ALoopState : public GatewayWorld {
 protected:
  LoopState state_{{}, &router_, &loops_[0], &observer_, loops_[0].now};
};

TEST_F(ALoopState, HasTheDocumentedSettingsUntilOthersAreDelivered) {
  EXPECT_EQ(state_.settings.settings->heartbeat_interval_ms(), 30'000);
  EXPECT_EQ(state_.settings.settings->client_timeout_ms(), 60'000);
  EXPECT_TRUE(state_.settings.settings->allow_client_events());
  EXPECT_NE(state_.settings.rules, nullptr);
}

TEST_F(ALoopState, RequestsOneFlushATurn) {
  state_.RequestFlush();
  EXPECT_TRUE(std::exchange(loops_[0].flush, false));
  state_.RequestFlush();
  EXPECT_FALSE(loops_[0].flush);
  state_.flush_requested = false;
  state_.RequestFlush();
  EXPECT_TRUE(loops_[0].flush);
}

TEST_F(ALoopState, BoundsMessagesByTheLargestPayload) {
  const auto by_default = static_cast<int64_t>(state_.message_bytes_max());
  EXPECT_EQ(by_default, 65'536 + contract::kClientMessageExtraBytes);
  auto settings = std::make_shared<link::v1::Settings>();
  settings->set_max_payload(1);
  state_.settings.settings = settings;
  EXPECT_EQ(static_cast<int64_t>(state_.message_bytes_max()),
            contract::kSubscribeBytesMax + contract::kClientMessageExtraBytes)
      << "a subscribe always fits";
}

TEST_F(ALoopState, NamesSocketsOfItsGateway) {
  EXPECT_EQ(state_.SocketId(12), "7.12");
}

}  // namespace
}  // namespace herald::gateway
