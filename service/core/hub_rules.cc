// SPDX-License-Identifier: Apache-2.0
//
// What holds for some channels only: taking new rules, and applying them.

#include <memory>
#include <string>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "proto/contract/channel_rules.h"
#include "proto/contract/names.h"
#include "service/core/encoding.h"
#include "service/core/hub.h"

namespace herald::core {
namespace {

using contract::ChannelRule;
using contract::ChannelRules;
using contract::ChannelSettings;
using contract::SlowConsumer;

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

// What the environment says.
ChannelSettings DefaultsOf(const link::v1::Settings& settings) {
  ChannelSettings out;
  out.client_events = settings.allow_client_events();
  out.max_subscribers = settings.max_subscribers();
  out.max_payload = settings.max_payload();
  return out;
}

}  // namespace

void Hub::SetRules(const config::v1::Config& config) {
  UseRules(config);
  std::vector<AttachmentPtr> gateways;
  {
    contract::MutexLock lock(&mu_);
    settings_.set_revision(settings_.revision() + 1);
    *settings_.mutable_rules() = config.channels();
    link::v1::ServiceItem item;
    *item.mutable_settings() = settings_;
    const Chunk chunk = EncodeItem(std::move(item));
    for (const auto& [id, gateway] : attachments_) {
      gateway->sink->Enqueue(chunk);
      gateways.push_back(gateway);
    }
  }
  for (const AttachmentPtr& gateway : gateways) gateway->sink->Flush();
}

void Hub::UseRules(const config::v1::Config& config) {
  std::vector<ChannelRule> rules;
  for (const config::v1::ChannelRule& rule : config.channels()) {
    rules.push_back(RuleOf(rule));
  }
  if (!rules.empty()) has_rules_ = true;
  const bool none = rules.empty();
  const auto compiled = std::make_shared<const ChannelRules>(
      std::move(rules), DefaultsOf(options_.settings));
  table_.ForEachShard([&](Shard& shard) {
    const ShardLock lock(shard);
    const auto old = std::exchange(shard.rules, compiled);
    absl::flat_hash_set<std::string> listened;
    for (const auto& [channel, entry] : shard.channels)
      listened.insert(channel);
    for (const auto& [channel, sinks] : shard.watches) listened.insert(channel);
    // Told also where memory has taken the history before its rule did.
    for (const std::string& channel : listened) {
      if (old->Of(channel).history_size > 0) EndHistory(shard, channel);
    }
  });
  if (none) has_rules_ = false;
  // Those whom nobody listens to. Until then nobody gets anything of them, for
  // what was said since is not in them.
  for (const std::string& channel : engine_->HistoryChannels()) {
    Shard& shard = table_.ShardOf(channel);
    const ShardLock lock(shard);
    EndHistory(shard, channel);
  }
  for (const std::string& channel : engine_->PresenceChannels()) {
    Shard& shard = table_.ShardOf(channel);
    const ShardLock lock(shard);
    if (!IsPresence(shard, channel)) engine_->RemoveMembers(channel);
  }
}

absl::Status Hub::CheckPayloads(const v1::BroadcastRequest& request) {
  if (!has_rules_) return absl::OkStatus();
  const auto bytes = static_cast<int64_t>(request.data().size());
  for (const std::string& channel : request.channels()) {
    Shard& shard = table_.ShardOf(channel);
    const ShardLock lock(shard);
    const int64_t bytes_max = shard.rules->Of(channel).max_payload;
    if (bytes <= bytes_max) continue;
    return absl::ResourceExhaustedError(absl::StrCat(
        "data has ", bytes, " bytes; at most ", bytes_max,
        " are allowed on channel ", contract::Quoted(channel), " (",
        shard.rules->Source(channel, &ChannelRule::max_payload,
                            "BROADCAST_MAX_PAYLOAD"),
        ")"));
  }
  return absl::OkStatus();
}

}  // namespace herald::core
