// SPDX-License-Identifier: Apache-2.0
//
// The life of links: the state that a gateway brings, the state that it finds,
// and its members when it is lost. The sources are link/links.cc and
// gateways.cc.

#include <limits>
#include <optional>

#include "proto/contract/limits.h"
#include "tests/service/core/settled_hub.h"

namespace herald::core {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using ALink = SettledHub;

TEST_F(ALink, MustSendHelloInTime) {
  const auto late = std::make_shared<FakeSink>();
  const auto in_time = std::make_shared<FakeSink>();
  const auto waiting = hub_->AwaitHello(late);
  auto waited = hub_->AwaitHello(in_time);
  timers_.Advance(absl::Seconds(29));
  waited = nullptr;
  timers_.Advance(absl::Seconds(2));
  EXPECT_TRUE(absl::IsDeadlineExceeded(late->closed));
  EXPECT_TRUE(in_time->closed.ok());
}

TEST_F(ALink, MustSendItsHeldChannelsInTime) {
  FakeGateway late(hub_.get(), 1);
  const auto in_time = Attached(2);
  timers_.Advance(absl::Seconds(31));
  EXPECT_TRUE(absl::IsDeadlineExceeded(late.closed()));
  EXPECT_TRUE(in_time->closed().ok());
}

TEST_F(ALink, BeginsWithTheSettingsOfTheService) {
  FakeGateway gateway(hub_.get(), 1);
  const auto items = gateway.Items();
  ASSERT_EQ(items.size(), 1u);
  EXPECT_EQ(items[0].settings().max_payload(), 100);
}

TEST_F(ALink, IsRefusedToAnUnknownVersionAndABadId) {
  link::v1::Hello hello;
  hello.set_gateway_id(1);
  const auto sink = std::make_shared<FakeSink>();
  EXPECT_TRUE(absl::IsFailedPrecondition(hub_->Open(hello, sink).status()));
  hello.set_protocol_version(2);
  EXPECT_TRUE(absl::IsFailedPrecondition(hub_->Open(hello, sink).status()));
  hello.set_protocol_version(1);
  hello.set_gateway_id(0);
  EXPECT_TRUE(absl::IsInvalidArgument(hub_->Open(hello, sink).status()));
}

link::v1::Hello HelloOf(int64_t gateway) {
  link::v1::Hello hello;
  hello.set_protocol_version(1);
  hello.set_gateway_id(gateway);
  return hello;
}

TEST_F(ALink, OfAProvenGatewayGivesWayToAProvenOneOnly) {
  const auto own = std::make_shared<FakeSink>();
  const auto gateway = hub_->Open(HelloOf(1), own, /*proven=*/true);
  ASSERT_TRUE(gateway.ok());
  const auto rogue = [this] {
    return hub_->Open(HelloOf(1), std::make_shared<FakeSink>()).status();
  };
  EXPECT_TRUE(absl::IsPermissionDenied(rogue()));
  EXPECT_TRUE(own->closed.ok());
  hub_->Close(*gateway, "lost");
  EXPECT_TRUE(absl::IsPermissionDenied(rogue())) << "its lease runs";
  timers_.Advance(absl::Seconds(30));
  EXPECT_TRUE(absl::IsPermissionDenied(rogue())) << "it may return";
  timers_.Advance(absl::Minutes(1));
  EXPECT_TRUE(rogue().ok()) << "it is forgotten";

  const auto returned =
      hub_->Open(HelloOf(1), std::make_shared<FakeSink>(), /*proven=*/true);
  EXPECT_TRUE(returned.ok()) << "and takes over all the same";
  EXPECT_TRUE(absl::IsPermissionDenied(rogue()));
}

TEST_F(ALink, IsRefusedWhenThereAreTooManyButNotToAGatewayThatHadOne) {
  const auto sink = std::make_shared<FakeSink>();
  const auto first = hub_->Open(HelloOf(1), sink, /*proven=*/true);
  ASSERT_TRUE(first.ok());
  int64_t id = 1;
  const auto in_use = [this](int64_t gateway, const SinkPtr& to) {
    const auto opened = hub_->Open(HelloOf(gateway), to);
    if (opened.ok()) (*opened)->subscription_count = 1;
    return opened.ok();
  };
  while (id < static_cast<int64_t>(kLinksMax)) {
    ASSERT_TRUE(in_use(++id, sink));
  }
  EXPECT_TRUE(
      absl::IsResourceExhausted(hub_->Open(HelloOf(id + 1), sink).status()));
  EXPECT_TRUE(in_use(id, sink)) << "another link of it";

  hub_->Close(*first, "lost");
  EXPECT_TRUE(in_use(id + 1, sink));
  EXPECT_TRUE(hub_->Open(HelloOf(1), sink, /*proven=*/true).ok());
}

TEST_F(ALink, EndsWithTheFirstItemThatBreaksARule) {
  FakeGateway gateway(hub_.get(), 1);
  link::v1::GatewayItem held;
  held.mutable_held()->set_channel("news");
  held.mutable_held()->set_subscription_count(
      std::numeric_limits<int64_t>::max());
  EXPECT_TRUE(absl::IsInvalidArgument(gateway.Send(held)));
  held.mutable_held()->set_subscription_count(contract::kLinkCountMax);
  EXPECT_TRUE(gateway.Send(held).ok());
  gateway.Attach();
  gateway.Subscribe(1, "news");
  EXPECT_EQ(hub_->Counts().subscriptions, contract::kLinkCountMax + 1);
  link::v1::GatewayItem report;
  report.mutable_report()->set_client_count(-1);
  EXPECT_TRUE(absl::IsInvalidArgument(gateway.Send(report)));
}

TEST_F(ALink, MayNotMakeAChannelsRosterTooLargeForOthers) {
  // In all 16 MiB each.
  const std::string info(contract::kUserInfoBytesMax, '1');
  const auto attach = [&](int64_t id) {
    FakeGateway gateway(hub_.get(), id);
    for (int i = 0; i < 1024; ++i) {
      link::v1::GatewayItem item;
      item.mutable_held()->set_channel("presence-room");
      item.mutable_held()->set_subscription_count(i == 0 ? 1024 : 0);
      auto& member = *item.mutable_held()->add_members();
      member.mutable_member()->set_user_id(absl::StrCat(id, "-", i));
      member.mutable_member()->set_user_info(info);
      member.add_socket_ids(absl::StrCat(id, ".", i));
      EXPECT_TRUE(gateway.Send(item).ok());
    }
    link::v1::GatewayItem item;
    item.mutable_attached();
    return gateway.Send(item);
  };
  EXPECT_TRUE(attach(1).ok());
  EXPECT_TRUE(absl::IsInvalidArgument(attach(2)));
  EXPECT_EQ(hub_->Counts().members, 1024);
}

TEST_F(ALink, TakesNothingBeforeAttachedAndHoldsNothingAfter) {
  FakeGateway gateway(hub_.get(), 1);
  link::v1::GatewayItem subscribe;
  subscribe.mutable_subscribe()->set_ticket(1);
  EXPECT_TRUE(absl::IsFailedPrecondition(gateway.Send(subscribe)));
  gateway.Attach();
  link::v1::GatewayItem held;
  held.mutable_held()->set_channel("news");
  held.mutable_held()->set_subscription_count(1);
  EXPECT_TRUE(absl::IsFailedPrecondition(gateway.Send(held)));
}

TEST_F(ALink, OfTheSameGatewayEndsTheOneBefore) {
  auto old = Attached(1);
  old->Subscribe(1, "news");
  FakeGateway returned(hub_.get(), 1);
  EXPECT_TRUE(absl::IsAborted(old->closed()));
  EXPECT_TRUE(absl::IsAborted(old->Unsubscribe(1, "news")));
  returned.Hold("news", 2);
  returned.Attach();
  old->Lose();  // Noticed late; the new link is not harmed.
  EXPECT_EQ(Publish("news", "1"), 2);
}

TEST_F(ALink, IsTheGatewaysThoughAnOlderOneIsStillBeingOpened) {
  std::unique_ptr<FakeGateway> newer;
  observer_.on_link_opened = [&] {
    newer = std::make_unique<FakeGateway>(hub_.get(), 1);
    newer->Hold("presence-room", 1, {"ada"});
    newer->Attach();
  };
  FakeGateway older(hub_.get(), 1);
  EXPECT_TRUE(absl::IsAborted(older.closed()));
  older.Lose();
  timers_.Advance(absl::Minutes(1));
  EXPECT_THAT(Members("presence-room"), ElementsAre("ada"));
  newer->Subscribe(1, "presence-room");
  authorizer_.Allow("bob");
  EXPECT_THAT(Members("presence-room"), ElementsAre("ada", "bob"));
}

TEST_F(ALink, IsTakenOverInTurnsAndItsItemsWaitForThat) {
  FakeGateway gateway(hub_.get(), 1);
  constexpr int kChannels = 2 * Adoptions::kChannelsPerTurn + 1;
  for (int i = 0; i < kChannels; ++i) gateway.Hold(absl::StrCat("c", i), 1);
  gateway.Attach();
  gateway.Subscribe(1, "c1");
  EXPECT_EQ(hub_->Counts().subscriptions, Adoptions::kChannelsPerTurn);
  EXPECT_TRUE(gateway.Unsubscribe(1, "c2000").ok()) << "held, not yet counted";
  EXPECT_THAT(gateway.Received(), ElementsAre("settings"));
  timers_.Advance(absl::ZeroDuration());
  EXPECT_EQ(hub_->Counts().subscriptions, kChannels);
  EXPECT_THAT(gateway.Received(), ElementsAre("settled", "yes 1"));
}

TEST_F(ALink, EndsWithAnItemThatHasWaitedAndBreaksARule) {
  FakeGateway gateway(hub_.get(), 1);
  for (size_t i = 0; i <= Adoptions::kChannelsPerTurn; ++i) {
    gateway.Hold(absl::StrCat("c", i), 1);
  }
  gateway.Attach();
  EXPECT_TRUE(gateway.Unsubscribe(1, "unknown").ok());
  timers_.Advance(absl::ZeroDuration());
  EXPECT_TRUE(absl::IsInvalidArgument(gateway.closed()));
}

TEST_F(ALink, ReplacesAllThatWasKnownOfItsGateway) {
  auto old = Attached(1);
  const auto watcher = Attached(2);
  for (const char* user : {"ada", "bob"}) {
    old->Subscribe(1, "presence-room");
    authorizer_.Allow(user);
  }
  old->Subscribe(3, "news");
  watcher->Subscribe(1, "presence-room");
  authorizer_.Allow("eve");
  watcher->Received();
  old->Lose();
  FakeGateway returned(hub_.get(), 1, /*link_down_ms=*/500);
  returned.Hold("presence-room", 2, {"bob", "cyd"});
  returned.Attach();
  EXPECT_THAT(watcher->Received(), ElementsAre("+cyd", "-ada"));
  EXPECT_THAT(returned.Received(),
              ElementsAre("settings", "roster bob cyd eve", "settled"));
  EXPECT_EQ(returned.states(), 1) << "a roster is as large as it is";
  EXPECT_EQ(Publish("news", "1"), 0);
  timers_.Advance(absl::Seconds(10));
  EXPECT_THAT(Members("presence-room"), ElementsAre("bob", "cyd", "eve"));
}

TEST_F(ALink, MaySendAHeldChannelInParts) {
  FakeGateway gateway(hub_.get(), 1);
  gateway.Hold("presence-room", 3, {"ada"});
  gateway.Hold("presence-room", 0, {"bob"});
  gateway.Hold("presence-room", 0, {"ada"});
  gateway.Hold("news", 1);
  gateway.Attach();
  EXPECT_THAT(Members("presence-room"), ElementsAre("ada", "bob"));
  EXPECT_EQ(hub_->Counts().subscriptions, 4);

  FakeGateway other(hub_.get(), 2);
  link::v1::GatewayItem item;
  item.mutable_held()->set_channel("presence-room");
  EXPECT_TRUE(absl::IsInvalidArgument(other.Send(item))) << "of nothing";
}

TEST_F(ALink, HoldsAChannelOnce) {
  FakeGateway gateway(hub_.get(), 1);
  gateway.Hold("news", 1);
  gateway.Hold("other", 1);
  link::v1::GatewayItem item;
  item.mutable_held()->set_channel("news");
  item.mutable_held()->set_subscription_count(1);
  EXPECT_EQ(gateway.Send(item),
            absl::InvalidArgumentError("channel news is held twice"));
}

TEST_F(ALink, IsNotBoundByLimitsWhenItAttaches) {
  FakeGateway gateway(hub_.get(), 1);
  for (int i = 0; i < 10; ++i) gateway.Hold(absl::StrCat("c", i), 100);
  gateway.Attach();
  EXPECT_EQ(hub_->Counts().channels, 10);
  EXPECT_EQ(hub_->Counts().subscriptions, 1000);
}

class ALostGateway : public SettledHub {
 protected:
  void SetUp() override {
    gateway_->Subscribe(1, "presence-room");
    authorizer_.Allow("ada");
    other_->Subscribe(1, "presence-room");
    authorizer_.Allow("bob");
    gateway_->Received();
    other_->Received();
  }

  std::unique_ptr<FakeGateway> gateway_ = Attached(1);
  std::unique_ptr<FakeGateway> other_ = Attached(2);
};

TEST_F(ALostGateway, KeepsItsMembersForTwoSeconds) {
  gateway_->Lose();
  timers_.Advance(absl::Milliseconds(1999));
  EXPECT_THAT(other_->Received(), IsEmpty());
  timers_.Advance(absl::Milliseconds(1));
  EXPECT_THAT(other_->Received(), ElementsAre("-ada"));
}

TEST_F(ALostGateway, KeepsThemWhenItReturnsInTime) {
  gateway_->Lose();
  timers_.Advance(absl::Seconds(1));
  FakeGateway returned(hub_.get(), 1, 1000);
  returned.Hold("presence-room", 1, {"ada"});
  returned.Attach();
  timers_.Advance(absl::Seconds(5));
  EXPECT_THAT(other_->Received(), IsEmpty());
}

TEST_F(ALostGateway, LosesThemWhenItReturnsAndIsLostBeforeItAttached) {
  gateway_->Lose();
  timers_.Advance(absl::Seconds(1));
  FakeGateway returned(hub_.get(), 1, 1000);
  timers_.Advance(absl::Seconds(1.5));
  EXPECT_THAT(other_->Received(), IsEmpty());
  returned.Lose();
  timers_.Advance(absl::Seconds(2));
  EXPECT_THAT(other_->Received(), ElementsAre("-ada"));
}

TEST_F(ALostGateway, LosesThemAtOnceAfterItsGoodbye) {
  gateway_->Goodbye();
  gateway_->Lose();
  EXPECT_THAT(other_->Received(), ElementsAre("-ada"));
}

v1::Revocation RevocationOf(const std::string& user) {
  v1::Revocation revocation;
  revocation.set_user_id(user);
  return revocation;
}

TEST_F(ALostGateway, ReceivesTheRevocationsThatItMissed) {
  ASSERT_TRUE(hub_->Revoke(RevocationOf("early")).ok());
  timers_.Advance(absl::Minutes(1));
  gateway_->Lose();
  ASSERT_TRUE(hub_->Revoke(RevocationOf("ada")).ok());
  v1::DisconnectRequest disconnect;
  disconnect.set_user_id("bob");
  hub_->Disconnect(disconnect, [](const auto&) {});
  timers_.Advance(absl::Seconds(30));
  FakeGateway returned(hub_.get(), 1, 30'000);
  returned.Attach();
  EXPECT_THAT(returned.Received(),
              ElementsAre("settings", "revocation ada", "call", "settled"));
  EXPECT_EQ(returned.states(), 2) << "there may be many of them";
}

TEST_F(ALostGateway, IsAskedToRenewAllWhenTooMuchWasRevokedMeanwhile) {
  gateway_->Lose();
  for (size_t i = 0; i < kRecordsMax; ++i) {
    ASSERT_TRUE(hub_->Revoke(RevocationOf("ada")).ok());
  }
  EXPECT_EQ(observer_.forgotten, 0);
  ASSERT_TRUE(hub_->Revoke(RevocationOf("ada")).ok());
  EXPECT_EQ(observer_.forgotten, 1);
  FakeGateway returned(hub_.get(), 1, 1000);
  returned.Attach();
  EXPECT_THAT(returned.Received(),
              ElementsAre("settings", "renew all", "settled"));
}

TEST_F(ALostGateway, ReceivesRevocationsWhileItIsAttaching) {
  gateway_->Lose();
  timers_.Advance(absl::Seconds(1));
  FakeGateway returned(hub_.get(), 1, 1000);
  ASSERT_TRUE(hub_->Revoke(RevocationOf("ada")).ok());
  std::optional<int64_t> count;
  v1::DisconnectRequest disconnect;
  disconnect.set_user_id("bob");
  hub_->Disconnect(disconnect, [&count](const auto& result) {
    ASSERT_TRUE(result.ok()) << result.status();
    count = result->disconnected_count();
  });
  const std::vector<std::string> received = returned.Received();
  EXPECT_THAT(received, ElementsAre("settings", "revocation ada", "call"));
  // The call does not wait for a gateway that may receive it twice; it waits
  // for the others.
  EXPECT_FALSE(count.has_value());
  for (const auto& item : other_->Items()) {
    if (!item.has_call()) continue;
    link::v1::GatewayItem done;
    done.mutable_call_result()->set_call_id(item.call().call_id());
    done.mutable_call_result()->set_disconnected_count(1);
    ASSERT_TRUE(other_->Send(done).ok());
  }
  EXPECT_EQ(count, 1);
  returned.Attach();
  EXPECT_THAT(returned.Received(), ::testing::Contains("settled"));
}

TEST_F(ALostGateway, IsAskedToRenewAllWhenItWasAwayForTooLong) {
  gateway_->Lose();
  timers_.Advance(absl::Minutes(11));
  FakeGateway returned(hub_.get(), 1, 11 * 60 * 1000);
  returned.Attach();
  EXPECT_THAT(returned.Received(),
              ElementsAre("settings", "renew all", "settled"));
}

TEST_F(ALink, EndsWhenTheServiceStops) {
  const auto gateway = Attached(1);
  hub_->Stop();
  EXPECT_TRUE(absl::IsUnavailable(gateway->closed()));
  EXPECT_TRUE(absl::IsUnavailable(Broadcast({"news"}, "1").status()));
  link::v1::Hello hello;
  hello.set_protocol_version(1);
  hello.set_gateway_id(2);
  EXPECT_TRUE(absl::IsUnavailable(
      hub_->Open(hello, std::make_shared<FakeSink>()).status()));
}

}  // namespace
}  // namespace herald::core
