// SPDX-License-Identifier: Apache-2.0
//
// The promises of herald/client/watch.h, for one stream.

#include "herald/client/watch.h"

#include <memory>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/clients/fake_broadcast_service.h"

namespace herald::client {
namespace {

using ::testing::ElementsAre;
using testing_support::FakeBroadcastService;
using testing_support::Gate;
using testing_support::Mailbox;

v1::ServerMessage Event(const std::string& data) {
  v1::ServerMessage message;
  message.mutable_event()->set_channel("news");
  message.mutable_event()->set_data(data);
  return message;
}

class Watching : public ::testing::Test {
 protected:
  WatchOptions Options() const {
    return {.target = service_.address(),
            .channels = {"news", "orders"},
            .give_up_after = absl::ZeroDuration()};
  }

  std::unique_ptr<Watch> Start(WatchOptions options) {
    return std::make_unique<Watch>(
        std::move(options),
        [this](const v1::ServerMessage& message) { messages_.Put(message); },
        [this](const Loss& loss) { losses_.Put(loss); },
        [this](const absl::Status& status) { ends_.Put(status); });
  }

  FakeBroadcastService service_;
  Mailbox<v1::ServerMessage> messages_;
  Mailbox<Loss> losses_;
  Mailbox<absl::Status> ends_;
};

TEST_F(Watching, BringsMessagesInOrderAndThenTheEnd) {
  service_.watch_messages = {Event("1"), Event("2")};
  service_.watch_end = {grpc::StatusCode::UNAVAILABLE, "the service stops"};

  const auto watch = Start(Options());

  EXPECT_EQ(ends_.Take(), absl::UnavailableError("the service stops"));
  ASSERT_EQ(messages_.size(), 5u);
  EXPECT_TRUE(messages_.Take()->has_connected());
  EXPECT_EQ(messages_.Take()->subscribed().channel(), "news");
  EXPECT_EQ(messages_.Take()->subscribed().channel(), "orders");
  EXPECT_EQ(messages_.Take()->event().data(), "1");
  EXPECT_EQ(messages_.Take()->event().data(), "2");
  EXPECT_THAT(service_.watches.Take()->channels(),
              ElementsAre("news", "orders"));
  EXPECT_EQ(losses_.size(), 0u);
}

TEST_F(Watching, ShowsTheTokenAsABearer) {
  WatchOptions options = Options();
  options.api_token = "sesame";
  const auto watch = Start(options);

  EXPECT_EQ(service_.authorizations.Take(), "Bearer sesame");
}

TEST_F(Watching, EndsOnceWhenCancelled) {
  service_.watch_stays = true;
  auto watch = Start(Options());
  EXPECT_TRUE(messages_.Take()->has_connected());

  watch->Cancel();
  watch->Cancel();

  EXPECT_TRUE(absl::IsCancelled(*ends_.Take()));
  watch->Cancel();
  watch.reset();
  EXPECT_EQ(ends_.size(), 0u);
}

TEST_F(Watching, EndsBeforeTheDestructorReturns) {
  service_.watch_stays = true;
  auto watch = Start(Options());
  EXPECT_TRUE(messages_.Take()->has_connected());

  watch.reset();

  ASSERT_EQ(ends_.size(), 1u);
  EXPECT_TRUE(absl::IsCancelled(*ends_.Take()));
}

TEST_F(Watching, MayBeCancelledFromItsCallback) {
  service_.watch_stays = true;
  Gate made;
  made.Close();
  std::unique_ptr<Watch> watch;
  watch = std::make_unique<Watch>(
      Options(),
      [&](const v1::ServerMessage& message) {
        messages_.Put(message);
        made.Pass();
        watch->Cancel();
      },
      [](const Loss&) {},
      [this](const absl::Status& status) { ends_.Put(status); });
  made.Open();

  EXPECT_TRUE(absl::IsCancelled(*ends_.Take()));
  EXPECT_EQ(messages_.size(), 1u);
}

TEST_F(Watching, AsksForKeepalivesAndKeepsThemToItself) {
  service_.watch_stays = true;
  service_.watch_keepalives = 2;
  service_.watch_messages = {Event("1")};
  auto watch = Start(Options());

  EXPECT_EQ(messages_.Take(4).size(), 4u);
  EXPECT_EQ(service_.watches.Take()->keepalive_interval().seconds(), 20);
  watch.reset();
  EXPECT_EQ(messages_.size(), 0u);

  WatchOptions options = Options();
  options.keepalive_interval = absl::ZeroDuration();
  watch = Start(options);
  EXPECT_FALSE(service_.watches.Take()->has_keepalive_interval());
}

TEST_F(Watching, DialsAgainWhenAStreamWithKeepalivesFallsSilent) {
  service_.watch_stays = true;
  service_.watch_keepalives = 1;
  WatchOptions options = Options();
  options.give_up_after = absl::InfiniteDuration();
  options.keepalive_interval = absl::Milliseconds(20);
  v1::ChannelPosition& since = options.since.emplace_back();
  since.set_channel("news");
  since.set_epoch("a");
  since.set_offset(1);
  const auto watch = Start(options);

  EXPECT_EQ(service_.watches.Take(2).size(), 2u);
  EXPECT_EQ(ends_.size(), 0u);
}

TEST_F(Watching, EndsAsUnavailableWhenASilentStreamWasTheOnlyOne) {
  service_.watch_stays = true;
  service_.watch_keepalives = 1;
  WatchOptions options = Options();
  options.keepalive_interval = absl::Milliseconds(20);
  const auto watch = Start(options);

  EXPECT_EQ(ends_.Take(),
            absl::UnavailableError("the stream was silent for too long"));
}

TEST_F(Watching, EndsWithoutAService) {
  service_.Stop();
  const auto watch = Start(Options());

  EXPECT_TRUE(absl::IsUnavailable(*ends_.Take()));
  EXPECT_EQ(messages_.size(), 0u);
  service_.Restart();
}

TEST_F(Watching, EndsWithTheStatusOfTheService) {
  service_.FailNext(1, {grpc::StatusCode::INVALID_ARGUMENT, "no channels"});
  const auto watch = Start({.target = service_.address()});

  EXPECT_EQ(ends_.Take(), absl::InvalidArgumentError("no channels"));
}

TEST_F(Watching, EndsWhenTheServiceGoesAway) {
  service_.watch_stays = true;
  const auto watch = Start(Options());
  ASSERT_TRUE(service_.watches.Take().has_value());

  service_.Stop();

  EXPECT_FALSE(ends_.Take()->ok());
  service_.Restart();
}

TEST_F(Watching, ReadsMessagesOfManyMegabytes) {
  service_.watch_messages = {Event(std::string(10 << 20, 'x'))};
  const auto watch = Start(Options());

  const auto messages = messages_.Take(4);
  ASSERT_EQ(messages.size(), 4u);
  EXPECT_EQ(messages[3].event().data().size(), size_t{10 << 20});
}

TEST_F(Watching, FetchesNothingWhileTheCallbackIsBusy) {
  // More than the buffers of a connection hold.
  service_.watch_messages.assign(64, Event(std::string(1 << 20, 'x')));
  Gate gate;
  gate.Close();
  Mailbox<int> seen;
  Watch watch(
      Options(),
      [&](const v1::ServerMessage&) {
        seen.Put(1);
        gate.Pass();
      },
      [](const Loss&) {},
      [this](const absl::Status& status) { ends_.Put(status); });
  ASSERT_TRUE(gate.WaitForArrivals(1));

  // The service is stopped by flow control before it has written everything.
  EXPECT_EQ(service_.watches.size(), 0u);
  EXPECT_EQ(seen.size(), 1u);
  gate.Open();
  EXPECT_EQ(ends_.Take(), absl::OkStatus());
  EXPECT_EQ(seen.size(), 67u);
}

TEST_F(Watching, RefusesTextThatTheWireCannotCarry) {
  const auto channel =
      Start({.target = service_.address(), .channels = {"\xff"}});
  EXPECT_TRUE(absl::IsInvalidArgument(*ends_.Take()));
  const auto token = Start({.target = service_.address(),
                            .api_token = "two\nlines",
                            .channels = {"news"}});
  EXPECT_TRUE(absl::IsInvalidArgument(*ends_.Take()));
  EXPECT_EQ(service_.authorizations.size(), 0u);
}

}  // namespace
}  // namespace herald::client
