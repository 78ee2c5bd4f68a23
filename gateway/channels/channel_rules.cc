// SPDX-License-Identifier: Apache-2.0

#include "gateway/channels/channel_rules.h"

#include <memory>

#include "proto/contract/proto_rules.h"

namespace herald::gateway {

contract::ChannelRulesPtr CompileRules(const link::v1::Settings& settings) {
  contract::ChannelSettings defaults;
  defaults.client_events = settings.allow_client_events();
  defaults.max_payload = settings.max_payload();
  return std::make_shared<const contract::ChannelRules>(
      contract::RulesOf(settings.rules()), defaults);
}

}  // namespace herald::gateway
