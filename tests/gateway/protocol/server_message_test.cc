// SPDX-License-Identifier: Apache-2.0

#include "gateway/protocol/server_message.h"

#include <memory>
#include <string>

#include "gtest/gtest.h"

namespace herald::gateway {
namespace {

using link::v1::Refused;

TEST(ARefusal, HasTheNameOfTheProtocol) {
  EXPECT_EQ(RefusalName(Refused::CODE_UNAUTHORIZED), "unauthorized");
  EXPECT_EQ(RefusalName(Refused::CODE_CHANNEL_FULL), "channel_full");
  EXPECT_EQ(RefusalName(Refused::CODE_TOO_MANY_CHANNELS), "too_many_channels");
  EXPECT_EQ(RefusalName(Refused::CODE_INVALID_CHANNEL), "invalid_channel");
  EXPECT_EQ(RefusalName(Refused::CODE_INVALID_MESSAGE), "invalid_message");
  EXPECT_EQ(RefusalName(Refused::CODE_UNAVAILABLE), "unavailable");
}

TEST(ARefusal, OfANewerServiceIsUnavailable) {
  EXPECT_EQ(RefusalName(static_cast<Refused::Code>(99)), "unavailable");
}

TEST(AnError, HasTheNameThatClientsKnow) {
  EXPECT_EQ(ErrorName(ErrorCode::kInvalidMessage), "invalid_message");
  EXPECT_EQ(ErrorName(ErrorCode::kInvalidChannel), "invalid_channel");
  EXPECT_EQ(ErrorName(ErrorCode::kInvalidEvent), "invalid_event");
  EXPECT_EQ(ErrorName(ErrorCode::kNotAllowed), "not_allowed");
  EXPECT_EQ(ErrorName(ErrorCode::kNotSubscribed), "not_subscribed");
  EXPECT_EQ(ErrorName(ErrorCode::kPayloadTooLarge), "payload_too_large");
  EXPECT_EQ(ErrorName(ErrorCode::kUnavailable), "unavailable");
}

// Queues and rates are bounded by it, in every dialect.
TEST(AMessage, WeighsAtLeastItsTexts) {
  const std::string text(1000, 'x');
  v1::Member member;
  member.set_user_info(text);
  SubscribedMessage roster{"presence-a", std::make_shared<Members>(), {}, {}};
  EXPECT_LE(MessageBytes(roster), 100);
  auto members = std::make_shared<Members>();
  members->bytes = 1000;
  roster.members = members;
  EventMessage event;
  event.publication.set_data(text);
  for (const ServerMessage& message :
       {ServerMessage(roster), ServerMessage(event),
        ServerMessage(SubscriptionErrorMessage{"a", text, {}}),
        ServerMessage(UnsubscribedMessage{"a", text}),
        ServerMessage(SignedInMessage{text}),
        ServerMessage(SignInErrorMessage{text, {}}),
        ServerMessage(MemberAddedMessage{"a", member}),
        ServerMessage(MemberRemovedMessage{"a", text}),
        ServerMessage(ConnectedMessage{text}),
        ServerMessage(ErrorMessage{ErrorCode::kUnavailable, text, {}})}) {
    EXPECT_GE(MessageBytes(message), 1000) << message.index();
    EXPECT_LE(MessageBytes(message), 1100) << message.index();
  }
  EXPECT_GT(MessageBytes(PongMessage()), 0);
}

}  // namespace
}  // namespace herald::gateway
