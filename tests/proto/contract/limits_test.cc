// SPDX-License-Identifier: Apache-2.0
//
// The numbers that DESIGN promises, and how they depend on each other.

#include "proto/contract/limits.h"

#include "gtest/gtest.h"

namespace herald::contract {
namespace {

TEST(Limits, AreThoseOfTheDesign) {
  EXPECT_EQ(kChannelNameBytesMax, 164);
  EXPECT_EQ(kEventNameBytesMax, 200);
  EXPECT_EQ(kUserIdBytesMax, 128);
  EXPECT_EQ(kUserInfoBytesMax, 16 * 1024);
  EXPECT_EQ(kAuthTokenBytesMax, 16 * 1024);
  EXPECT_EQ(kBroadcastChannelsMax, 100);
  EXPECT_EQ(kWatchChannelsMax, 100);
  EXPECT_EQ(kClientMessageExtraBytes, 4 * 1024);
  EXPECT_EQ(kPendingSubscribesMax, 100);
  EXPECT_EQ(kLinkFrameBytes, 256 * 1024);
  EXPECT_EQ(kLinkAttachFrameBytes, 1024 * 1024);
  EXPECT_EQ(kLinkOutboxBytesMax, 16 * 1024 * 1024);
  EXPECT_EQ(kAuthorizerInFlightMax, 1000);
  EXPECT_EQ(kAuthorizerMessageBytesMax, 16 * 1024 * 1024);
  EXPECT_EQ(kWatchOutboxBytesMax, 1024 * 1024);
}

TEST(Limits, LetAnItemOfAnySizeCrossTheLink) {
  // A publication, with names and its encoder.
  EXPECT_LT(kPayloadBytesLimit + kChannelNameBytesMax + kEventNameBytesMax +
                kUserIdBytesMax + 1024,
            kLinkMessageBytesMax);
  // A subscribe, with 700 times as many headers as usual.
  EXPECT_LT(kAuthTokenBytesMax + kChannelDataBytesMax + (512 << 10),
            kLinkMessageBytesMax);
}

TEST(Limits, LetAWholeUserInfoIntoChannelData) {
  EXPECT_LT(kUserIdBytesMax + kUserInfoBytesMax, kChannelDataBytesMax);
}

TEST(Limits, LetTheFullestRosterCrossTheLink) {
  // Users of one byte each have the largest overhead.
  constexpr int64_t kFramingOfOne = 12;
  EXPECT_LT(kMembersBytesMax + kMembersBytesMax / 8 * kFramingOfOne,
            kLinkMessageBytesMax);
}

}  // namespace
}  // namespace herald::contract
