// SPDX-License-Identifier: Apache-2.0

#include "service/channel/request_checks.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/contract/limits.h"

namespace herald::core {
namespace {

using ::testing::HasSubstr;

class ABroadcast : public ::testing::Test {
 protected:
  ABroadcast() {
    request_.add_channels("news");
    request_.set_event("created");
    request_.set_data("{}");
  }

  void ExpectRefusal(absl::StatusCode code, const std::string& message) {
    const absl::Status status = CheckBroadcast(request_, 100);
    EXPECT_EQ(status.code(), code) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(message));
  }

  v1::BroadcastRequest request_;
  static constexpr auto kBad = absl::StatusCode::kInvalidArgument;
};

TEST_F(ABroadcast, MayHaveAllThatTheContractAllows) {
  EXPECT_TRUE(CheckBroadcast(request_, 100).ok());
  for (int i = 1; i < 100; ++i) request_.add_channels("c" + std::to_string(i));
  request_.set_except_socket_id("1.2");
  request_.set_idempotency_key(std::string(128, 'k'));
  request_.set_data("\"" + std::string(98, 'x') + "\"");
  EXPECT_TRUE(CheckBroadcast(request_, 100).ok());
}

TEST_F(ABroadcast, IsRefusedBadChannels) {
  request_.add_channels("news");
  ExpectRefusal(kBad, "\"news\" is named twice");
  request_.set_channels(1, "a b");
  ExpectRefusal(kBad, "\"a b\"");
  request_.clear_channels();
  ExpectRefusal(kBad, "channels has 0 entries");
  for (int i = 0; i < 101; ++i) request_.add_channels("c" + std::to_string(i));
  ExpectRefusal(kBad, "channels has 101 entries");
}

TEST_F(ABroadcast, IsRefusedABadEvent) {
  request_.set_event("");
  ExpectRefusal(kBad, "event is empty");
  request_.set_event("a\nb");
  ExpectRefusal(kBad, "control character");
}

TEST_F(ABroadcast, IsRefusedDataThatIsNoJsonOrTooLarge) {
  request_.set_data("{");
  ExpectRefusal(kBad, "data \"{\" is not JSON");
  request_.set_data("");
  ExpectRefusal(kBad, "not JSON");
  request_.set_data("\"" + std::string(99, 'x') + "\"");
  ExpectRefusal(absl::StatusCode::kResourceExhausted, "at most 100");
}

TEST_F(ABroadcast, IsRefusedABadSocketOrKey) {
  request_.set_except_socket_id("x");
  ExpectRefusal(kBad, "except_socket_id \"x\"");
  request_.clear_except_socket_id();
  request_.set_idempotency_key(std::string(129, 'k'));
  ExpectRefusal(kBad, "idempotency_key");
}

TEST(AMember, HasAnIdAndJson) {
  v1::Member member;
  EXPECT_FALSE(CheckMember(member).ok());
  member.set_user_id("ada");
  EXPECT_TRUE(CheckMember(member).ok());
  member.set_user_info("{");
  EXPECT_FALSE(CheckMember(member).ok());
  member.set_user_info("\"" + std::string(contract::kUserInfoBytesMax, 'x'));
  EXPECT_FALSE(CheckMember(member).ok());
  member.clear_user_info();
  member.set_user_id(std::string(129, 'x'));
  EXPECT_FALSE(CheckMember(member).ok());
}

TEST(APageToken, NamesAUserOfItsChannelAndIsNoOtherText) {
  const std::string token = PageToken("presence-a", "\u00e9ve");
  EXPECT_EQ(token, "w6l2ZQ.cc513c7f") << "services of all releases agree on it";
  EXPECT_EQ(*ReadPageToken("presence-a", token), "\u00e9ve");
  EXPECT_EQ(*ReadPageToken("presence-a", ""), "");
  for (const std::string& bad :
       {std::string("nonsense"), std::string("."), token + "0", token.substr(1),
        std::string("w6l2ZQ.00000000"), PageToken("presence-b", "\u00e9ve")}) {
    EXPECT_TRUE(
        absl::IsInvalidArgument(ReadPageToken("presence-a", bad).status()))
        << bad;
  }
}

TEST(AKeepaliveInterval, IsNoneOrFromASecondToAnHour) {
  const auto is_allowed = [](int64_t seconds, int32_t nanos) {
    google::protobuf::Duration interval;
    interval.set_seconds(seconds);
    interval.set_nanos(nanos);
    const absl::Status status = CheckKeepaliveInterval(interval);
    EXPECT_TRUE(status.ok() || absl::IsInvalidArgument(status));
    return status.ok();
  };
  EXPECT_TRUE(is_allowed(0, 0));
  EXPECT_TRUE(is_allowed(1, 0));
  EXPECT_TRUE(is_allowed(20, 500'000'000));
  EXPECT_TRUE(is_allowed(3600, 0));
  EXPECT_FALSE(is_allowed(0, 999'999'999));
  EXPECT_FALSE(is_allowed(3600, 1));
  EXPECT_FALSE(is_allowed(-20, 0));
  EXPECT_FALSE(is_allowed(20, -1));
  EXPECT_FALSE(is_allowed(20, 1'000'000'000));
  EXPECT_FALSE(is_allowed(315'576'000'000, 0));
}

}  // namespace
}  // namespace herald::core
