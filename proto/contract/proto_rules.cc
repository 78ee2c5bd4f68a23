// SPDX-License-Identifier: Apache-2.0

#include "proto/contract/proto_rules.h"

#include "absl/time/time.h"

namespace herald::contract {
namespace {

absl::Duration DurationOf(const google::protobuf::Duration& in) {
  return absl::Seconds(in.seconds()) + absl::Nanoseconds(in.nanos());
}

ChannelRule RuleOf(const config::v1::ChannelRule& in) {
  ChannelRule out;
  out.pattern = in.pattern();
  if (in.has_history_size()) out.history_size = in.history_size();
  if (in.has_history_ttl()) out.history_ttl = DurationOf(in.history_ttl());
  if (in.has_presence()) out.presence = in.presence();
  if (in.has_client_events()) out.client_events = in.client_events();
  if (in.has_max_subscribers()) out.max_subscribers = in.max_subscribers();
  if (in.has_max_payload()) out.max_payload = in.max_payload();
  if (in.has_slow_consumer()) {
    out.slow_consumer =
        in.slow_consumer() == config::v1::SLOW_CONSUMER_DROP_TO_LATEST
            ? SlowConsumer::kDropToLatest
            : SlowConsumer::kDisconnect;
  }
  if (in.has_member_grace()) out.member_grace = DurationOf(in.member_grace());
  return out;
}

}  // namespace

std::vector<ChannelRule> RulesOf(
    const google::protobuf::RepeatedPtrField<config::v1::ChannelRule>& rules) {
  std::vector<ChannelRule> out;
  for (const config::v1::ChannelRule& rule : rules) out.push_back(RuleOf(rule));
  return out;
}

}  // namespace herald::contract
