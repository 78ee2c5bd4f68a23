// SPDX-License-Identifier: Apache-2.0

#include "service/rules/rule_changes.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "proto/contract/channel_rules.h"
#include "proto/contract/proto_rules.h"

namespace herald::core {
namespace {

using contract::ChannelRule;
using contract::ChannelRules;
using contract::ChannelSettings;

// The defaults that the environment sets.
ChannelSettings DefaultsOf(const link::v1::Settings& settings) {
  ChannelSettings out;
  out.client_events = settings.allow_client_events();
  out.max_subscribers = settings.max_subscribers();
  out.max_payload = settings.max_payload();
  return out;
}

}  // namespace

void RuleChanges::Apply(const config::v1::Config& config) {
  std::vector<ChannelRule> rules = contract::RulesOf(config.channels());
  if (!rules.empty()) table_->set_has_rules(true);
  const bool none = rules.empty();
  const auto compiled = std::make_shared<const ChannelRules>(
      std::move(rules), DefaultsOf(settings_));
  table_->ForEachShard([&](ChannelShard& shard) {
    const ShardLock lock(shard);
    const auto old = std::exchange(shard.rules, compiled);
    absl::flat_hash_set<std::string> listened;
    for (const auto& [channel, entry] : shard.channels)
      listened.insert(channel);
    for (const auto& [channel, sinks] : shard.watches) listened.insert(channel);
    for (const auto& [channel, count] : shard.held) listened.insert(channel);
    for (const std::string& channel : listened) {
      const ChannelSettings was = old->Of(channel);
      if (was.history_size == 0) continue;
      ChangeHistory(shard, channel, {was.history_size, was.history_ttl});
    }
  });
  if (none) table_->set_has_rules(false);
  // Then the channels without listeners. Their histories may lack publications
  // since the rules changed, so Fetch() does not read them until they end.
  log_->ApplyHistoryRules();
  membership_->ApplyPresenceRules();
}

void RuleChanges::ChangeHistory(ChannelShard& shard, absl::string_view channel,
                                const HistoryLimits& old) {
  const HistoryLimits limits = HistoryOf(shard, channel);
  if (limits.size > 0) {
    if (limits == old || !log_->PositionOf(channel).has_value()) return;
    return log_->Open(channel, limits, [](const absl::Status&) {});
  }
  log_->Forget(channel);
}

}  // namespace herald::core
