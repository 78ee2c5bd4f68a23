// SPDX-License-Identifier: Apache-2.0
//
// A BroadcastStream as a backend sees it: one answer for each message, in
// order, for all kinds of messages.

#include "service/rpc/streams/broadcast_stream_reactor.h"

#include <memory>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "grpcpp/generic/generic_stub.h"
#include "gtest/gtest.h"
#include "tests/service/rpc/loopback.h"
#include "tests/support/prometheus_text.h"

namespace herald::rpc {
namespace {

using ::testing::HasSubstr;

class ABroadcastStream : public ::testing::Test {
 protected:
  bool Write(const std::string& channel, const std::string& data) {
    v1::BroadcastStreamRequest request;
    request.mutable_broadcast()->add_channels(channel);
    request.mutable_broadcast()->set_event("news");
    request.mutable_broadcast()->set_data(data);
    return stream_->Write(request);
  }

  v1::BroadcastStreamResponse Read() {
    v1::BroadcastStreamResponse response;
    EXPECT_TRUE(stream_->Read(&response));
    return response;
  }

  // Events that the hub has taken so far.
  int Published() {
    const testing_support::PrometheusText page(world_.metrics().Text());
    return static_cast<int>(page.Sum("herald_publications_total"));
  }

  Loopback world_;
  BoundedContext context_;
  const std::unique_ptr<v1::BroadcastService::Stub> stub_ = world_.backend();
  const std::unique_ptr<grpc::ClientReaderWriter<v1::BroadcastStreamRequest,
                                                 v1::BroadcastStreamResponse>>
      stream_ = stub_->BroadcastStream(&context_);
};

TEST_F(ABroadcastStream, AnswersEachMessageInOrder) {
  for (int i = 0; i < 500; ++i) ASSERT_TRUE(Write(absl::StrCat("c", i), "1"));

  for (int i = 0; i < 500; ++i) {
    const v1::BroadcastStreamResponse response = Read();
    ASSERT_EQ(response.broadcast().receipts_size(), 1);
    EXPECT_EQ(response.broadcast().receipts(0).channel(), absl::StrCat("c", i));
  }
  stream_->WritesDone();
  v1::BroadcastStreamResponse more;
  EXPECT_FALSE(stream_->Read(&more));
  EXPECT_TRUE(stream_->Finish().ok());
}

TEST_F(ABroadcastStream, GoesOnBehindABadMessage) {
  ASSERT_TRUE(Write("ok", "1"));
  ASSERT_TRUE(Write("not a channel", "1"));
  ASSERT_TRUE(Write("ok", "{"));
  ASSERT_TRUE(Write("ok", Padded(1, 100'000)));
  ASSERT_TRUE(stream_->Write(v1::BroadcastStreamRequest()));
  ASSERT_TRUE(Write("ok", "2"));

  EXPECT_TRUE(Read().has_broadcast());
  const v1::BroadcastStreamResponse name = Read();
  EXPECT_EQ(name.error().code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(name.error().message(), HasSubstr("not a channel"));
  EXPECT_EQ(Read().error().code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Read().error().code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(Read().error().code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_TRUE(Read().has_broadcast());
}

TEST_F(ABroadcastStream, SharesKeysWithTheUnaryCallForTheLifeOfTheHistory) {
  config::v1::Config config;
  config::v1::ChannelRule& rule = *config.add_channels();
  rule.set_pattern("news");
  rule.set_history_size(10);
  rule.mutable_history_ttl()->set_seconds(3600);
  world_.hub().SetRules(config);
  v1::BroadcastStreamRequest request;
  v1::BroadcastRequest& broadcast = *request.mutable_broadcast();
  broadcast.add_channels("news");
  broadcast.set_event("news");
  broadcast.set_data("1");
  broadcast.set_idempotency_key("key");
  const auto unary = [&] {
    BoundedContext context;
    v1::BroadcastResponse response;
    EXPECT_TRUE(stub_->Broadcast(&context, broadcast, &response).ok());
    return response.receipts(0);
  };
  const auto streamed = [&] {
    EXPECT_TRUE(stream_->Write(request));
    return Read().broadcast().receipts(0);
  };
  const v1::Receipt first = streamed();
  EXPECT_EQ(first.offset(), 1);
  world_.engine_clock().Step(3500);
  EXPECT_EQ(unary().SerializeAsString(), first.SerializeAsString());
  EXPECT_EQ(streamed().SerializeAsString(), first.SerializeAsString());
  world_.engine_clock().Step(200);
  const v1::Receipt second = unary();
  EXPECT_NE(second.SerializeAsString(), first.SerializeAsString());
  world_.engine_clock().Step(3500);
  EXPECT_EQ(streamed().SerializeAsString(), second.SerializeAsString());
}

TEST_F(ABroadcastStream, StopsReadingACallerThatDoesNotRead) {
  // Each answer names many channels, so that it is large beside the windows of
  // flow control, and the bound on unread answers takes effect.
  constexpr int kMessages = 3000;
  constexpr int kChannels = 50;
  v1::BroadcastStreamRequest request;
  for (int i = 0; i < kChannels; ++i) {
    request.mutable_broadcast()->add_channels(
        absl::StrCat(i, "-", std::string(150, 'c')));
  }
  request.mutable_broadcast()->set_event("news");
  request.mutable_broadcast()->set_data("1");
  std::thread writer([&] {
    for (int i = 0; i < kMessages; ++i) EXPECT_TRUE(stream_->Write(request));
    stream_->WritesDone();
  });
  const auto taken = [this] { return Published() / kChannels; };
  // It stands still once the bound is reached and the windows are full.
  constexpr int kUnread = static_cast<int>(BroadcastStreamReactor::kUnreadMax);
  EXPECT_TRUE(WaitUntil([&] { return taken() >= kUnread; }));
  EXPECT_TRUE(
      WaitUntil([&] { return world_.metrics().rpcs()->streams_paused > 0; }));
  EXPECT_FALSE(WaitUntil([&] { return taken() > kUnread + 1000; },
                         testing_support::Milliseconds(500)));

  for (int i = 0; i < kMessages; ++i) EXPECT_TRUE(Read().has_broadcast());
  writer.join();
  EXPECT_EQ(taken(), kMessages);
  EXPECT_TRUE(stream_->Finish().ok());
}

TEST_F(ABroadcastStream, EndsWithUnavailableWhenTheServiceStops) {
  ASSERT_TRUE(Write("news", "1"));
  EXPECT_TRUE(Read().has_broadcast());

  world_.Stop();

  v1::BroadcastStreamResponse more;
  EXPECT_FALSE(stream_->Read(&more));
  EXPECT_EQ(stream_->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
}

}  // namespace
}  // namespace herald::rpc
