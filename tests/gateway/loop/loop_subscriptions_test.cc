// SPDX-License-Identifier: Apache-2.0

#include "gateway/loop/loop_subscriptions.h"

#include "tests/gateway/gateway_world.h"

namespace herald::gateway {
namespace {

class LoopSubscribing : public GatewayWorld {
 protected:
  LoopSubscribing() { Attach(); }

  std::unique_ptr<Subscription> Begin(const std::string& channel) {
    return subscriptions_.Begin(&client_, {channel, "t", "{}", {}},
                                gateway::Asked{std::nullopt}, /*call=*/nullptr);
  }

  void Confirm(Subscription* subscription, absl::Duration life,
               bool renewable) {
    Confirmed yes;
    yes.user_id = "ada";
    yes.is_member = true;
    yes.expires_after = life;
    yes.renewable = renewable;
    subscriptions_.Confirm(subscription, yes);
  }

  LoopState state_{{}, &router_, &loops_[0], &observer_, loops_[0].now};
  SessionWriter writer_{&state_};
  BulkWriter bulk_{&state_, &writer_};
  LoopSubscriptions subscriptions_{&state_, &bulk_};
  FakeSocket socket_;
  ClientState client_{nullptr, &socket_, &dialect_, 12, {}};
};

TEST_F(LoopSubscribing, AsksTheServiceAndFindsTheTicket) {
  const auto one = Begin("private-x");
  ASSERT_NE(one, nullptr);
  EXPECT_EQ(Asked().ticket(), one->ticket);
  EXPECT_EQ(Asked().socket_id(), "7.12");
  EXPECT_EQ(Asked().auth_token(), "t");
  EXPECT_EQ(subscriptions_.tickets().Find(one->ticket), one.get());
  EXPECT_EQ(one->channel->pending, 1);
  EXPECT_EQ(subscriptions_.EndOf(*one).cancel().ticket(), one->ticket);
  subscriptions_.Forget(one.get());
  EXPECT_EQ(subscriptions_.tickets().Find(one->ticket), nullptr);
  EXPECT_EQ(subscriptions_.table().channel_count(), 0u);
}

TEST_F(LoopSubscribing, BeginsNothingThatCannotBeAsked) {
  router_.LinkDown("away");
  EXPECT_EQ(Begin("news"), nullptr);
  EXPECT_EQ(subscriptions_.table().channel_count(), 0u);
}

TEST_F(LoopSubscribing, KeepsAGrantThatEndsOrIsRenewed) {
  const auto forever = Begin("private-a");
  Confirm(forever.get(), absl::InfiniteDuration(), /*renewable=*/false);
  EXPECT_EQ(forever->grant, nullptr);
  const auto bounded = Begin("private-b");
  Confirm(bounded.get(), absl::Seconds(1), /*renewable=*/false);
  ASSERT_NE(bounded->grant, nullptr);
  EXPECT_EQ(bounded->grant->auth, "") << "it is not asked again";
  const auto renewed = Begin("private-c");
  Confirm(renewed.get(), absl::InfiniteDuration(), /*renewable=*/true);
  ASSERT_NE(renewed->grant, nullptr);
  EXPECT_EQ(renewed->grant->auth, "t");
  for (const auto* one : {&forever, &bounded, &renewed}) {
    subscriptions_.Forget(one->get());
  }
}

TEST_F(LoopSubscribing, CountsTheCredentialsThatItKeeps) {
  const auto open = Begin("news");
  EXPECT_EQ(client_.credential_bytes, 0);
  const auto bounded = Begin("private-a");
  const auto renewed = Begin("private-b");
  EXPECT_EQ(client_.credential_bytes, 6) << "of t and {}, twice";
  Confirm(open.get(), absl::InfiniteDuration(), /*renewable=*/false);
  Confirm(bounded.get(), absl::Seconds(1), /*renewable=*/false);
  Confirm(renewed.get(), absl::Seconds(1), /*renewable=*/true);
  EXPECT_EQ(client_.credential_bytes, 3);
  for (const auto* one : {&open, &bounded, &renewed}) {
    subscriptions_.Forget(one->get());
  }
  EXPECT_EQ(client_.credential_bytes, 0);
}

TEST_F(LoopSubscribing, NamesTheMemberThatEnds) {
  const auto one = Begin("presence-x");
  Confirm(one.get(), absl::InfiniteDuration(), /*renewable=*/false);
  const link::v1::GatewayItem end = subscriptions_.EndOf(*one);
  EXPECT_EQ(end.unsubscribe().channel(), "presence-x");
  EXPECT_EQ(end.unsubscribe().socket_id(), "7.12");
  EXPECT_EQ(end.unsubscribe().user_id(), "ada");
  subscriptions_.table().Revoke(one.get());
  subscriptions_.MuteRevoked(one->channel);
  EXPECT_TRUE(one->channel->subscribers.empty());
  EXPECT_TRUE(subscriptions_.EndOf(*one).has_unsubscribe());
  subscriptions_.Forget(one.get());
}

}  // namespace
}  // namespace herald::gateway
