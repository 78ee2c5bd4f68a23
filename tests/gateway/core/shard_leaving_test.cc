// SPDX-License-Identifier: Apache-2.0
//
// Sessions that end, many at once: what a turn does of it, and what the service
// is told.

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/gateway/core/gateway_world.h"

namespace herald::gateway {
namespace {

using contract::CloseReason;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int kMany = 199;  // Subscriptions of a session; one more fits.

class Leaving : public GatewayWorld {
 protected:
  Leaving() { Attach(); }

  // A session with nearly as many channels as it may have.
  Browser& OpenWithMany() {
    Browser& browser = Open();
    for (int i = 0; i < kMany; ++i) {
      Subscribed(browser, absl::StrCat("c-", opened_, "-", i));
    }
    return browser;
  }

  // Its connection is gone, and its loop has not had a turn since.
  void Close(Browser& browser) {
    browser.shard->Closed(std::exchange(browser.session, nullptr));
  }

  int Unsubscribes() {
    int count = 0;
    for (const auto& item : uplink_->items) count += item.has_unsubscribe();
    return count;
  }
};

TEST_F(Leaving, IsToldTheServiceWithOneFlushATurn) {
  std::vector<Browser*> browsers;
  for (int i = 0; i < 5; ++i) browsers.push_back(&OpenWithMany());
  uplink_->Take();
  uplink_->flushes = 0;
  for (Browser* const browser : browsers) Close(*browser);
  int turns = 0;
  for (int before = 0; Unsubscribes() < 5 * kMany; before = Unsubscribes()) {
    ASSERT_LE(++turns, 5 * kMany);
    Run(/*turns=*/1);
    EXPECT_LE(Unsubscribes() - before, 256) << "a turn is bounded";
    EXPECT_EQ(uplink_->flushes, turns);
  }
  EXPECT_EQ(turns, 4);
  EXPECT_EQ(loops_[0].shard->session_count(), 0);
}

TEST_F(Leaving, KeepsNothingOfOneThatEndsWhileItsTurnHasNotCome) {
  Browser& ada = OpenWithMany();
  Browser& bob = OpenWithMany();
  Subscribed(Open(), "c-1-0");
  Close(ada);
  Close(bob);
  Run(/*turns=*/1);
  // What is still there of them has no connection to be written to.
  Publish("c-1-0", "1", "", /*turns=*/0);
  Publish("c-2-198", "1", "", /*turns=*/0);
  Run();
  EXPECT_EQ(loops_[0].shard->session_count(), 1);
  EXPECT_THAT(browsers_[2]->Hears(), ElementsAre(Event("c-1-0", "1")));
}

TEST_F(Leaving, IsTheSameForOneThatTheGatewayCloses) {
  Browser& ada = OpenWithMany();
  Subscribed(ada, "presence-x", "ada", {"ada"});
  uplink_->Take();
  EXPECT_EQ(CloseSome(ada.shard, 1), 0);
  EXPECT_THAT(ada.socket.closed, SizeIs(1)) << "at once";
  Run();
  EXPECT_EQ(Unsubscribes(), kMany + 1);
  EXPECT_EQ(ada.shard->session_count(), 1) << "it has its connection";
  Leave(ada);
  EXPECT_EQ(loops_[0].shard->session_count(), 0);
  EXPECT_EQ(Unsubscribes(), kMany + 1);
}

TEST_F(Leaving, MayLoseItsConnectionInBetween) {
  Browser& ada = OpenWithMany();
  Browser& bob = OpenWithMany();
  uplink_->Take();
  CloseSome(ada.shard, 2);
  Run(/*turns=*/1);
  Close(ada);
  Close(bob);
  EXPECT_GT(loops_[0].shard->session_count(), 0);
  Run();
  EXPECT_EQ(Unsubscribes(), 2 * kMany);
  EXPECT_EQ(loops_[0].shard->session_count(), 0);
}

TEST_F(Leaving, AnswersTheBackendWhenTheUsersMembersHaveLeft) {
  Browser& ada = OpenWithMany();
  Browser& bob = OpenWithMany();
  Subscribed(ada, "presence-x", "ada", {"ada"});
  uplink_->Take();
  Close(bob);
  link::v1::ServiceItem item;
  item.mutable_call()->set_call_id(5);
  item.mutable_call()->mutable_disconnect()->set_user_id("ada");
  Say(item, /*turns=*/0);
  EXPECT_THAT(ada.socket.closed, SizeIs(1));
  Run();
  const std::vector<link::v1::GatewayItem> said = uplink_->Take();
  ASSERT_THAT(said, SizeIs(2 * kMany + 2));
  EXPECT_TRUE(said[kMany].has_unsubscribe());
  EXPECT_EQ(said.back().call_result().call_id(), 5);
  EXPECT_EQ(said.back().call_result().disconnected_count(), 1);
}

TEST_F(Leaving, OfAUserWithManySocketsClosesAFewInATurn) {
  constexpr size_t kSockets = 100;
  std::vector<Browser*> browsers;
  while (browsers.size() < kSockets) {
    browsers.push_back(&Subscribed(Open(), "presence-x", "ada", {"ada"}));
  }
  uplink_->Take();
  const auto closed = [&] {
    size_t count = 0;
    for (const Browser* one : browsers) count += one->socket.closed.size();
    return count;
  };
  link::v1::ServiceItem item;
  item.mutable_call()->set_call_id(5);
  item.mutable_call()->mutable_disconnect()->set_user_id("ada");
  item.mutable_call()->mutable_disconnect()->set_reason("bye");
  Say(item, /*turns=*/0);
  Publish("presence-x", "1", "", /*turns=*/0);
  for (size_t before = 0; before < kSockets; before = closed()) {
    Run(/*turns=*/1);
    EXPECT_GT(closed(), before);
    EXPECT_LE(closed() - before, 32u) << "a turn is bounded";
  }
  for (Browser* const one : browsers) {
    EXPECT_THAT(one->socket.closed,
                ElementsAre(testing::Pair(CloseReason::kDisconnected, "bye")));
    EXPECT_THAT(one->Hears(), IsEmpty()) << "it is closing";
  }
  const std::vector<link::v1::GatewayItem> said = uplink_->Take();
  EXPECT_EQ(said.back().call_result().disconnected_count(), kSockets);
  for (Browser* const one : browsers) Close(*one);
  Run();
  EXPECT_EQ(loops_[0].shard->session_count(), 0);
}

TEST_F(Leaving, DoesNotCountTheConnectionsThatAreGone) {
  Browser& ada = OpenWithMany();
  Subscribed(ada, "presence-x", "ada", {"ada"});
  Browser& other = OpenWithMany();
  Close(other);
  Close(ada);
  link::v1::ServiceItem item;
  item.mutable_call()->set_call_id(5);
  item.mutable_call()->mutable_disconnect()->set_user_id("ada");
  Say(item, /*turns=*/0);
  uplink_->Take();
  Run();
  EXPECT_EQ(uplink_->Take().back().call_result().disconnected_count(), 0);
  EXPECT_THAT(ada.socket.closed, IsEmpty());
}

TEST_F(Leaving, WaitsForALinkThatHasTooMuchToWrite) {
  Browser& ada = OpenWithMany();
  uplink_->Take();
  uplink_->waiting_bytes = kQuestionOutboxBytesMax;
  Close(ada);
  Run(/*turns=*/3);
  EXPECT_EQ(Unsubscribes(), 0);
  uplink_->waiting_bytes = 0;
  Run(/*turns=*/3);
  EXPECT_EQ(Unsubscribes(), 0) << "it rests";
  Run();
  EXPECT_EQ(Unsubscribes(), kMany);
  EXPECT_EQ(loops_[0].shard->session_count(), 0);
}

TEST_F(Leaving, GoesOnWhileThereIsNoLink) {
  Browser& ada = OpenWithMany();
  router_.LinkDown("test");
  Leave(ada);
  EXPECT_EQ(loops_[0].shard->session_count(), 0);
  Attach();
  for (const auto& item : attach_items_) EXPECT_FALSE(item.has_held());
}

TEST_F(Leaving, TakesBackWhatIsNotAnsweredYet) {
  Browser& ada = Open();
  Send(ada, R"({"type":"subscribe","channel":"news"})");
  const int64_t ticket = Asked().ticket();
  uplink_->Take();
  Close(ada);
  Run();
  ASSERT_THAT(uplink_->items, SizeIs(1));
  EXPECT_EQ(uplink_->items[0].cancel().ticket(), ticket);
  EXPECT_EQ(loops_[0].shard->session_count(), 0);
  // A yes that was on its way is ended.
  link::v1::ServiceItem yes;
  yes.mutable_subscribed()->set_ticket(ticket);
  Say(yes);
  EXPECT_EQ(Unsubscribes(), 1);
}

}  // namespace
}  // namespace herald::gateway
