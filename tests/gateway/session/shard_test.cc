// SPDX-License-Identifier: Apache-2.0
//
// A loop and all its sessions: turns, slow consumers, revocations, drain.

#include "gateway/session/shard.h"

#include <set>
#include <string>

#include "tests/gateway/gateway_world.h"

namespace herald::gateway {
namespace {

using contract::CloseReason;
using ::testing::_;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Gt;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Pair;
using ::testing::SizeIs;

class AShard : public GatewayWorld {
 protected:
  void Revoke(const v1::Revocation& revocation) {
    link::v1::ServiceItem item;
    *item.mutable_revocation() = revocation;
    Say(item);
  }
};

TEST_F(AShard, WritesASocketOnceForAllThatATurnBrings) {
  Attach();
  Browser& ada = Subscribed(Open(), "news");
  const int before = ada.socket.writes;
  link::v1::AttachResponse frame;
  for (int i = 0; i < 5; ++i) {
    auto& event = *frame.add_items()->mutable_publication();
    event.set_channel("news");
    event.set_event("e");
    event.set_data(std::to_string(i));
  }
  ASSERT_TRUE(router_.Receive(std::move(frame)).ok());
  Run();
  EXPECT_THAT(ada.Received(), SizeIs(5));
  EXPECT_EQ(ada.socket.writes, before + 1);
}

TEST_F(AShard, ClosesASlowSocketOnly) {
  Attach();
  Browser& slow = Subscribed(Open(), "news");
  Browser& fast = Subscribed(Open(), "news");
  slow.socket.full = true;
  Publish("news", "1");
  slow.socket.full = false;
  Publish("news", "2");  // Not to the slow one: there would be a hole.
  EXPECT_THAT(
      slow.socket.closed,
      ElementsAre(Pair(CloseReason::kSlow, "messages were not read in time")));
  EXPECT_THAT(slow.Received(), IsEmpty());
  EXPECT_THAT(fast.Received(),
              ElementsAre(Event("news", "1"), Event("news", "2")));
}

TEST_F(AShard, EndsTheSubscriptionsOfASocketThatItCloses) {
  Attach();
  Browser& slow = Subscribed(Open(), "news");
  slow.socket.full = true;
  Publish("news", "1");
  EXPECT_EQ(uplink_->items.back().unsubscribe().channel(), "news");
}

TEST_F(AShard, TakesMessagesOfAClosedSocketNoMore) {
  Attach();
  Browser& ada = Open();
  ada.Received();
  CloseSome(ada.shard, 1);
  Send(ada, R"({"type":"ping"})");
  EXPECT_THAT(ada.Received(), IsEmpty());
}

TEST_F(AShard, RevokesOneChannelOfASocket) {
  Attach();
  Browser& ada = Subscribed(Open(), "private-a", "ada");
  Subscribed(ada, "private-b", "ada");
  v1::Revocation revocation;
  revocation.set_socket_id(ada.id);
  revocation.set_channel("private-a");
  revocation.set_reason("moved");
  Revoke(revocation);
  EXPECT_THAT(ada.Received(),
              ElementsAre(R"({"type":"unsubscribed","channel":"private-a",)"
                          R"("reason":"moved"})"));
  Revoke(revocation);  // Hearing it twice is harmless.
  EXPECT_THAT(ada.Received(), IsEmpty());
}

TEST_F(AShard, RevokesAllThatNeedsAuthorizationOfAUser) {
  Attach();
  Browser& ada = Subscribed(Open(0), "private-a", "ada");
  Subscribed(ada, "presence-room", "ada", {"ada"});
  Subscribed(ada, "news");
  Browser& other = Subscribed(Open(1), "private-a", "bob");
  v1::Revocation revocation;
  revocation.set_user_id("ada");
  Revoke(revocation);
  EXPECT_THAT(ada.Received(), SizeIs(2));
  EXPECT_THAT(other.Received(), IsEmpty());
  Publish("news", "1");
  EXPECT_THAT(ada.Received(), ElementsAre(Event("news", "1")));
}

TEST_F(AShard, ClosesAFewAtATimeWhenItDrains) {
  for (int i = 0; i < 5; ++i) Open(0);
  Shard* const shard = loops_[0].shard.get();
  EXPECT_EQ(CloseSome(shard, 2), 3);
  EXPECT_EQ(CloseSome(shard, 2), 1);
  EXPECT_EQ(CloseSome(shard, 2), 0);
  for (const auto& browser : browsers_) {
    EXPECT_THAT(browser->socket.closed,
                ElementsAre(Pair(CloseReason::kGoingAway, _)));
  }
}

TEST_F(AShard, SendsEachItsReconnectDelayWhenItDrains) {
  for (int i = 0; i < 5; ++i) Open(0);
  CloseSome(loops_[0].shard.get(), 5);
  std::set<std::string> texts;
  for (const auto& browser : browsers_) {
    texts.insert(browser->socket.closed.at(0).second);
  }
  EXPECT_THAT(texts, SizeIs(Gt(1u))) << "not all in the same instant";
  EXPECT_THAT(texts,
              Each(MatchesRegex("shutting down, come back in [0-9]{1,4} ms")));
}

TEST_F(AShard, ForgetsASocketThatLeavesInTheMiddleOfATurn) {
  Attach();
  Browser& ada = Subscribed(Open(), "news");
  Browser& bob = Subscribed(Open(), "news");
  link::v1::AttachResponse frame;
  auto& event = *frame.add_items()->mutable_publication();
  event.set_channel("news");
  event.set_event("e");
  event.set_data("1");
  ASSERT_TRUE(router_.Receive(std::move(frame)).ok());
  for (auto& batch : std::exchange(loops_[0].batches, {})) {
    for (Delivery& item : batch) loops_[0].shard->Deliver(item);
  }
  Leave(ada);  // Between its delivery and the flush.
  EXPECT_THAT(bob.Received(), ElementsAre(Event("news", "1")));
  EXPECT_EQ(loops_[0].shard->session_count(), 1);
}

}  // namespace
}  // namespace herald::gateway
