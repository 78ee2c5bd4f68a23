// SPDX-License-Identifier: Apache-2.0
//
// A Watch as a backend sees it.

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/service/rpc/loopback.h"

namespace herald::rpc {
namespace {

using ::testing::HasSubstr;

// One Watch, which reads when it is told to.
class Watcher {
 public:
  Watcher(Loopback& world, const std::vector<std::string>& channels)
      : stub_(world.backend()) {
    v1::WatchRequest request;
    for (const std::string& channel : channels) request.add_channels(channel);
    reader_ = stub_->Watch(&context_, request);
  }

  ~Watcher() { context_.TryCancel(); }

  std::optional<v1::ServerMessage> Read() {
    v1::WatchResponse response;
    if (!reader_->Read(&response)) return std::nullopt;
    return response.message();
  }

  // Reads what every Watch begins with.
  void Begin(int channels = 1) {
    const auto connected = Read();
    ASSERT_TRUE(connected.has_value());
    EXPECT_TRUE(connected->has_connected());
    EXPECT_EQ(connected->connected().socket_id(), "");
    for (int i = 0; i < channels; ++i) {
      const auto subscribed = Read();
      ASSERT_TRUE(subscribed.has_value());
      EXPECT_TRUE(subscribed->has_subscribed());
    }
  }

  void Cancel() { context_.TryCancel(); }

  grpc::Status Finish() {
    while (Read().has_value()) {
    }
    return reader_->Finish();
  }

 private:
  BoundedContext context_;
  std::unique_ptr<v1::BroadcastService::Stub> stub_;
  std::unique_ptr<grpc::ClientReader<v1::WatchResponse>> reader_;
};

TEST(AWatch, HearsEventsInOrder) {
  Loopback world;
  Watcher watcher(world, {"news", "private-a"});
  watcher.Begin(2);
  for (int i = 0; i < 100; ++i) world.Broadcast("news", absl::StrCat(i));

  for (int i = 0; i < 100; ++i) {
    const auto message = watcher.Read();
    ASSERT_TRUE(message.has_value());
    EXPECT_EQ(message->event().channel(), "news");
    EXPECT_EQ(message->event().data(), absl::StrCat(i));
  }
}

TEST(AWatch, LeavesTheHubWhenTheCallerHasGone) {
  Loopback world;
  Watcher watcher(world, {"news"});
  watcher.Begin();
  EXPECT_EQ(world.hub().Counts().watches, 1);

  watcher.Cancel();

  EXPECT_TRUE(WaitUntil([&] { return world.hub().Counts().watches == 0; }));
}

TEST(AWatch, OfASlowCallerEndsWithResourceExhausted) {
  Loopback world;
  Watcher watcher(world, {"news"});
  watcher.Begin();
  Watcher other(world, {"news"});
  other.Begin();
  // 6 MB, while the caller does not read.
  for (int i = 0; i < 100; ++i) {
    world.Broadcast("news", Padded(i, 60'000));
    ASSERT_EQ(other.Read()->event().data(), Padded(i, 60'000));
  }

  // The caller is told although it did not read, and nobody else is hurt.
  EXPECT_TRUE(WaitUntil([&] { return world.hub().Counts().watches == 1; }));
  const grpc::Status status = watcher.Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.error_message(), HasSubstr("1 MiB"));
  EXPECT_EQ(world.metrics().watches()->overflows, 1);
  EXPECT_EQ(world.metrics().watches()->queue_bytes, 0);
}

TEST(AWatch, HearsWhatIsLargerThanItsBoundAsLongAsItReads) {
  Loopback world;
  Watcher watcher(world, {"news"});
  watcher.Begin();
  for (int i = 0; i < 100; ++i) {
    world.Broadcast("news", Padded(i, 60'000));
    ASSERT_EQ(watcher.Read()->event().data(), Padded(i, 60'000));
  }
}

TEST(AWatch, EndsWithUnavailableWhenTheServiceStops) {
  Loopback world;
  Watcher watcher(world, {"news"});
  watcher.Begin();

  world.hub().Stop();

  EXPECT_EQ(watcher.Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST(AWatch, OfNoChannelIsRefused) {
  Loopback world;
  Watcher none(world, {});
  EXPECT_EQ(none.Finish().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  Watcher twice(world, {"a", "a"});
  EXPECT_EQ(twice.Finish().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(world.hub().Counts().watches, 0);
}

}  // namespace
}  // namespace herald::rpc
