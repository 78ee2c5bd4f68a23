// SPDX-License-Identifier: Apache-2.0

#include "tests/end_to_end/chaos/frame.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/end_to_end/chaos/failure.h"

namespace herald::chaos {
namespace {

using ::testing::ElementsAre;

TEST(AFrame, OfASubscriptionWithHistoryHasAPosition) {
  const Frame frame = ParseFrame(
      R"({"type":"subscribed","channel":"c","epoch":"e1","offset":43,)"
      R"("recovered":true})");
  EXPECT_EQ(frame.kind, Frame::Kind::kSubscribed);
  EXPECT_EQ(frame.channel, "c");
  EXPECT_EQ(frame.epoch, "e1");
  EXPECT_EQ(frame.offset, 43);
  EXPECT_TRUE(frame.has_offset);
  EXPECT_EQ(frame.recovered, true);
}

TEST(AFrame, OfASubscriptionWithoutHistoryHasNoPosition) {
  const Frame frame =
      ParseFrame(R"({"type":"subscribed","channel":"presence-c","members":[)"
                 R"({"user_id":"ada","user_info":null},)"
                 R"({"user_id":"bob","user_info":1}]})");
  EXPECT_FALSE(frame.has_offset);
  EXPECT_FALSE(frame.recovered.has_value());
  EXPECT_THAT(frame.users, ElementsAre("ada", "bob"));
}

TEST(AFrame, OfAnEventHasItsDataAndItsPlace) {
  const Frame frame = ParseFrame(
      R"({"type":"event","event":"e","channel":"c","data":"m/1/2/a",)"
      R"("offset":5})");
  EXPECT_EQ(frame.data, "\"m/1/2/a\"");
  EXPECT_EQ(frame.offset, 5);
  EXPECT_FALSE(frame.is_whisper);
}

TEST(AFrame, ThatTheContractDoesNotKnowIsAFailure) {
  for (const char* text : {
           "",
           "[]",
           R"({"type":"news"})",
           R"({"type":"connected"})",
           R"({"type":"subscribed"})",
           R"({"type":"subscribed","channel":"c","epoch":"e"})",
           R"({"type":"subscribed","channel":"c","offset":1})",
           R"({"type":"subscribed","channel":"c","epoch":"e","offset":"1"})",
           R"({"type":"subscribed","channel":"c","recovered":"yes"})",
           R"({"type":"subscribed","channel":"c","members":[{}]})",
           R"({"type":"event","event":"e","channel":"c"})",
           R"({"type":"event","channel":"c","data":"x"})",
           R"({"type":"event","event":"e","channel":"c","data":{}})",
           R"({"type":"member_added","channel":"c"})",
           R"({"type":"subscription_error","channel":"c","error":"no"})",
       }) {
    EXPECT_THROW(ParseFrame(text), Failure) << text;
  }
}

TEST(AFrame, OfAWatchIsTheSame) {
  v1::ServerMessage message;
  message.mutable_subscribed()->set_channel("c");
  message.mutable_subscribed()->set_epoch("e1");
  message.mutable_subscribed()->set_recovered(false);
  Frame frame = ToFrame(message);
  EXPECT_EQ(frame.kind, Frame::Kind::kSubscribed);
  EXPECT_TRUE(frame.has_offset);
  EXPECT_EQ(frame.recovered, false);

  message.mutable_event()->set_channel("c");
  message.mutable_event()->set_data("\"x\"");
  message.mutable_event()->set_offset(7);
  frame = ToFrame(message);
  EXPECT_EQ(frame.kind, Frame::Kind::kEvent);
  EXPECT_EQ(frame.data, "\"x\"");
  EXPECT_EQ(frame.offset, 7);

  message.mutable_pong();
  EXPECT_THROW(ToFrame(message), Failure);
}

}  // namespace
}  // namespace herald::chaos
