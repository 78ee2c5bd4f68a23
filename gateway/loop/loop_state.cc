// SPDX-License-Identifier: Apache-2.0

#include "gateway/loop/loop_state.h"

#include <algorithm>

#include "gateway/channels/channel_rules.h"
#include "proto/contract/limits.h"
#include "proto/contract/names.h"

namespace herald::gateway {
namespace {

NewSettings DefaultSettings() {
  auto settings = std::make_shared<link::v1::Settings>();
  settings->set_heartbeat_interval_ms(30'000);
  settings->set_client_timeout_ms(60'000);
  settings->set_allow_client_events(true);
  settings->set_max_payload(65'536);
  contract::ChannelRulesPtr rules = CompileRules(*settings);
  return {std::move(settings), std::move(rules)};
}

}  // namespace

LoopState::LoopState(ShardOptions shard_options, Router* to_router,
                     Loop* own_loop, GatewayObserver* for_metrics,
                     absl::Time start)
    : options(shard_options),
      router(to_router),
      loop(own_loop),
      observer(for_metrics),
      settings(DefaultSettings()),
      wheel(start),
      now(start) {}

size_t LoopState::message_bytes_max() const {
  return static_cast<size_t>(
      std::max(settings.settings->max_payload(), contract::kSubscribeBytesMax) +
      contract::kClientMessageExtraBytes);
}

std::string LoopState::SocketId(uint64_t number) const {
  return contract::FormatSocketId({router->gateway_id(), number});
}

}  // namespace herald::gateway
