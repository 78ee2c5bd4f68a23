// SPDX-License-Identifier: Apache-2.0
//
// A link as a gateway sees it, over a real stream.

#include "service/rpc/streams/gateway_reactor.h"

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "grpcpp/generic/generic_stub.h"
#include "gtest/gtest.h"
#include "service/gateways/gateways.h"
#include "service/rpc/streams/stream_outbox.h"
#include "tests/service/rpc/loopback.h"
#include "tests/service/rpc/streams/link_client.h"

namespace herald::rpc {
namespace {

using link::v1::ServiceItem;
using ::testing::HasSubstr;
using testing_support::kSlowness;

TEST(ALink, BeginsWithTheSettings) {
  Loopback world;
  FakeGateway gateway(world);
  ASSERT_TRUE(gateway.Send({gateway.Hello()}));

  const auto item = gateway.Next(ServiceItem::kSettings);

  ASSERT_TRUE(item.has_value());
  EXPECT_EQ(item->settings().max_payload(), 64 << 10);
}

TEST(ALink, CarriesPublicationsInOrderBehindTheAnswer) {
  Loopback world;
  FakeGateway gateway(world);
  ASSERT_TRUE(gateway.AttachAndSubscribe("news"));
  for (int i = 0; i < 100; ++i) world.Broadcast("news", absl::StrCat(i));

  for (int i = 0; i < 100; ++i) {
    const auto item = gateway.Next(ServiceItem::kPublication);
    ASSERT_TRUE(item.has_value());
    EXPECT_EQ(item->publication().data(), absl::StrCat(i));
  }
}

TEST(ALink, JoinsQueuedItemsIntoFramesOfBoundedSize) {
  constexpr int kEventsMax = 10'000;
  constexpr int kBytes = 4000;
  constexpr int kWaitingBytes = 1 << 20;
  Loopback world;
  FakeGateway gateway(world);
  ASSERT_TRUE(gateway.AttachAndSubscribe("news"));
  // The gateway does not read meanwhile, so the bytes beyond the transport's
  // buffers (some MiB, or few) have to wait.
  int published = 0;
  while (world.metrics().links()->queue_bytes <= kWaitingBytes) {
    ASSERT_LT(published, kEventsMax);
    world.Broadcast("news", Padded(published++, kBytes));
  }

  const int first_that_waited = published - kWaitingBytes / 2 / kBytes;
  int frames_that_waited = 0;
  int events = 0;
  while (events < published) {
    const auto frame = gateway.Read();
    ASSERT_TRUE(frame.has_value()) << gateway.Finish().error_message();
    EXPECT_LE(static_cast<int64_t>(frame->ByteSizeLong()),
              contract::kLinkFrameBytes);
    for (const ServiceItem& item : frame->items()) {
      if (!item.has_publication()) continue;
      EXPECT_EQ(item.publication().data(), Padded(events, kBytes));
      ++events;
    }
    if (events > first_that_waited) ++frames_that_waited;
  }
  // Half a MiB in frames of 256 KiB, and the one in which it begins.
  EXPECT_LE(frames_that_waited, 4);
  EXPECT_TRUE(
      WaitUntil([&] { return world.metrics().links()->queue_bytes == 0; }));
}

TEST(ALink, EndsWhenItsOutboxOverflowsAndTheGatewayReceivesTheReason) {
  Loopback world;
  FakeGateway gateway(world);
  ASSERT_TRUE(gateway.AttachAndSubscribe("news"));
  // The bound and the transport's buffers, while the gateway does not read.
  for (int i = 0; i < 2000 && world.hub().Counts().gateways > 0; ++i) {
    world.Broadcast("news", Padded(i, 60'000));
  }

  EXPECT_TRUE(WaitUntil([&] { return world.hub().Counts().gateways == 0; }));
  const grpc::Status status = gateway.Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.error_message(), HasSubstr("16 MiB"));
  EXPECT_EQ(world.metrics().links()->overflows, 1);
  EXPECT_EQ(world.metrics().links()->queue_bytes, 0);
}

TEST(ALink, HasABoundForRostersToo) {
  const SinkOptions options = GatewayReactor::WithBounds({});
  const auto roster = std::make_shared<const std::string>(
      static_cast<size_t>(contract::kMembersBytesMax), 'x');
  for (const auto kind :
       {StreamOutbox::Kind::kState, StreamOutbox::Kind::kMissed}) {
    StreamOutbox outbox;
    while (outbox.state_bytes() < contract::kLinkHeldBytesMax) {
      ASSERT_TRUE(outbox.HasRoomFor(*roster, kind, options));
      outbox.Append(roster, kind);
    }
    EXPECT_FALSE(outbox.HasRoomFor("1", kind, options));
    EXPECT_TRUE(outbox.HasRoomFor("1", StreamOutbox::Kind::kCounted, options));
  }
}

TEST(ALink, TakesOneChunkThatIsLargerThanAFrame) {
  Loopback world;
  FakeGateway gateway(world);
  const std::vector<std::string> infos(40, Padded(0, 10'000));
  ASSERT_TRUE(
      gateway.Send({gateway.Hello(), FakeGateway::Held("presence-a", infos),
                    gateway.Attached()}));

  const auto roster = gateway.Next(ServiceItem::kRoster);

  ASSERT_TRUE(roster.has_value());
  EXPECT_EQ(roster->roster().members_size(), 40);
  EXPECT_GT(static_cast<int64_t>(roster->ByteSizeLong()),
            contract::kLinkFrameBytes);
}

TEST(ALink, IsNotTooSlowForTheRostersItBeginsWith) {
  constexpr int kChannels = 80;
  constexpr int kBytes = 500'000;  // Of each roster: 40 MB in all.
  Loopback world;
  FakeGateway gateway(world);
  ASSERT_TRUE(gateway.Send({gateway.Hello(), FakeGateway::Held("news", {})}));
  ASSERT_TRUE(gateway.Next(ServiceItem::kSettings).has_value());
  const std::vector<std::string> infos(50, Padded(0, kBytes / 50));
  for (int i = 0; i < kChannels; ++i) {
    const std::string channel = absl::StrCat("presence-", i);
    ASSERT_TRUE(gateway.Send({FakeGateway::Held(channel, infos)}));
  }
  ASSERT_TRUE(gateway.Send({gateway.Attached()}));
  // The event comes when all of it is there and nothing was read.
  const StreamCounters& counters = *world.metrics().links();
  ASSERT_TRUE(WaitUntil([&] {
    return counters.bytes_sent + counters.queue_bytes > kChannels * kBytes ||
           counters.overflows > 0;
  }));
  world.Broadcast("news", "1");

  ASSERT_TRUE(gateway.Next(ServiceItem::kPublication).has_value())
      << gateway.Finish().error_message();
  EXPECT_EQ(counters.overflows, 0);
}

TEST(ALink, EndsForTheHubWhenTheGatewayHalfCloses) {
  Loopback world;
  FakeGateway gateway(world);
  ASSERT_TRUE(gateway.AttachAndSubscribe("news"));
  EXPECT_EQ(world.hub().Counts().gateways, 1);

  gateway.HalfClose();

  EXPECT_TRUE(gateway.Finish().ok());
  EXPECT_EQ(world.hub().Counts().gateways, 0);
  EXPECT_EQ(world.hub().Counts().subscriptions, 0);
}

TEST(ALink, EndsForTheHubWhenTheConnectionIsCut) {
  Loopback world;
  {
    FakeGateway gateway(world);
    ASSERT_TRUE(gateway.AttachAndSubscribe("news"));
  }
  EXPECT_TRUE(WaitUntil([&] { return world.hub().Counts().gateways == 0; }));
}

TEST(ALink, GivesWayToANewerOneOfTheSameGateway) {
  Loopback world;
  FakeGateway old(world);
  ASSERT_TRUE(old.AttachAndSubscribe("news"));
  FakeGateway young(world);
  ASSERT_TRUE(young.AttachAndSubscribe("news"));

  EXPECT_EQ(old.Finish().error_code(), grpc::StatusCode::ABORTED);
  EXPECT_EQ(world.hub().Counts().gateways, 1);
  EXPECT_EQ(world.hub().Counts().subscriptions, 1);
}

TEST(ALink, EndsWithUnavailableWhenTheServiceStops) {
  Loopback world;
  FakeGateway gateway(world);
  ASSERT_TRUE(gateway.AttachAndSubscribe("news"));

  world.hub().Stop();

  EXPECT_EQ(gateway.Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST(ALink, MustBeginWithHello) {
  Loopback world;
  FakeGateway gateway(world);
  ASSERT_TRUE(gateway.Send({gateway.Attached()}));

  const grpc::Status status = gateway.Finish();

  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(status.error_message(), HasSubstr("hello"));
}

TEST(ALink, MustBeginAndAttachInTime) {
  core::CoreOptions options;
  options.attach_max = kSlowness * absl::Milliseconds(300);
  Loopback world({}, /*reflection=*/true, options);
  FakeGateway silent(world);
  FakeGateway slow(world, 8);
  ASSERT_TRUE(slow.Send({slow.Hello()}));

  grpc::Status status = silent.Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_THAT(status.error_message(), HasSubstr("hello"));
  status = slow.Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_THAT(status.error_message(), HasSubstr("attach"));
}

TEST(ALink, MayTakeItsTimeOnceItIsAttached) {
  core::CoreOptions options;
  options.attach_max = kSlowness * absl::Seconds(1);
  Loopback world({}, /*reflection=*/true, options);
  FakeGateway gateway(world);
  ASSERT_TRUE(gateway.AttachAndSubscribe("news"));
  // A gateway that is silent is ended after the same time.
  FakeGateway silent(world, 8);
  EXPECT_FALSE(silent.Finish().ok());

  world.Broadcast("news", "1");

  EXPECT_TRUE(gateway.Next(ServiceItem::kPublication).has_value());
}

TEST(ALink, EndsWithTheHubsStatusForABrokenRule) {
  Loopback world;
  FakeGateway twice(world);
  ASSERT_TRUE(twice.Send({twice.Hello(), twice.Hello()}));
  EXPECT_EQ(twice.Finish().error_code(), grpc::StatusCode::FAILED_PRECONDITION);

  FakeGateway ticket(world);
  ASSERT_TRUE(ticket.Send(
      {ticket.Hello(), ticket.Attached(), ticket.Subscribe(0, "a")}));
  EXPECT_EQ(ticket.Finish().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(world.hub().Counts().gateways, 0);
}

TEST(ALink, EndsWhenAFrameIsNoFrame) {
  Loopback world;
  BoundedContext context;
  grpc::GenericStub stub(world.channel());
  grpc::CompletionQueue queue;
  const auto next = [&queue] {
    void* tag = nullptr;
    bool ok = false;
    EXPECT_TRUE(queue.Next(&tag, &ok));
  };
  const auto call = stub.PrepareCall(
      &context, "/herald.link.v1.GatewayService/Attach", &queue);
  call->StartCall(nullptr);
  next();
  const grpc::Slice slice("\xff\xff\xff");
  call->Write(grpc::ByteBuffer(&slice, 1), nullptr);
  next();
  grpc::Status status;
  call->Finish(&status, nullptr);
  next();

  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  queue.Shutdown();
}

TEST(ALink, ThatIsQuietGetsEmptyFramesAndMaySendThem) {
  Loopback world({}, true, {}, "127.0.0.1:0",
                 /*link_keepalive=*/kSlowness * absl::Milliseconds(300));
  FakeGateway gateway(world);
  ASSERT_TRUE(gateway.AttachAndSubscribe("news"));
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(gateway.Send({}));
    const auto frame = gateway.Read();
    ASSERT_TRUE(frame.has_value());
    EXPECT_EQ(frame->items_size(), 0);
  }
  world.Broadcast("news", "1");
  EXPECT_EQ(gateway.Next(ServiceItem::kPublication)->publication().data(), "1");
}

TEST(ALink, EndsWhenAGatewayThatSendsKeepalivesFallsSilent) {
  Loopback world({}, true, {}, "127.0.0.1:0",
                 /*link_keepalive=*/absl::Milliseconds(50));
  FakeGateway gateway(world);
  ASSERT_TRUE(gateway.AttachAndSubscribe("news"));
  ASSERT_TRUE(gateway.Send({}));
  const grpc::Status status = gateway.Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(status.error_message(), "the gateway is silent");
  EXPECT_TRUE(WaitUntil([&] { return world.hub().Counts().gateways == 0; }));
}

TEST(ALink, OfAnotherAddressIsOpenedWhileOneHasAllThatItMay) {
  constexpr int kOfOneAddress = 3 * int{core::kLinksMax};
  Loopback world;
  const Count& open = world.metrics().links()->open;
  std::vector<std::unique_ptr<FakeGateway>> silent;
  for (int i = 0; i < kOfOneAddress; ++i) {
    silent.push_back(std::make_unique<FakeGateway>(world));
  }
  ASSERT_TRUE(WaitUntil([&] { return open == kOfOneAddress; }));
  FakeGateway refused(world);
  const grpc::Status status = refused.Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.error_message(), HasSubstr("the address has 3072 of"));

  FakeGateway polite(ChannelFrom("127.0.0.2", world.server().address()));
  EXPECT_TRUE(polite.AttachAndSubscribe("news"));

  // A stream that has ended makes room.
  silent.pop_back();
  ASSERT_TRUE(WaitUntil([&] { return open == kOfOneAddress; }));
  FakeGateway next(world, 8);
  ASSERT_TRUE(next.Send({next.Hello()}));
  EXPECT_TRUE(next.Next(ServiceItem::kSettings).has_value());
}

}  // namespace
}  // namespace herald::rpc
