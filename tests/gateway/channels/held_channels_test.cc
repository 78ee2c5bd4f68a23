// SPDX-License-Identifier: Apache-2.0

#include "gateway/channels/held_channels.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/gateway/keys.h"

namespace herald::gateway {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

constexpr size_t kShards = 2;

class TheHeldChannels : public ::testing::Test {
 protected:
  // The service has allowed a subscription of the loop.
  void Confirm(const std::string& channel, int shard) {
    held_.OpenTicket(Key(channel));
    HeldChannels::Count(held_.Obtain(Key(channel)), shard, kShards);
    held_.CloseTicket(Key(channel));
  }
  void End(const std::string& channel, int shard) {
    link::v1::Unsubscribe end;
    end.set_channel(channel);
    held_.Forget(shard, end);
  }

  std::vector<link::v1::Held> Holdings() {
    std::vector<link::v1::Held> holdings;
    held_.ForEachHeld([&](link::v1::GatewayItem item) {
      holdings.push_back(std::move(*item.mutable_held()));
    });
    return holdings;
  }

  HeldChannels held_;
};

TEST_F(TheHeldChannels, KnowAChannelWhileItHasATicketOrASubscription) {
  held_.OpenTicket(Key("a"));
  EXPECT_NE(held_.Find(Key("a")), nullptr);
  held_.CloseTicket(Key("a"));
  EXPECT_EQ(held_.Find(Key("a")), nullptr);
  Confirm("a", 0);
  Confirm("a", 1);
  EXPECT_EQ(held_.Find(Key("a"))->count, 2);
  EXPECT_THAT(held_.Find(Key("a"))->by_shard, ElementsAre(1, 1));
  End("a", 0);
  EXPECT_THAT(held_.Find(Key("a"))->by_shard, ElementsAre(0, 1));
  End("a", 1);
  EXPECT_EQ(held_.Find(Key("a")), nullptr);
}

TEST_F(TheHeldChannels, KeepAChannelWithATicketWhenItsLastSubscriptionEnds) {
  Confirm("a", 0);
  held_.OpenTicket(Key("a"));
  End("a", 0);
  EXPECT_NE(held_.Find(Key("a")), nullptr);
  held_.CloseTicket(Key("a"));
  EXPECT_EQ(held_.Find(Key("a")), nullptr);
}

TEST_F(TheHeldChannels, OfTwoAppsAreTwoOfOneName) {
  Confirm("a", 0);
  Confirm("44/a", 1);
  EXPECT_THAT(held_.Find(Key("a"))->by_shard, ElementsAre(1, 0));
  EXPECT_THAT(held_.Find({"44", "a"})->by_shard, ElementsAre(0, 1));
  std::vector<std::string> texts;
  for (const link::v1::Held& one : Holdings()) texts.push_back(one.channel());
  EXPECT_THAT(texts, UnorderedElementsAre("a", "44/a"));
  End("a", 0);
  EXPECT_EQ(held_.Find(Key("a")), nullptr);
  End("44/a", 1);
  EXPECT_EQ(held_.Find({"44", "a"}), nullptr);
}

TEST_F(TheHeldChannels, AnswerWithTheNameThatClientsKnow) {
  Confirm("44/presence-a", 0);
  HeldChannel& held = *held_.Find(Key("44/presence-a"));
  const EncodedMessagePtr answer =
      HeldChannels::Answer(Key("44/presence-a"), held, std::nullopt);
  const auto& message = std::get<SubscribedMessage>(answer->message());
  EXPECT_EQ(message.channel, "presence-a");
  EXPECT_NE(message.members, nullptr) << "the name has the type";
}

TEST_F(TheHeldChannels, AreHeldWithTheirCountsOnce) {
  EXPECT_THAT(Holdings(), IsEmpty());
  held_.OpenTicket(Key("open"));
  EXPECT_THAT(Holdings(), IsEmpty()) << "nothing is held yet";
  Confirm("presence-a", 0);
  Confirm("presence-a", 1);
  for (int i = 0; i < 20; ++i) {
    v1::Member member;
    member.set_user_id(absl::StrCat("user", i));
    member.set_user_info(std::string(60'000, '1'));
    held_.Find(Key("presence-a"))->members.Add(member, absl::StrCat("7.", i));
  }
  v1::Position position;
  position.set_epoch("e");
  position.set_offset(3);
  held_.Find(Key("presence-a"))->history = HistoryAt(position);
  const std::vector<link::v1::Held> holdings = Holdings();
  ASSERT_THAT(holdings, SizeIs(::testing::Ge(2u))) << "of a bounded size";
  EXPECT_EQ(holdings[0].subscription_count(), 2);
  EXPECT_EQ(holdings[0].position().offset(), 3);
  for (size_t i = 1; i < holdings.size(); ++i) {
    EXPECT_EQ(holdings[i].subscription_count(), 0);
    EXPECT_FALSE(holdings[i].has_position());
  }
}

}  // namespace
}  // namespace herald::gateway
