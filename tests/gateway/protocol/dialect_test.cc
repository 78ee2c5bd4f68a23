// SPDX-License-Identifier: Apache-2.0

#include "gateway/protocol/dialect.h"

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

}  // namespace
}  // namespace herald::gateway
