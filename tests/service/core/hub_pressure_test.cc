// SPDX-License-Identifier: Apache-2.0
//
// The hub under pressure. A link's or a Watch's full outbox drops whispers and
// delays missed events, and never ends the stream for them. And a gateway has a
// bound on its held items, beyond which its link ends, as an idle one does for
// a new one when there are too many. The hub is that of hub.h.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "google/protobuf/unknown_field_set.h"
#include "proto/contract/limits.h"
#include "tests/service/core/fake_gateway.h"
#include "tests/service/core/hub.h"
#include "tests/service/core/settled_hub.h"

namespace herald::core {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using AHub = SettledHub;

TEST_F(AHub, NotifiesTheSendersGatewayOfAWhisperThatAFullLinkDrops) {
  const auto one = Attached(1);
  const auto two = Attached(2);
  one->Subscribe(1, "news");
  two->Subscribe(1, "news");
  one->Received();
  two->Received();
  two->sink().whisper_full = true;
  one->Whisper("news", "1234", /*socket=*/1);
  EXPECT_THAT(one->Received(),
              ElementsAre("news: 1234", "congestion of 1.1 4"));
  EXPECT_THAT(two->Received(), IsEmpty());
  // An event has the other half.
  EXPECT_EQ(Publish("news", "5"), 2);
  EXPECT_THAT(two->Received(), ElementsAre("news: 5"));
  two->sink().whisper_full = false;
  one->Whisper("news", "6", 1);
  EXPECT_THAT(two->Received(), ElementsAre("news: 6"));
}

TEST_F(AHub, LeavesAWhisperOutOfAFullWatchAndSlowsNoSender) {
  const auto one = Attached(1);
  one->Subscribe(1, "news");
  one->Received();
  v1::WatchRequest request;
  request.add_channels("news");
  const auto watch = std::make_shared<FakeSink>();
  ASSERT_TRUE(hub_->Watch(request, watch).ok());
  watch->Messages();
  watch->whisper_full = true;
  one->Whisper("news", "1", 1);
  EXPECT_THAT(one->Received(), ElementsAre("news: 1"));
  EXPECT_THAT(watch->Messages(), IsEmpty());
}

TEST_F(AHub, ForwardsCongestionOfAGatewaysReaders) {
  const auto one = Attached(1);
  const auto two = Attached(2);
  link::v1::GatewayItem item;
  item.mutable_congestion()->set_socket_id("1.7");
  item.mutable_congestion()->set_bytes(60);
  EXPECT_TRUE(two->Send(item).ok());
  EXPECT_THAT(one->Received(), ElementsAre("congestion of 1.7 60"));
  EXPECT_THAT(two->Received(), IsEmpty());
  item.mutable_congestion()->set_socket_id("3.1");  // It has gone.
  EXPECT_TRUE(two->Send(item).ok());
}

class AHubThatRemembers : public SettledHub {
 protected:
  AHubThatRemembers() {
    config::v1::Config config;
    config::v1::ChannelRule& rule = *config.add_channels();
    rule.set_pattern("*");
    rule.set_history_size(10);
    rule.mutable_history_ttl()->set_seconds(60);
    hub_->SetRules(config);
    gateway_ = Attached(1);
    gateway_->Subscribe(1, "news");
    for (const char* data : {"1", "2", "3"}) {
      epoch_ = Broadcast({"news"}, data)->receipts(0).epoch();
    }
    for (const auto& item : gateway_->Items()) {
      if (item.has_publication()) {
        link::v1::AttachResponse frame;
        *frame.add_items() = item;
        chunk_bytes_ = static_cast<int64_t>(frame.ByteSizeLong());
      }
    }
  }

  std::unique_ptr<FakeGateway> gateway_;
  std::string epoch_;
  int64_t chunk_bytes_ = 0;  // Of each of the three.
};

TEST_F(AHubThatRemembers, SendsNoMoreThanTheGatewayHasAUseFor) {
  EXPECT_TRUE(gateway_->Recover("news", {epoch_, 0}, 3 * chunk_bytes_).ok());
  EXPECT_THAT(gateway_->Received(),
              ElementsAre("recovery 0 to 3", "news: 1", "news: 2", "news: 3"));
  EXPECT_TRUE(
      gateway_->Recover("news", {epoch_, 0}, 3 * chunk_bytes_ - 1).ok());
  const auto items = gateway_->Items();
  ASSERT_EQ(items.size(), 1u);
  EXPECT_FALSE(items[0].recovery().available());
  // From there on it is little enough, which is worth another question.
  EXPECT_EQ(items[0].recovery().available_since(), 1);
  EXPECT_TRUE(
      gateway_->Recover("news", {epoch_, 1}, 3 * chunk_bytes_ - 1).ok());
  EXPECT_THAT(gateway_->Received(),
              ElementsAre("recovery 1 to 3", "news: 2", "news: 3"));
  EXPECT_TRUE(gateway_->Recover("news", {epoch_, 0}, 1).ok());
  EXPECT_EQ(gateway_->Items().at(0).recovery().available_since(), 3);
  // The latest is one message, and one is never too much.
  EXPECT_TRUE(gateway_->Recover("news", {}, 1).ok());
  EXPECT_THAT(gateway_->Received(), ElementsAre("recovery 2 to 3", "news: 3"));
}

TEST_F(AHubThatRemembers, BeginsNoRecoveryWhileTheLinkIsFullOfThem) {
  gateway_->sink().state_full = true;
  EXPECT_TRUE(gateway_->Recover("news", {epoch_, 2}).ok());
  EXPECT_TRUE(gateway_->Recover("news", {epoch_, 1}).ok());
  timers_.Advance(absl::Milliseconds(100));
  EXPECT_THAT(gateway_->Received(), IsEmpty());
  gateway_->sink().state_full = false;
  EXPECT_TRUE(gateway_->Recover("news", {epoch_, 3}).ok());
  EXPECT_THAT(gateway_->Received(), IsEmpty()) << "it waits for its turn";
  timers_.Advance(absl::Milliseconds(10));
  EXPECT_THAT(gateway_->Received(),
              ElementsAre("recovery 2 to 3", "news: 3", "recovery 1 to 3",
                          "news: 2", "news: 3", "recovery 3 to 3"));
  EXPECT_TRUE(gateway_->Recover("news", {epoch_, 2}).ok());
  EXPECT_THAT(gateway_->Received(), ElementsAre("recovery 2 to 3", "news: 3"));
}

TEST_F(AHubThatRemembers, EndsALinkForWhichTooManyRecoveriesWait) {
  constexpr int kWaitingMax = 100'000;
  gateway_->sink().state_full = true;
  for (int i = 0; i < kWaitingMax; ++i) {
    ASSERT_TRUE(gateway_->Recover("news", {epoch_, 0}).ok()) << i;
  }
  const absl::Status status = gateway_->Recover("news", {epoch_, 0});
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_THAT(gateway_->Received(), IsEmpty())
      << "nothing is sent without room";
}

TEST_F(AHubThatRemembers, DoesNotSendARecoveryThatIsNotAwaitedAnyMore) {
  gateway_->sink().state_full = true;
  EXPECT_TRUE(gateway_->Recover("news", {epoch_, 0}).ok());
  EXPECT_TRUE(gateway_->Unsubscribe(1, "news").ok());
  gateway_->sink().state_full = false;
  timers_.Advance(absl::Milliseconds(10));
  EXPECT_THAT(gateway_->Received(), ElementsAre("recovery 0 to 0 lost"));
}

TEST_F(AHubThatRemembers, ForgetsRecoveriesThatWaitedForALinkThatEnded) {
  gateway_->sink().state_full = true;
  EXPECT_TRUE(gateway_->Recover("news", {epoch_, 0}).ok());
  gateway_->Lose();
  gateway_->sink().state_full = false;
  timers_.Advance(absl::Seconds(1));
  EXPECT_THAT(gateway_->Received(), IsEmpty());
}

// A hub that keeps 1 MiB of a gateway's held channels and of its items
// meanwhile.
class ASmallHub : public ::testing::Test {
 protected:
  static constexpr int64_t kHeldBytes = 1 << 20;

  ASmallHub() {
    CoreOptions options;
    options.settings.set_max_payload(100);
    options.held_bytes_max = kHeldBytes;
    hub_ = std::make_unique<Hub>(options, engine_.get(), &authorizer_, &timers_,
                                 &observer_, [this] { engine_.Settle(); });
    hub_->Start();
    timers_.Advance(absl::Milliseconds(500));
  }

  FakeTimers timers_;
  FakeAuthorizer authorizer_;
  ServiceObserver observer_;
  EngineUnderTest engine_{&timers_, &authorizer_};
  std::unique_ptr<Hub> hub_;
};

TEST_F(ASmallHub, CountsTheMemoryOfHeldChannelsAndNotTheirBytes) {
  FakeGateway gateway(hub_.get(), 1);
  link::v1::GatewayItem item;
  item.mutable_held()->set_subscription_count(1);
  absl::Status status;
  int held = 0;
  int64_t bytes = 0;
  for (; status.ok() && held < 100'000; ++held) {
    item.mutable_held()->set_channel(absl::StrCat("c", held));
    bytes += static_cast<int64_t>(item.ByteSizeLong());
    status = gateway.Send(item);
  }
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_THAT(status.message(), HasSubstr("holds more than 1048576 bytes"));
  EXPECT_LT(bytes * 16, kHeldBytes);
  // One million subscriptions on 100,000 channels must fit into 512 MiB.
  EXPECT_GT(held * (contract::kLinkHeldBytesMax / kHeldBytes), 1'000'000);
}

TEST_F(ASmallHub, CountsTheMemoryOfSocketsAndOfUnknownFields) {
  FakeGateway gateway(hub_.get(), 1);
  link::v1::GatewayItem sockets;
  sockets.mutable_held()->set_channel("presence-room");
  sockets.mutable_held()->set_subscription_count(1);
  auto& member = *sockets.mutable_held()->add_members();
  member.mutable_member()->set_user_id("ada");
  for (int i = 0; i < 40'000; ++i) member.add_socket_ids("1.1");
  EXPECT_LT(static_cast<int64_t>(sockets.ByteSizeLong()), kHeldBytes / 4);
  EXPECT_TRUE(absl::IsInvalidArgument(gateway.Send(sockets)));

  FakeGateway newer(hub_.get(), 2);
  link::v1::GatewayItem unknown;
  link::v1::Held& held = *unknown.mutable_held();
  held.set_channel("news");
  held.set_subscription_count(1);
  google::protobuf::UnknownFieldSet& fields =
      *held.GetReflection()->MutableUnknownFields(&held);
  for (int i = 0; i < 80'000; ++i) fields.AddVarint(/*number=*/99, 1);
  EXPECT_LT(static_cast<int64_t>(unknown.ByteSizeLong()), kHeldBytes / 4);
  EXPECT_TRUE(absl::IsInvalidArgument(newer.Send(unknown)));
}

TEST_F(ASmallHub, CountsTheMemoryOfItemsThatWait) {
  FakeGateway gateway(hub_.get(), 1);
  for (size_t i = 0; i <= Adoptions::kChannelsPerTurn; ++i) {
    gateway.Hold(absl::StrCat("c", i), 1);
  }
  gateway.Attach();
  link::v1::GatewayItem item;
  item.mutable_cancel()->set_ticket(1);
  absl::Status status;
  int waiting = 0;
  for (; status.ok() && waiting < 100'000; ++waiting) {
    status = gateway.Send(item);
  }
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_LT(waiting, 5000);
  EXPECT_GT(waiting, 1000);
}

TEST_F(AHub, EndsAnIdleLinkForANewOneWhenThereAreTooMany) {
  std::vector<std::shared_ptr<FakeSink>> sinks;
  link::v1::Hello hello;
  hello.set_protocol_version(1);
  int64_t id = 0;
  while (id < static_cast<int64_t>(kLinksMax)) {
    sinks.push_back(std::make_shared<FakeSink>());
    timers_.Advance(absl::Milliseconds(1));
    hello.set_gateway_id(++id);
    ASSERT_TRUE(hub_->Open(hello, sinks.back()).ok());
  }
  const auto real = Attached(id + 1);
  real->Subscribe(1, "news");
  EXPECT_EQ(Publish("news", "1"), 1);
  EXPECT_TRUE(absl::IsResourceExhausted(sinks.back()->closed))
      << sinks.back()->closed;
  sinks.pop_back();
  for (const auto& sink : sinks) EXPECT_TRUE(sink->closed.ok());
}

}  // namespace
}  // namespace herald::core
