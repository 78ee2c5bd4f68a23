// SPDX-License-Identifier: Apache-2.0

#include "service/link/whispers.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/contract/names.h"
#include "service/channel/encoding.h"

namespace herald::core {

absl::Status Whispers::On(const AttachmentPtr& gateway,
                          link::v1::Whisper whisper) {
  auto publication = std::make_shared<Publication>();
  publication->channel = std::move(*whisper.mutable_channel());
  publication->event = std::move(*whisper.mutable_event());
  publication->data = std::move(*whisper.mutable_data());
  publication->except_socket_id = std::move(*whisper.mutable_socket_id());
  publication->whisper = true;
  publication->user_id = std::move(*whisper.mutable_user_id());
  publication->published_us = absl::ToUnixMicros(timers_->TimeOfDay());
  const std::string& channel = publication->channel;
  ChannelShard& shard = table_->ShardOf(channel);
  const ShardLock lock(shard);
  if (gateway->ended) return absl::OkStatus();
  if (!IsSubscribed(shard, channel, gateway.get())) {
    return absl::InvalidArgumentError(
        absl::StrCat("whisper names channel ", contract::Quoted(channel),
                     ", of which the gateway has no subscription"));
  }
  // New rules may be on their way to the gateway.
  const contract::ChannelSettings rules = shard.rules->Of(channel);
  if (!rules.client_events ||
      static_cast<int64_t>(publication->data.size()) > rules.max_payload) {
    return absl::OkStatus();
  }
  // A gateway decides by the name of the channel whether it sends a user.
  if (!IsPresence(shard, publication->channel)) publication->user_id.clear();
  // The receipt is ignored: client events are not acknowledged.
  log_->Publish(std::move(publication), {}, [](const auto& /*receipt*/) {});
  return absl::OkStatus();
}

void Whispers::OnCongestion(const link::v1::Congestion& congestion,
                            FlushList& flushes) {
  const std::optional<contract::SocketId> id =
      contract::ParseSocketId(congestion.socket_id());
  if (!id.has_value()) return;
  const AttachmentPtr gateway = gateways_->Find(id->gateway);
  if (gateway == nullptr) return;
  link::v1::ServiceItem item;
  *item.mutable_congestion() = congestion;
  // Advice only: it is dropped if the sender's own link is congested, too.
  gateway->sink->EnqueueWhisper(EncodeItem(std::move(item)));
  flushes.Add(gateway->sink);
}

}  // namespace herald::core
