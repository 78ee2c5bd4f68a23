// SPDX-License-Identifier: Apache-2.0

#include "gateway/channels/delivery.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace herald::gateway {
namespace {

TEST(ADelivery, WeighsAtLeastItsContents) {
  const std::string large(1000, 'x');
  const EncodedMessagePtr shared =
      ShareMessage(UnsubscribedMessage{"a", large});
  ChannelMessage message;
  message.message = shared;
  Confirmed confirmed;
  confirmed.subscribed = shared;
  SubscribedAgain again;
  again.subscribed = shared;
  Refused refused;
  refused.reason = large;
  Renewed renewed;
  renewed.reason = large;
  v1::Revocation revocation;
  revocation.set_reason(large);
  link::v1::Call call;
  call.mutable_disconnect()->set_reason(large);
  const std::vector<Delivery> all = {
      std::make_shared<const ChannelMessage>(message),
      confirmed,
      again,
      refused,
      renewed,
      revocation,
      call};
  for (const Delivery& delivery : all) {
    EXPECT_GE(DeliveryBytes(delivery), 1000) << delivery.index();
    EXPECT_LE(DeliveryBytes(delivery), 2000) << delivery.index();
  }
}

TEST(ADelivery, CountsEachStringOfAConfirmation) {
  const int64_t empty = DeliveryBytes(Confirmed{});
  for (std::string Confirmed::*const field :
       {&Confirmed::socket_id, &Confirmed::user_id}) {
    Confirmed confirmed;
    confirmed.*field = std::string(100, 'x');
    EXPECT_EQ(DeliveryBytes(confirmed), empty + 100);
  }
  Confirmed confirmed;
  confirmed.channel = contract::ChannelKey::FromText(std::string(100, 'x'));
  EXPECT_EQ(DeliveryBytes(confirmed), empty + 100);
}

TEST(ADelivery, CountsTheSocketIdOfAWhisper) {
  const auto bytes = [](std::string socket_id) {
    ChannelMessage message;
    message.whisper = std::make_shared<WhisperOrigin>();
    message.whisper->socket_id = std::move(socket_id);
    return DeliveryBytes(std::make_shared<const ChannelMessage>(message));
  };
  EXPECT_EQ(bytes(std::string(100, 'x')), bytes("") + 100);
}

TEST(ADelivery, WeighsSomethingThoughItHoldsNothing) {
  EXPECT_GT(DeliveryBytes(RenewAll{}), 0);
  EXPECT_GT(DeliveryBytes(NewSettings{}), 0);
}

}  // namespace
}  // namespace herald::gateway
