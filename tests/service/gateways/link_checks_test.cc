// SPDX-License-Identifier: Apache-2.0

#include "service/gateways/link_checks.h"

#include <functional>
#include <limits>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/contract/limits.h"

namespace herald::core {
namespace {

using link::v1::GatewayItem;
using ::testing::HasSubstr;

constexpr uint64_t kGateway = 7;
constexpr int64_t kPayloadBytesMax = 100;
constexpr int64_t kMost = std::numeric_limits<int64_t>::max();

absl::Status Check(const GatewayItem& item) {
  return CheckItem(item, kGateway, kPayloadBytesMax);
}

// A good item of each kind, as a test changes it.
GatewayItem Held() {
  GatewayItem item;
  item.mutable_held()->set_channel("presence-room");
  item.mutable_held()->set_subscription_count(1);
  auto& member = *item.mutable_held()->add_members();
  member.mutable_member()->set_user_id("ada");
  member.mutable_member()->set_user_info("{}");
  member.add_socket_ids("7.1");
  item.mutable_held()->mutable_position()->set_epoch("e");
  item.mutable_held()->mutable_position()->set_offset(1);
  return item;
}

GatewayItem Subscribe() {
  GatewayItem item;
  item.mutable_subscribe()->set_ticket(1);
  item.mutable_subscribe()->set_socket_id("7.1");
  item.mutable_subscribe()->set_channel("private-a");
  item.mutable_subscribe()->set_auth_token("token");
  item.mutable_subscribe()->set_channel_data("{}");
  item.mutable_subscribe()->set_connection("bytes");
  return item;
}

GatewayItem Renew() {
  GatewayItem item;
  *item.mutable_renew()->mutable_subscribe() = Subscribe().subscribe();
  item.mutable_renew()->mutable_subscribe()->mutable_member()->set_user_id(
      "ada");
  return item;
}

GatewayItem Unsubscribe() {
  GatewayItem item;
  item.mutable_unsubscribe()->set_ticket(1);
  item.mutable_unsubscribe()->set_channel("presence-room");
  item.mutable_unsubscribe()->set_socket_id("7.1");
  item.mutable_unsubscribe()->set_user_id("ada");
  return item;
}

GatewayItem Whisper() {
  GatewayItem item;
  item.mutable_whisper()->set_channel("news");
  item.mutable_whisper()->set_event("typing");
  item.mutable_whisper()->set_data("{}");
  item.mutable_whisper()->set_socket_id("7.1");
  item.mutable_whisper()->set_user_id("ada");
  return item;
}

GatewayItem CallResult() {
  GatewayItem item;
  item.mutable_call_result()->set_call_id(1);
  item.mutable_call_result()->set_code(5);
  item.mutable_call_result()->set_disconnected_count(2);
  return item;
}

GatewayItem Recover() {
  GatewayItem item;
  item.mutable_recover()->set_channel("news");
  item.mutable_recover()->mutable_since()->set_epoch("e");
  return item;
}

TEST(AnItem, IsTakenAsGatewaysSendIt) {
  for (const GatewayItem& item : {Held(), Subscribe(), Renew(), Unsubscribe(),
                                  Whisper(), CallResult(), Recover()}) {
    EXPECT_TRUE(Check(item).ok()) << item.DebugString() << Check(item);
  }
  EXPECT_TRUE(Check(GatewayItem()).ok()) << "of a newer gateway";
}

TEST(AnItem, MayLeaveOutOptionalFields) {
  GatewayItem item = Held();
  item.mutable_held()->set_subscription_count(0);
  item.mutable_held()->clear_position();
  EXPECT_TRUE(Check(item).ok()) << "a further part";
  item = Subscribe();
  item.mutable_subscribe()->clear_connection();
  item.mutable_subscribe()->clear_auth_token();
  item.mutable_subscribe()->set_channel("bad name");
  EXPECT_TRUE(Check(item).ok()) << "it is answered";
  item.mutable_subscribe()->mutable_member()->set_user_id("ada");
  item.mutable_subscribe()->set_call_id(1);
  EXPECT_TRUE(Check(item).ok()) << Check(item);
  item = Unsubscribe();
  item.mutable_unsubscribe()->clear_socket_id();
  item.mutable_unsubscribe()->clear_user_id();
  EXPECT_TRUE(Check(item).ok());
  item = Recover();
  item.mutable_recover()->clear_since();
  EXPECT_TRUE(Check(item).ok()) << "the latest";
}

// Each of `changes` makes the item a bad one.
template <typename Message>
void ExpectBad(const GatewayItem& good, Message* (GatewayItem::*part)(),
               const std::vector<std::function<void(Message&)>>& changes) {
  for (size_t i = 0; i < changes.size(); ++i) {
    GatewayItem item = good;
    changes[i](*(item.*part)());
    EXPECT_TRUE(absl::IsInvalidArgument(Check(item)))
        << "change " << i << ": " << Check(item);
  }
}

std::string Bytes(int64_t count) {
  return std::string(static_cast<size_t>(count), '1');
}

TEST(Held, HasABoundedCountAndMembersAsBackendsNameThem) {
  ExpectBad<link::v1::Held>(
      Held(), &GatewayItem::mutable_held,
      {[](auto& held) { held.set_channel("bad name"); },
       [](auto& held) { held.set_subscription_count(-1); },
       [](auto& held) { held.set_subscription_count(kMost); },
       [](auto& held) {
         held.set_subscription_count(contract::kLinkCountMax + 1);
       },
       [](auto& held) { held.set_channel("news"); },
       [](auto& held) { held.mutable_members(0)->clear_member(); },
       [](auto& held) { held.mutable_members(0)->clear_socket_ids(); },
       [](auto& held) { held.mutable_members(0)->set_socket_ids(0, "8.1"); },
       [](auto& held) { held.mutable_members(0)->set_socket_ids(0, "7.x"); },
       [](auto& held) {
         held.mutable_members(0)->mutable_member()->set_user_info("{");
       },
       [](auto& held) {
         held.mutable_members(0)->mutable_member()->set_user_info(
             Bytes(contract::kUserInfoBytesMax + 1));
       },
       [](auto& held) {
         held.mutable_members(0)->mutable_member()->set_user_id(
             Bytes(contract::kUserIdBytesMax + 1));
       },
       [](auto& held) { held.mutable_position()->set_offset(-1); },
       [](auto& held) { held.mutable_position()->clear_epoch(); },
       [](auto& held) {
         held.mutable_position()->set_epoch(
             Bytes(contract::kEpochBytesMax + 1));
       }});
}

TEST(Subscribe, IsOfAnOwnSocketAndBounded) {
  ExpectBad<link::v1::Subscribe>(
      Subscribe(), &GatewayItem::mutable_subscribe,
      {[](auto& question) { question.set_ticket(0); },
       [](auto& question) { question.set_ticket(-1); },
       [](auto& question) { question.set_socket_id(""); },
       [](auto& question) { question.set_socket_id("8.1"); },
       [](auto& question) {
         question.set_auth_token(Bytes(contract::kAuthTokenBytesMax + 1));
       },
       [](auto& question) {
         question.set_channel_data(Bytes(contract::kChannelDataBytesMax + 1));
       },
       [](auto& question) { question.set_call_id(-1); },
       [](auto& question) { question.mutable_member()->set_user_id("ada"); },
       [](auto& question) {
         question.set_call_id(1);
         question.mutable_member()->set_user_id("ada");
         question.mutable_member()->set_user_info("no JSON");
       },
       [](auto& question) {
         question.set_connection(Bytes(contract::kConnectionBytesMax + 1));
       }});
}

TEST(ASocketQuestion, IsOfAnOwnSocketAndBounded) {
  const auto with =
      [](const std::function<void(link::v1::SocketQuestion&)>& change) {
        link::v1::GatewayItem item;
        link::v1::SocketQuestion& question = *item.mutable_socket_question();
        question.set_ticket(1);
        question.set_socket_id("7.1");
        question.mutable_sign_in()->set_auth_token("t");
        change(question);
        return CheckItem(item, 7, 100);
      };
  EXPECT_TRUE(with([](auto& /*question*/) {}).ok());
  EXPECT_FALSE(with([](auto& one) { one.set_ticket(0); }).ok());
  EXPECT_FALSE(with([](auto& one) { one.set_socket_id("8.1"); }).ok());
  EXPECT_FALSE(with([](auto& one) { one.set_socket_id(""); }).ok());
  const auto too_large = [](int64_t bytes_max) {
    return std::string(static_cast<size_t>(bytes_max) + 1, 'x');
  };
  EXPECT_FALSE(with([&](auto& one) {
                 one.set_connection(too_large(contract::kConnectionBytesMax));
               }).ok());
  EXPECT_FALSE(with([&](auto& one) {
                 one.mutable_sign_in()->set_auth_token(
                     too_large(contract::kAuthTokenBytesMax));
               }).ok());
  EXPECT_FALSE(with([&](auto& one) {
                 one.mutable_sign_in()->set_user_data(
                     too_large(contract::kChannelDataBytesMax));
               }).ok());
}

TEST(Renew, IsCheckedAsAQuestion) {
  ExpectBad<link::v1::Renew>(
      Renew(), &GatewayItem::mutable_renew,
      {[](auto& renew) { renew.clear_subscribe(); },
       [](auto& renew) { renew.mutable_subscribe()->set_channel("bad name"); },
       [](auto& renew) { renew.mutable_subscribe()->set_socket_id("8.1"); },
       [](auto& renew) {
         renew.mutable_subscribe()->mutable_member()->set_user_id(
             Bytes(contract::kUserIdBytesMax + 1));
       }});
}

TEST(Unsubscribe, NamesTheGatewaysOwnSubscription) {
  ExpectBad<link::v1::Unsubscribe>(
      Unsubscribe(), &GatewayItem::mutable_unsubscribe,
      {[](auto& end) { end.set_ticket(0); },
       [](auto& end) { end.set_channel(""); },
       [](auto& end) { end.set_socket_id("8.1"); },
       [](auto& end) {
         end.set_user_id(Bytes(contract::kUserIdBytesMax + 1));
       }});
}

TEST(Whisper, IsAsAClientMayMakeIt) {
  ExpectBad<link::v1::Whisper>(
      Whisper(), &GatewayItem::mutable_whisper,
      {[](auto& whisper) { whisper.set_channel("bad name"); },
       [](auto& whisper) { whisper.set_event(""); },
       [](auto& whisper) { whisper.set_event("a\nb"); },
       [](auto& whisper) { whisper.set_data(""); },
       [](auto& whisper) { whisper.set_data("1,\"event\":\"forged\""); },
       [](auto& whisper) { whisper.set_data("\"\xff\""); },
       [](auto& whisper) { whisper.set_data(Bytes(kPayloadBytesMax + 1)); },
       [](auto& whisper) { whisper.set_socket_id(""); },
       [](auto& whisper) { whisper.set_socket_id("8.1"); },
       [](auto& whisper) {
         whisper.set_user_id(Bytes(contract::kUserIdBytesMax + 1));
       }});
}

TEST(CallResult, HasACodeOfGrpcAndABoundedCount) {
  ExpectBad<link::v1::CallResult>(
      CallResult(), &GatewayItem::mutable_call_result,
      {[](auto& result) { result.set_call_id(0); },
       [](auto& result) { result.set_code(-1); },
       [](auto& result) { result.set_code(17); },
       [](auto& result) { result.set_disconnected_count(-1); },
       [](auto& result) { result.set_disconnected_count(kMost); }});
}

TEST(Recover, NamesAChannelAndAPosition) {
  ExpectBad<link::v1::Recover>(
      Recover(), &GatewayItem::mutable_recover,
      {[](auto& recover) { recover.set_channel("bad name"); },
       [](auto& recover) { recover.mutable_since()->set_offset(-1); },
       [](auto& recover) {
         recover.mutable_since()->clear_epoch();
         recover.mutable_since()->set_offset(1);
       }});
}

TEST(Numbers, OfOtherItemsAreBounded) {
  GatewayItem item;
  item.mutable_report()->set_client_count(-1);
  EXPECT_TRUE(absl::IsInvalidArgument(Check(item)));
  item.mutable_report()->set_client_count(kMost);
  EXPECT_TRUE(absl::IsInvalidArgument(Check(item)));
  item.mutable_report()->set_client_count(1'000'000);
  EXPECT_TRUE(Check(item).ok());
  item.mutable_moving()->set_target(Bytes(2000));
  EXPECT_TRUE(absl::IsInvalidArgument(Check(item)));
  item.mutable_cancel()->set_ticket(0);
  EXPECT_TRUE(absl::IsInvalidArgument(Check(item)));
}

TEST(Hello, IsOfAServedVersionAndPrintable) {
  link::v1::Hello hello;
  hello.set_gateway_id(1);
  EXPECT_TRUE(absl::IsFailedPrecondition(CheckHello(hello)));
  hello.set_protocol_version(contract::kLinkProtocolVersion);
  EXPECT_TRUE(CheckHello(hello).ok());
  hello.set_version("0.1.0");
  hello.set_link_down_ms(1);
  hello.set_secret(Bytes(contract::kGatewaySecretBytes));
  EXPECT_TRUE(CheckHello(hello).ok());
  const auto expect_bad = [&hello](auto change) {
    link::v1::Hello bad = hello;
    change(bad);
    EXPECT_TRUE(absl::IsInvalidArgument(CheckHello(bad))) << CheckHello(bad);
  };
  expect_bad([](auto& bad) { bad.set_gateway_id(-1); });
  expect_bad([](auto& bad) { bad.set_version("\x1b[2J"); });
  expect_bad([](auto& bad) {
    bad.set_version(Bytes(contract::kVersionBytesMax + 1));
  });
  expect_bad([](auto& bad) { bad.set_link_down_ms(-1); });
  expect_bad([](auto& bad) { bad.set_secret("short"); });
}

TEST(ABadItem, IsNamedInTheMessage) {
  GatewayItem item = Whisper();
  item.mutable_whisper()->set_socket_id("8.1");
  EXPECT_THAT(std::string(Check(item).message()),
              HasSubstr("\"8.1\" is no socket of gateway 7"));
}

TEST(ACongestion, NamesASocketAndASize) {
  GatewayItem item;
  link::v1::Congestion& congestion = *item.mutable_congestion();
  congestion.set_socket_id("9.1");
  congestion.set_bytes(contract::kPayloadBytesLimit);
  EXPECT_TRUE(Check(item).ok()) << "of any gateway";
  for (const int64_t bytes : {int64_t{-1}, kMost}) {
    congestion.set_bytes(bytes);
    EXPECT_TRUE(absl::IsInvalidArgument(Check(item))) << bytes;
  }
  congestion.set_bytes(1);
  congestion.set_socket_id("?");
  EXPECT_TRUE(absl::IsInvalidArgument(Check(item)));
}

TEST(ARecover, HasNoNegativeSize) {
  GatewayItem item;
  item.mutable_recover()->set_channel("news");
  EXPECT_TRUE(Check(item).ok());
  item.mutable_recover()->set_bytes_max(-1);
  EXPECT_TRUE(absl::IsInvalidArgument(Check(item)));
}

}  // namespace
}  // namespace herald::core
