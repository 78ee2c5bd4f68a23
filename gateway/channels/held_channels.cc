// SPDX-License-Identifier: Apache-2.0

#include "gateway/channels/held_channels.h"

#include <string>
#include <utility>

#include "proto/contract/limits.h"
#include "proto/contract/names.h"
#include "proto/contract/require.h"

namespace herald::gateway {
namespace {

// A channel's holdings are split into items of about this size. The rest of a
// frame is for the last member, which is never split.
constexpr int64_t kHeldBytes = contract::kLinkAttachFrameBytes / 2;

}  // namespace

HeldChannel* HeldChannels::Find(contract::ChannelKeyView channel) {
  const auto it = map_.find(channel);
  return it == map_.end() ? nullptr : &it->second;
}

void HeldChannels::CloseTicket(contract::ChannelKeyView channel) {
  const auto it = map_.find(channel);
  contract::Require(it != map_.end());
  --it->second.open_tickets;
  ForgetIfUnused(it);
}

void HeldChannels::Count(HeldChannel& held, int shard, size_t shards) {
  held.by_shard.resize(shards);
  ++held.by_shard[static_cast<size_t>(shard)];
  ++held.count;
}

void HeldChannels::Forget(int shard,
                          const link::v1::Unsubscribe& subscription) {
  const auto it =
      map_.find(contract::ChannelKeyView::FromText(subscription.channel()));
  contract::Require(it != map_.end());
  HeldChannel& held = it->second;
  int64_t& count = held.by_shard[static_cast<size_t>(shard)];
  contract::Require(count > 0);
  --count;
  --held.count;
  if (!subscription.user_id().empty()) {
    held.members.Remove(subscription.user_id(), subscription.socket_id());
  }
  ForgetIfUnused(it);
}

void HeldChannels::ForgetIfUnused(Map::iterator it) {
  // An open ticket keeps the roster, because its yes may come without one.
  if (it->second.count == 0 && it->second.open_tickets == 0) map_.erase(it);
}

EncodedMessagePtr HeldChannels::Answer(contract::ChannelKeyView channel,
                                       HeldChannel& held,
                                       std::optional<bool> recovered) {
  SubscribedMessage answer{std::string(channel.name), nullptr, std::nullopt,
                           recovered};
  if (held.history != nullptr) answer.position = held.history->position();
  if (contract::TypeOfChannel(channel.name) !=
      contract::ChannelType::kPresence) {
    return ShareMessage(std::move(answer));
  }
  answer.members = held.roster.Snapshot();
  if (held.answer == nullptr) held.answer = std::make_unique<RosterAnswer>();
  return held.answer->Get(std::move(answer));
}

void HeldChannels::Deliver(const HeldChannel& held,
                           const ChannelMessagePtr& message, Batches* batches) {
  for (size_t shard = 0; shard < held.by_shard.size(); ++shard) {
    if (held.by_shard[shard] == 0) continue;
    batches->Add(static_cast<int>(shard), message);
  }
}

void HeldChannels::Deliver(const HeldChannel& held, ChannelMessage message,
                           Batches* batches) {
  Deliver(held, std::make_shared<const ChannelMessage>(std::move(message)),
          batches);
}

void HeldChannels::ForEachHeld(
    absl::FunctionRef<void(link::v1::GatewayItem)> call) const {
  for (const auto& [channel, held] : map_) {
    if (held.count == 0) continue;
    int64_t count = held.count;
    for (link::v1::Held& part : held.members.Parts(kHeldBytes)) {
      link::v1::GatewayItem item;
      *item.mutable_held() = std::move(part);
      item.mutable_held()->set_channel(channel.text());
      if (count > 0 && held.history != nullptr) {
        *item.mutable_held()->mutable_position() = held.history->position();
      }
      // With the first part only. By a count of zero the service knows that a
      // part continues the one before it.
      item.mutable_held()->set_subscription_count(std::exchange(count, 0));
      call(std::move(item));
    }
  }
}

}  // namespace herald::gateway
