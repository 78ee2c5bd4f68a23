// SPDX-License-Identifier: Apache-2.0
//
// The unary calls: that each reaches the hub, and how it ends. The hub's
// decisions have tests of their own.

#include <future>
#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "grpcpp/generic/generic_stub.h"
#include "gtest/gtest.h"
#include "tests/service/rpc/loopback.h"
#include "tests/support/prometheus_text.h"

namespace herald::rpc {
namespace {

using ::testing::HasSubstr;

class Calling : public ::testing::Test {
 protected:
  // One unary call.
  template <typename Request, typename Response>
  grpc::Status Call(grpc::Status (v1::BroadcastService::Stub::*method)(
                        grpc::ClientContext*, const Request&, Response*),
                    const Request& request, Response* response) {
    BoundedContext context;
    return (*stub_.*method)(&context, request, response);
  }

  using Stub = v1::BroadcastService::Stub;

  Loopback world_;
  const std::unique_ptr<Stub> stub_ = world_.backend();
};

TEST_F(Calling, BroadcastReturnsAReceiptForEachChannel) {
  v1::BroadcastRequest request;
  request.add_channels("a");
  request.add_channels("b");
  request.set_event("news");
  request.set_data("{}");
  v1::BroadcastResponse response;

  ASSERT_TRUE(Call(&Stub::Broadcast, request, &response).ok());

  ASSERT_EQ(response.receipts_size(), 2);
  EXPECT_EQ(response.receipts(1).channel(), "b");
}

TEST_F(Calling, BroadcastOfAPayloadThatIsTooLargeReportsIt) {
  v1::BroadcastRequest request;
  request.add_channels("a");
  request.set_event("news");
  request.set_data(Padded(1, 4 << 20));  // Beyond gRPC's own limit of 4 MiB.
  v1::BroadcastResponse response;

  const grpc::Status status = Call(&Stub::Broadcast, request, &response);

  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.error_message(), HasSubstr("65536"));
}

TEST_F(Calling, BroadcastNamesTheValueThatWasWrong) {
  v1::BroadcastRequest request;
  request.add_channels("no channel");
  request.set_event("news");
  request.set_data("{}");
  v1::BroadcastResponse response;

  const grpc::Status status = Call(&Stub::Broadcast, request, &response);

  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("no channel"));
}

TEST_F(Calling, OfAnUnknownSocketIsNotFound) {
  v1::SubscribeRequest subscribe;
  subscribe.set_socket_id("5.5");
  subscribe.set_channel("a");
  v1::SubscribeResponse subscribed;
  EXPECT_EQ(Call(&Stub::Subscribe, subscribe, &subscribed).error_code(),
            grpc::StatusCode::NOT_FOUND);
  v1::UnsubscribeRequest unsubscribe;
  unsubscribe.set_socket_id("5.5");
  unsubscribe.set_channel("a");
  v1::UnsubscribeResponse unsubscribed;
  EXPECT_EQ(Call(&Stub::Unsubscribe, unsubscribe, &unsubscribed).error_code(),
            grpc::StatusCode::NOT_FOUND);
  v1::DisconnectRequest disconnect;
  disconnect.set_socket_id("5.5");
  v1::DisconnectResponse disconnected;
  EXPECT_EQ(Call(&Stub::Disconnect, disconnect, &disconnected).error_code(),
            grpc::StatusCode::NOT_FOUND);
}

TEST_F(Calling, ReturnsChannelsMembersAndStatistics) {
  v1::GetChannelRequest channel;
  channel.set_channel("private-a");
  v1::GetChannelResponse described;
  ASSERT_TRUE(Call(&Stub::GetChannel, channel, &described).ok());
  EXPECT_EQ(described.channel().type(), v1::CHANNEL_TYPE_PRIVATE);

  v1::ListChannelsResponse listed;
  ASSERT_TRUE(
      Call(&Stub::ListChannels, v1::ListChannelsRequest(), &listed).ok());
  EXPECT_EQ(listed.channels_size(), 0);

  v1::GetMembersRequest members;
  members.set_channel("private-a");
  v1::GetMembersResponse present;
  EXPECT_EQ(Call(&Stub::GetMembers, members, &present).error_code(),
            grpc::StatusCode::FAILED_PRECONDITION);

  v1::GetStatsResponse stats;
  ASSERT_TRUE(Call(&Stub::GetStats, v1::GetStatsRequest(), &stats).ok());
  EXPECT_EQ(stats.version(), "test");
}

TEST_F(Calling, IsCountedByMethodAndCode) {
  v1::GetStatsResponse stats;
  ASSERT_TRUE(Call(&Stub::GetStats, v1::GetStatsRequest(), &stats).ok());
  v1::GetMembersRequest members;
  members.set_channel("private-a");
  v1::GetMembersResponse present;
  Call(&Stub::GetMembers, members, &present);

  const testing_support::PrometheusText page(world_.metrics().Text());
  EXPECT_EQ(
      page.Sum("herald_rpcs_total", {{"method", "GetStats"}, {"code", "OK"}}),
      1);
  EXPECT_EQ(page.Sum("herald_rpcs_total", {{"method", "GetMembers"},
                                           {"code", "FAILED_PRECONDITION"}}),
            1);
}

// Calls a unary method with bytes that are no message.
grpc::Status CallWithBytes(Loopback& world, const std::string& method,
                           const std::string& bytes) {
  grpc::GenericStub stub(world.channel());
  BoundedContext context;
  const grpc::Slice slice(bytes);
  const grpc::ByteBuffer request(&slice, 1);
  grpc::ByteBuffer response;
  std::promise<grpc::Status> ended;
  stub.UnaryCall(&context, "/herald.v1.BroadcastService/" + method,
                 /*options=*/{}, &request, &response,
                 [&](grpc::Status status) { ended.set_value(status); });
  return ended.get_future().get();
}

TEST_F(Calling, WithoutAMessageReportsItAndIsCounted) {
  // A string that is not UTF-8, and bytes that end too soon.
  for (const std::string bytes : {"\x0a\x01\xff", "\x0a\x7f"}) {
    for (const std::string method :
         {"Broadcast", "Subscribe", "Unsubscribe", "GetMembers", "GetChannel",
          "ListChannels", "Disconnect"}) {
      const grpc::Status status = CallWithBytes(world_, method, bytes);
      EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
      EXPECT_EQ(status.error_message(),
                "the message is not a " + method + "Request");
    }
  }
  EXPECT_EQ(CallWithBytes(world_, "GetStats", "\x0a\x7f").error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);

  const testing_support::PrometheusText page(world_.metrics().Text());
  EXPECT_EQ(page.Sum("herald_rpcs_total", {{"code", "INVALID_ARGUMENT"}}), 15);
}

TEST(CallingWithoutAMessage, NeedsATokenFirst) {
  Loopback world({"secret"});
  EXPECT_EQ(CallWithBytes(world, "Broadcast", "\x0a\x7f").error_code(),
            grpc::StatusCode::UNAUTHENTICATED);
}

TEST_F(Calling, IsUnavailableWhenTheServiceHasStopped) {
  world_.hub().Stop();
  v1::GetStatsResponse stats;
  EXPECT_EQ(Call(&Stub::GetStats, v1::GetStatsRequest(), &stats).error_code(),
            grpc::StatusCode::UNAVAILABLE);
}

}  // namespace
}  // namespace herald::rpc
