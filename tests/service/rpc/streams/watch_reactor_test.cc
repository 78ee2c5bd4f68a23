// SPDX-License-Identifier: Apache-2.0
//
// A Watch as a backend sees it.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/service/rpc/loopback.h"

namespace herald::rpc {
namespace {

using ::testing::HasSubstr;

// One Watch, which reads on demand.
class Watcher {
 public:
  Watcher(Loopback& world, const std::vector<std::string>& channels,
          const std::optional<v1::ChannelPosition>& since = {},
          int keepalive_seconds = 0)
      : stub_(world.backend()) {
    v1::WatchRequest request;
    if (keepalive_seconds > 0) {
      request.mutable_keepalive_interval()->set_seconds(keepalive_seconds);
    }
    if (since.has_value()) *request.add_since() = *since;
    for (const std::string& channel : channels) request.add_channels(channel);
    reader_ = stub_->Watch(&context_, request);
  }

  ~Watcher() { Cancel(); }

  std::optional<v1::ServerMessage> Read() {
    const std::optional<v1::WatchResponse> response = ReadResponse();
    if (!response.has_value()) return std::nullopt;
    EXPECT_TRUE(response->has_message() && !response->has_keepalive());
    return response->message();
  }

  std::optional<v1::WatchResponse> ReadResponse() {
    v1::WatchResponse response;
    if (!reader_->Read(&response)) return std::nullopt;
    return response;
  }

  // Reads the first messages of every Watch.
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

  // Reads to the end, or the cancel would wait for gRPC's next poll.
  void Cancel() {
    context_.TryCancel();
    Finish();
  }

  grpc::Status Finish() {
    if (end_.has_value()) return *end_;
    while (Read().has_value()) {
    }
    return end_.emplace(reader_->Finish());
  }

 private:
  BoundedContext context_;
  std::unique_ptr<v1::BroadcastService::Stub> stub_;
  std::unique_ptr<grpc::ClientReader<v1::WatchResponse>> reader_;
  std::optional<grpc::Status> end_;
};

// Receives nothing.
class DeafSink final : public core::Sink {
 public:
  void Enqueue(core::Chunk /*chunk*/) override {}
  void EnqueueState(core::Chunk /*chunk*/) override {}
  void EnqueueMissed(core::Chunk /*chunk*/) override {}
  void Flush() override {}
  void Close(absl::Status /*why*/) override {}
};

link::v1::Hello HelloOf(int64_t gateway) {
  link::v1::Hello hello;
  hello.set_protocol_version(1);
  hello.set_gateway_id(gateway);
  return hello;
}

// Fills 100 presence channels with rosters of 3.2 MB in all; their names.
std::vector<std::string> FillChannels(core::Hub& hub) {
  std::vector<std::string> names;
  const auto gateway = hub.Open(HelloOf(1), std::make_shared<DeafSink>());
  EXPECT_TRUE(gateway.ok()) << gateway.status();
  for (int i = 0; i < 100; ++i) {
    link::v1::GatewayItem item;
    names.push_back(absl::StrCat("presence-", i));
    item.mutable_held()->set_channel(names.back());
    item.mutable_held()->set_subscription_count(2);
    for (int user = 0; user < 2; ++user) {
      link::v1::HeldMember& member = *item.mutable_held()->add_members();
      member.mutable_member()->set_user_id(absl::StrCat(user));
      member.mutable_member()->set_user_info(Padded(i, 16'000));
      member.add_socket_ids(absl::StrCat("1.", 2 * i + user));
    }
    EXPECT_TRUE(hub.Handle(*gateway, std::move(item)).ok());
  }
  link::v1::GatewayItem attached;
  attached.mutable_attached();
  EXPECT_TRUE(hub.Handle(*gateway, std::move(attached)).ok());
  return names;
}

TEST(AWatch, ReceivesEventsInOrder) {
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

TEST(AWatch, ReceivesItsFirstMessagesAtOnce) {
  Loopback world;
  const absl::Time before = absl::Now();
  Watcher watcher(world, {"news", "sports"});
  watcher.Begin(2);

  // Not with the next keepalive, 5 s later.
  EXPECT_LT(absl::Now() - before, absl::Seconds(4));
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
  // As many as it takes, while the caller does not read: gRPC's windows grow
  // with the connection's traffic. The caller receives the status although it
  // did not read, and no other caller is hurt.
  int sent = 0;
  ASSERT_TRUE(WaitUntil([&] {
    world.Broadcast("news", Padded(sent, 60'000));
    const auto message = other.Read();
    EXPECT_TRUE(message.has_value() &&
                message->event().data() == Padded(sent, 60'000));
    ++sent;
    return world.hub().Counts().watches == 1;
  }));
  const grpc::Status status = watcher.Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.error_message(), HasSubstr("1 MiB"));
  EXPECT_EQ(world.metrics().watches()->overflows, 1);
  EXPECT_EQ(world.metrics().watches()->queue_bytes, 0);
}

TEST(AWatch, ReceivesMoreThanItsBoundAsLongAsItReads) {
  Loopback world;
  Watcher watcher(world, {"news"});
  watcher.Begin();
  for (int i = 0; i < 100; ++i) {
    world.Broadcast("news", Padded(i, 60'000));
    ASSERT_EQ(watcher.Read()->event().data(), Padded(i, 60'000));
  }
}

TEST(AWatch, IsNotTooSlowForItsFirstMessages) {
  Loopback world;
  Watcher watcher(world, FillChannels(world.hub()));
  // The event comes when all of it is there and nothing was read.
  const StreamCounters& counters = *world.metrics().watches();
  ASSERT_TRUE(WaitUntil(
      [&] { return counters.bytes_sent + counters.queue_bytes > 3'200'000; }));
  world.Broadcast("presence-99", "1");

  watcher.Begin(100);
  const auto message = watcher.Read();
  ASSERT_TRUE(message.has_value()) << watcher.Finish().error_message();
  EXPECT_EQ(message->event().data(), "1");
  EXPECT_EQ(counters.overflows, 0);
  EXPECT_EQ(counters.queue_bytes, 0);
}

TEST(AWatch, IsTooSlowForEventsBehindItsFirstMessages) {
  Loopback world;
  Watcher watcher(world, FillChannels(world.hub()));
  ASSERT_TRUE(WaitUntil([&] { return world.hub().Counts().watches == 1; }));
  // As many as it takes, while the caller does not read.
  EXPECT_TRUE(WaitUntil([&] {
    world.Broadcast("presence-99", Padded(0, 60'000));
    return world.hub().Counts().watches == 0;
  }));
  EXPECT_EQ(watcher.Finish().error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(world.metrics().watches()->queue_bytes, 0);
}

// Under a sanitizer the state is written as fast as it is made, so it never
// waits.
#if !defined(__SANITIZE_ADDRESS__)
TEST(AWatch, OfALargeStateWaitsOutsideWhileOthersDoNotRead) {
  Loopback world;
  const std::vector<std::string> channels = FillChannels(world.hub());
  StreamCounters& counters = *world.metrics().watches();
  constexpr int64_t kMuch = 513 << 20;
  Add(counters.queue_bytes, kMuch);  // As others would have waiting.

  Watcher large(world, channels);
  // It reads nothing while its state is made.
  absl::SleepFor(absl::Milliseconds(300));
  const grpc::Status status = large.Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(status.error_message(), HasSubstr("read slowly"));
  EXPECT_TRUE(WaitUntil([&] { return counters.queue_bytes == kMuch; }));
  Watcher small(world, {channels.front(), "news"});
  small.Begin(2);
  EXPECT_TRUE(WaitUntil([&] { return world.hub().Counts().watches == 1; }));

  Add(counters.queue_bytes, -kMuch);
  Watcher again(world, channels);
  again.Begin(100);
}
#endif

TEST(AWatch, OfASlowCallerEndsWhenItsStateIsSentAgainAndAgain) {
  Loopback world;
  const auto channels = FillChannels(world.hub());
  Watcher watcher(world, channels);
  ASSERT_TRUE(WaitUntil([&] { return world.hub().Counts().watches == 1; }));
  config::v1::Config history;
  history.add_channels()->set_pattern("presence-*");
  history.mutable_channels(0)->set_history_size(1);
  // The beginning of the histories sends 3.2 MB of rosters, and so does the
  // end.
  const StreamCounters& counters = *world.metrics().watches();
  for (int i = 0; i < 200 && counters.overflows == 0; ++i) {
    world.hub().SetRules(history);
    for (const std::string& channel : channels) world.Broadcast(channel, "1");
    world.hub().SetRules(config::v1::Config());
    EXPECT_LE(counters.queue_bytes, 160 << 20);
  }
  EXPECT_EQ(watcher.Finish().error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(counters.queue_bytes, 0);
}

TEST(AWatch, ReceivesMissedEventsBetweenItsFirstMessagesAndNewOnes) {
  Loopback world;
  config::v1::Config config;
  config::v1::ChannelRule& rule = *config.add_channels();
  rule.set_pattern("news");
  rule.set_history_size(100);
  world.hub().SetRules(config);
  for (int i = 0; i < 100; ++i) world.Broadcast("news", Padded(i, 60'000));
  v1::GetHistoryRequest history;
  history.set_channel("news");
  history.set_limit(1);
  v1::ChannelPosition since;
  since.set_channel("news");
  since.set_epoch(world.hub().GetHistory(history)->epoch());
  // 6 MB, which is more than a slow caller may leave, and it does not read yet.
  Watcher watcher(world, {"news"}, since);
  const StreamCounters& counters = *world.metrics().watches();
  ASSERT_TRUE(WaitUntil(
      [&] { return counters.bytes_sent + counters.queue_bytes > 6'000'000; }));
  world.Broadcast("news", "100");
  watcher.Begin();
  for (int i = 0; i < 100; ++i) {
    const auto message = watcher.Read();
    ASSERT_TRUE(message.has_value()) << watcher.Finish().error_message();
    EXPECT_EQ(message->event().offset(), i + 1);
    ASSERT_EQ(message->event().data(), Padded(i, 60'000));
  }
  EXPECT_EQ(watcher.Read()->event().data(), "100");
  EXPECT_EQ(counters.queue_bytes, 0);
}

TEST(AWatch, ThatIsQuietGetsAKeepaliveIfItsCallerAskedForThem) {
  Loopback world;
  Watcher asks(world, {"news"}, {}, /*keepalive_seconds=*/1);
  asks.Begin();
  Watcher other(world, {"news"});
  other.Begin();
  const absl::Time begin = absl::Now();
  for (int i = 0; i < 2; ++i) {
    const auto response = asks.ReadResponse();
    ASSERT_TRUE(response.has_value());
    EXPECT_TRUE(response->has_keepalive() && !response->has_message());
  }
  EXPECT_GE(absl::Now() - begin, absl::Milliseconds(1500));
  world.Broadcast("news", "1");
  EXPECT_EQ(asks.Read()->event().data(), "1");
  EXPECT_EQ(other.Read()->event().data(), "1") << "and nothing before it";
}

TEST(AWatch, IsRefusedAKeepaliveIntervalOutOfRange) {
  Loopback world;
  Watcher watcher(world, {"news"}, {}, /*keepalive_seconds=*/3601);
  EXPECT_EQ(watcher.Finish().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST(AWatch, IsNotTooSlowForAllMembersThatLeaveAtOnce) {
  Loopback world;
  const auto gateway =
      world.hub().Open(HelloOf(1), std::make_shared<DeafSink>());
  link::v1::GatewayItem item;
  item.mutable_held()->set_channel("presence-r");
  item.mutable_held()->set_subscription_count(50'000);
  for (int user = 0; user < 50'000; ++user) {
    link::v1::HeldMember& member = *item.mutable_held()->add_members();
    member.mutable_member()->set_user_id(absl::StrCat("user ", user));
    member.add_socket_ids(absl::StrCat("1.", user));
  }
  EXPECT_TRUE(world.hub().Handle(*gateway, std::move(item)).ok());
  item = {};
  item.mutable_attached();
  EXPECT_TRUE(world.hub().Handle(*gateway, std::move(item)).ok());
  Watcher watcher(world, {"presence-r"});
  watcher.Begin();
  item = {};
  item.mutable_goodbye();
  EXPECT_TRUE(world.hub().Handle(*gateway, std::move(item)).ok());
  world.hub().Close(*gateway, "it drains");
  world.Broadcast("presence-r", "1");
  int removed = 0;
  auto message = watcher.Read();
  for (; message.has_value() && message->has_member_removed(); ++removed) {
    message = watcher.Read();
  }
  EXPECT_EQ(removed, 50'000) << watcher.Finish().error_message();
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(message->event().data(), "1");
  EXPECT_EQ(world.metrics().watches()->queue_bytes, 0);
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
