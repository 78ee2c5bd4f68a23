// SPDX-License-Identifier: Apache-2.0

#include "gateway/router/delivery.h"

namespace herald::gateway {
namespace {

size_t BytesOf(const std::shared_ptr<const ChannelFrame>& frame) {
  size_t bytes =
      sizeof(ChannelFrame) + frame->channel.size() + frame->frame->size();
  if (frame->droppable != nullptr) {
    bytes += sizeof(Droppable) + 2 * frame->channel.size();
  }
  if (frame->whisper != nullptr) bytes += sizeof(WhisperOrigin);
  return bytes;
}

size_t BytesOf(const Confirmed& confirmed) {
  return confirmed.channel.size() + confirmed.user_id.size() +
         confirmed.subscribed->size() +
         (confirmed.recovered == nullptr ? 0 : confirmed.recovered->size()) +
         (confirmed.missed == nullptr
              ? 0
              : confirmed.missed->size() - confirmed.missed_from);
}

size_t BytesOf(const SubscribedAgain& again) {
  return again.subscribed->size();
}

size_t BytesOf(const Refused& refused) { return refused.reason.size(); }
size_t BytesOf(const Renewed& renewed) { return renewed.reason.size(); }
size_t BytesOf(const RenewAll& /*all*/) { return 0; }
size_t BytesOf(const Congested& /*congested*/) { return 0; }
size_t BytesOf(const NewSettings& /*settings*/) { return 0; }

size_t BytesOf(const google::protobuf::MessageLite& message) {
  return message.ByteSizeLong();
}

}  // namespace

int64_t DeliveryBytes(const Delivery& delivery) {
  const size_t held =
      std::visit([](const auto& one) { return BytesOf(one); }, delivery);
  return static_cast<int64_t>(sizeof(Delivery) + held);
}

}  // namespace herald::gateway
