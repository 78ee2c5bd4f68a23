// SPDX-License-Identifier: Apache-2.0

#include "gateway/channels/delivery.h"

namespace herald::gateway {
namespace {

size_t BytesOf(const EncodedMessagePtr& message) {
  return message == nullptr ? 0 : static_cast<size_t>(message->bytes());
}

size_t BytesOf(const ChannelMessagePtr& message) {
  size_t bytes = sizeof(ChannelMessage) + message->channel.text().size() +
                 BytesOf(message->message);
  if (message->droppable != nullptr) {
    bytes += sizeof(Droppable) + 2 * message->channel.text().size();
  }
  if (message->whisper != nullptr) {
    bytes += sizeof(WhisperOrigin) + message->whisper->socket_id.size();
  }
  return bytes;
}

size_t BytesOf(const Confirmed& confirmed) {
  size_t bytes = confirmed.channel.text().size() + confirmed.socket_id.size() +
                 confirmed.user_id.size() + BytesOf(confirmed.subscribed) +
                 BytesOf(confirmed.recovered);
  if (confirmed.missed != nullptr) {
    bytes += static_cast<size_t>(confirmed.missed->BytesSince(confirmed.since));
  }
  return bytes;
}

size_t BytesOf(const SubscribedAgain& again) {
  return BytesOf(again.subscribed);
}

size_t BytesOf(const SocketAnswered& answer) {
  const size_t user = answer.user.has_value() ? answer.user->ByteSizeLong() : 0;
  return user + answer.reason.size();
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

link::v1::Unsubscribe EndOf(const Confirmed& confirmed) {
  link::v1::Unsubscribe end;
  end.set_ticket(confirmed.ticket);
  end.set_channel(confirmed.channel.text());
  if (confirmed.is_member) {
    end.set_socket_id(confirmed.socket_id);
    end.set_user_id(confirmed.user_id);
  }
  return end;
}

int64_t DeliveryBytes(const Delivery& delivery) {
  const size_t held =
      std::visit([](const auto& one) { return BytesOf(one); }, delivery);
  return static_cast<int64_t>(sizeof(Delivery) + held);
}

}  // namespace herald::gateway
