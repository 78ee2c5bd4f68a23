// SPDX-License-Identifier: Apache-2.0

#include "gateway/core/channel_rules.h"

#include <memory>
#include <utility>
#include <vector>

namespace herald::gateway {
namespace {

using contract::SlowConsumer;

contract::ChannelRule RuleOf(const config::v1::ChannelRule& in) {
  contract::ChannelRule out;
  out.pattern = in.pattern();
  if (in.has_client_events()) out.client_events = in.client_events();
  if (in.has_max_payload()) out.max_payload = in.max_payload();
  if (in.has_slow_consumer()) {
    out.slow_consumer =
        in.slow_consumer() == config::v1::SLOW_CONSUMER_DROP_TO_LATEST
            ? SlowConsumer::kDropToLatest
            : SlowConsumer::kDisconnect;
  }
  return out;
}

}  // namespace

contract::ChannelRulesPtr CompileRules(const link::v1::Settings& settings) {
  contract::ChannelSettings defaults;
  defaults.client_events = settings.allow_client_events();
  defaults.max_payload = settings.max_payload();
  std::vector<contract::ChannelRule> rules;
  for (const config::v1::ChannelRule& rule : settings.rules()) {
    rules.push_back(RuleOf(rule));
  }
  return std::make_shared<const contract::ChannelRules>(std::move(rules),
                                                        defaults);
}

}  // namespace herald::gateway
