// SPDX-License-Identifier: Apache-2.0
//
// What the hub does where a link or a Watch has no room: whispers and what was
// missed never end a stream. The hub is that of hub.h.

#include <string>

#include "absl/strings/str_cat.h"
#include "tests/service/core/hub.h"
#include "tests/service/core/settled_hub.h"

namespace herald::core {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using AHub = SettledHub;

TEST_F(AHub, TellsTheSendersGatewayOfAWhisperThatALinkHasNoRoomFor) {
  const auto one = Attached(1);
  const auto two = Attached(2);
  one->Subscribe(1, "news");
  two->Subscribe(1, "news");
  one->Hears();
  two->Hears();
  two->sink().whisper_full = true;
  one->Whisper("news", "1234", /*socket=*/1);
  EXPECT_THAT(one->Hears(), ElementsAre("news: 1234", "congestion of 1.1 4"));
  EXPECT_THAT(two->Hears(), IsEmpty());
  // An event has the other half.
  EXPECT_EQ(Publish("news", "5"), 2);
  EXPECT_THAT(two->Hears(), ElementsAre("news: 5"));
  two->sink().whisper_full = false;
  one->Whisper("news", "6", 1);
  EXPECT_THAT(two->Hears(), ElementsAre("news: 6"));
}

TEST_F(AHub, LeavesAWhisperOutOfAWatchWithoutRoomAndSlowsNobody) {
  const auto one = Attached(1);
  one->Subscribe(1, "news");
  one->Hears();
  v1::WatchRequest request;
  request.add_channels("news");
  const auto watch = std::make_shared<FakeSink>();
  ASSERT_TRUE(hub_->Watch(request, watch).ok());
  watch->Messages();
  watch->whisper_full = true;
  one->Whisper("news", "1", 1);
  EXPECT_THAT(one->Hears(), ElementsAre("news: 1"));
  EXPECT_THAT(watch->Messages(), IsEmpty());
}

TEST_F(AHub, PassesOnThatReadersOfAGatewayHaveNoRoom) {
  const auto one = Attached(1);
  const auto two = Attached(2);
  link::v1::GatewayItem item;
  item.mutable_congestion()->set_socket_id("1.7");
  item.mutable_congestion()->set_bytes(60);
  EXPECT_TRUE(two->Say(item).ok());
  EXPECT_THAT(one->Hears(), ElementsAre("congestion of 1.7 60"));
  EXPECT_THAT(two->Hears(), IsEmpty());
  item.mutable_congestion()->set_socket_id("3.1");  // It has gone.
  EXPECT_TRUE(two->Say(item).ok());
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
  EXPECT_THAT(gateway_->Hears(),
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
  EXPECT_THAT(gateway_->Hears(),
              ElementsAre("recovery 1 to 3", "news: 2", "news: 3"));
  EXPECT_TRUE(gateway_->Recover("news", {epoch_, 0}, 1).ok());
  EXPECT_EQ(gateway_->Items().at(0).recovery().available_since(), 3);
  // The latest is one message, and one is never too much.
  EXPECT_TRUE(gateway_->Recover("news", {}, 1).ok());
  EXPECT_THAT(gateway_->Hears(), ElementsAre("recovery 2 to 3", "news: 3"));
}

TEST_F(AHubThatRemembers, BeginsNoRecoveryWhileTheLinkIsFullOfThem) {
  gateway_->sink().state_full = true;
  EXPECT_TRUE(gateway_->Recover("news", {epoch_, 2}).ok());
  EXPECT_TRUE(gateway_->Recover("news", {epoch_, 1}).ok());
  timers_.Advance(absl::Milliseconds(100));
  EXPECT_THAT(gateway_->Hears(), IsEmpty());
  gateway_->sink().state_full = false;
  EXPECT_TRUE(gateway_->Recover("news", {epoch_, 3}).ok());
  EXPECT_THAT(gateway_->Hears(), IsEmpty()) << "it waits for its turn";
  timers_.Advance(absl::Milliseconds(10));
  EXPECT_THAT(gateway_->Hears(),
              ElementsAre("recovery 2 to 3", "news: 3", "recovery 1 to 3",
                          "news: 2", "news: 3", "recovery 3 to 3"));
  EXPECT_TRUE(gateway_->Recover("news", {epoch_, 2}).ok());
  EXPECT_THAT(gateway_->Hears(), ElementsAre("recovery 2 to 3", "news: 3"));
}

TEST_F(AHubThatRemembers, DoesNotSendARecoveryThatNobodyWaitsForAnyMore) {
  gateway_->sink().state_full = true;
  EXPECT_TRUE(gateway_->Recover("news", {epoch_, 0}).ok());
  EXPECT_TRUE(gateway_->Unsubscribe(1, "news").ok());
  gateway_->sink().state_full = false;
  timers_.Advance(absl::Milliseconds(10));
  EXPECT_THAT(gateway_->Hears(), ElementsAre("recovery 0 to 0 lost"));
}

TEST_F(AHubThatRemembers, ForgetsRecoveriesThatWaitedForALinkThatEnded) {
  gateway_->sink().state_full = true;
  EXPECT_TRUE(gateway_->Recover("news", {epoch_, 0}).ok());
  gateway_->Lose();
  gateway_->sink().state_full = false;
  timers_.Advance(absl::Seconds(1));
  EXPECT_THAT(gateway_->Hears(), IsEmpty());
}

}  // namespace
}  // namespace herald::core
