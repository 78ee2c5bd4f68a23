// SPDX-License-Identifier: Apache-2.0
//
// The rules of channels, as the service sends them. The gateway applies
// `client_events`, `max_payload` and `slow_consumer`; the service applies all
// others.
//
// Threads: any.

#ifndef HERALD_GATEWAY_CHANNELS_CHANNEL_RULES_H_
#define HERALD_GATEWAY_CHANNELS_CHANNEL_RULES_H_

#include "herald/link/v1/gateway_service.pb.h"
#include "proto/contract/channel_rules.h"

namespace herald::gateway {

// The rules that the gateway applies. The other fields of `settings` are the
// defaults where no rule matches.
contract::ChannelRulesPtr CompileRules(const link::v1::Settings& settings);

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_CHANNELS_CHANNEL_RULES_H_
