// SPDX-License-Identifier: Apache-2.0
//
// Sessions that end, and subscriptions that are revoked, many at once: the
// share of that work in one turn, and the messages to the service and to
// clients.

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/gateway/gateway_world.h"

namespace herald::gateway {
namespace {

using contract::CloseReason;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
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

  // That the ends of five sessions with kMany take four turns and flushes.
  void ExpectEndsInFourTurns() {
    int turns = 0;
    for (int before = 0; Unsubscribes() < 5 * kMany; before = Unsubscribes()) {
      ASSERT_LE(++turns, 5 * kMany);
      Run(/*turns=*/1);
      EXPECT_LE(Unsubscribes() - before, 256) << "a turn is bounded";
      EXPECT_EQ(uplink_->flushes, turns);
    }
    EXPECT_EQ(turns, 4);
  }
};

TEST_F(Leaving, IsSentToTheServiceWithOneFlushATurn) {
  std::vector<Browser*> browsers;
  for (int i = 0; i < 5; ++i) browsers.push_back(&OpenWithMany());
  uplink_->Take();
  uplink_->flushes = 0;
  for (Browser* const browser : browsers) Close(*browser);
  ASSERT_NO_FATAL_FAILURE(ExpectEndsInFourTurns());
  EXPECT_EQ(loops_[0].shard->session_count(), 0);
}

TEST_F(Leaving, KeepsNothingOfOneThatEndsWhileItsTurnHasNotCome) {
  Browser& ada = OpenWithMany();
  Browser& bob = OpenWithMany();
  Subscribed(Open(), "c-1-0");
  Close(ada);
  Close(bob);
  Run(/*turns=*/1);
  // Their remaining subscriptions have no connection to write to.
  Publish("c-1-0", "1", "", /*turns=*/0);
  Publish("c-2-198", "1", "", /*turns=*/0);
  Run();
  EXPECT_EQ(loops_[0].shard->session_count(), 1);
  EXPECT_THAT(browsers_[2]->Received(), ElementsAre(Event("c-1-0", "1")));
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
    EXPECT_THAT(one->Received(), IsEmpty()) << "it is closing";
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

TEST_F(Leaving, TakesBackUnansweredSubscribes) {
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

class Revoking : public Leaving {
 protected:
  // A session with nearly as many private channels as it may have: the first
  // one has private-1-0 and so on.
  Browser& OpenPrivately(const std::string& user) {
    Browser& browser = Open();
    for (int i = 0; i < kMany; ++i) {
      Subscribed(browser, absl::StrCat("private-", opened_, "-", i), user);
    }
    return browser;
  }

  // No loop has had a turn since.
  void Revoke(const std::string& user, const std::string& channel = "",
              const std::string& reason = "") {
    link::v1::ServiceItem item;
    v1::Revocation& revocation = *item.mutable_revocation();
    revocation.set_user_id(user);
    revocation.set_channel(channel);
    revocation.set_reason(reason);
    Say(item, /*turns=*/0);
  }

  static std::string Unsubscribed(const std::string& channel,
                                  const std::string& reason = "revoked") {
    return R"({"type":"unsubscribed","channel":")" + channel +
           R"(","reason":")" + reason + "\"}";
  }
};

TEST_F(Revoking, IsSentToTheServiceWithOneFlushATurn) {
  std::vector<Browser*> browsers;
  for (int i = 0; i < 5; ++i) browsers.push_back(&OpenPrivately("ada"));
  uplink_->Take();
  Revoke("ada");
  uplink_->flushes = 0;
  EXPECT_EQ(Unsubscribes(), 0);
  ASSERT_NO_FATAL_FAILURE(ExpectEndsInFourTurns());
  Run();
  for (Browser* const browser : browsers) {
    const std::vector<std::string> heard = browser->Received();
    EXPECT_THAT(heard, SizeIs(kMany));
    EXPECT_THAT(heard, Each(HasSubstr(R"("reason":"revoked")")));
    EXPECT_THAT(browser->socket.closed, IsEmpty());
  }
  EXPECT_EQ(Unsubscribes(), 5 * kMany);
}

TEST_F(Revoking, IsExactThoughItsTurnComesLater) {
  Browser& ada = OpenPrivately("ada");
  Browser& bob = Subscribed(Open(), "private-1-0", "bob");
  Subscribed(ada, "news");
  Publish("private-1-0", "1", "", /*turns=*/0);
  Revoke("ada");
  Publish("private-1-0", "2", "", /*turns=*/0);
  Publish("news", "3", "", /*turns=*/0);
  Run();
  const std::vector<std::string> heard = ada.Received();
  ASSERT_THAT(heard, SizeIs(kMany + 2));
  EXPECT_EQ(heard[0], Event("private-1-0", "1"));
  EXPECT_EQ(heard[1], Event("news", "3"));
  EXPECT_THAT(heard, Not(Contains(Event("private-1-0", "2"))));
  EXPECT_EQ(std::count(heard.begin(), heard.end(), Unsubscribed("private-1-0")),
            1);
  EXPECT_THAT(bob.Received(), ElementsAre(Event("private-1-0", "1"),
                                          Event("private-1-0", "2")));
  // And for good.
  Publish("private-1-5", "4");
  EXPECT_THAT(ada.Received(), IsEmpty());
}

TEST_F(Revoking, IsExactInALargeChannel) {
  std::vector<Browser*> crowd;
  while (crowd.size() < kBulkSubscribers + 5) {
    const std::string user = crowd.size() % 50 == 49 ? "ada" : "bob";
    crowd.push_back(&Subscribed(Open(), "private-large", user));
  }
  Publish("private-large", "1", "", /*turns=*/1);  // To a part of them.
  Revoke("ada");
  Publish("private-large", "2", "", /*turns=*/0);
  Run();
  for (size_t i = 0; i < crowd.size(); ++i) {
    EXPECT_THAT(crowd[i]->Received(),
                ElementsAre(Event("private-large", "1"),
                            i % 50 == 49 ? Unsubscribed("private-large")
                                         : Event("private-large", "2")))
        << i;
  }
  Publish("private-large", "3");
  EXPECT_THAT(crowd[49]->Received(), IsEmpty());
  EXPECT_THAT(crowd[50]->Received(), SizeIs(1));
}

TEST_F(Revoking, TakesOneChannelOfAllTheUsersSockets) {
  Browser& ada = OpenPrivately("ada");
  Browser& also = Subscribed(Open(), "private-1-7", "ada");
  Subscribed(also, "private-other", "ada");
  Revoke("ada", "private-1-7", "moved");
  Revoke("ada", "private-other", "gone");
  Run();
  EXPECT_THAT(ada.Received(),
              ElementsAre(Unsubscribed("private-1-7", "moved")));
  EXPECT_THAT(also.Received(),
              ElementsAre(Unsubscribed("private-1-7", "moved"),
                          Unsubscribed("private-other", "gone")));
}

TEST_F(Revoking, MayBeRepeatedBeforeItsTurn) {
  Browser& ada = OpenPrivately("ada");
  uplink_->Take();
  Revoke("ada", "", "first");
  Revoke("ada", "", "second");
  Run();
  EXPECT_EQ(Unsubscribes(), kMany);
  const std::vector<std::string> heard = ada.Received();
  EXPECT_THAT(heard, SizeIs(kMany));
  EXPECT_THAT(heard, Each(HasSubstr("first")));
}

TEST_F(Revoking, IsOverForAChannelWhenItsClientSubscribesAgain) {
  Browser& ada = OpenPrivately("ada");
  uplink_->Take();
  Revoke("ada", "", "moved");
  Send(ada, R"({"type":"subscribe","channel":"private-1-0","auth":"new"})");
  EXPECT_EQ(Asked().auth_token(), "new");
  EXPECT_EQ(Unsubscribes(), kMany);
  EXPECT_EQ(uplink_->items[0].unsubscribe().channel(), "private-1-0");
  const std::vector<std::string> heard = ada.Received();
  ASSERT_THAT(heard, SizeIs(kMany));
  EXPECT_EQ(heard[0], Unsubscribed("private-1-0", "moved"));
  Allow("ada");
  EXPECT_THAT(ada.Received(), ElementsAre(HasSubstr(R"("type":"subscribed")")));
  Publish("private-1-0", "1");
  EXPECT_THAT(ada.Received(), ElementsAre(Event("private-1-0", "1")));
  EXPECT_EQ(Unsubscribes(), kMany);
}

TEST_F(Revoking, LeavesNothingThatACallOrAWhisperCouldUse) {
  Browser& ada = OpenPrivately("ada");
  uplink_->Take();
  Revoke("ada");
  ada.shard->Receive(ada.session, R"({"type":"whisper","channel":)"
                                  R"("private-1-0","event":"e","data":1})");
  ada.shard->Receive(ada.session,
                     R"({"type":"unsubscribe","channel":"private-1-1"})");
  link::v1::ServiceItem item;
  item.mutable_call()->set_call_id(5);
  item.mutable_call()->mutable_subscribe()->set_socket_id(ada.id);
  item.mutable_call()->mutable_subscribe()->set_channel("private-1-2");
  Say(item);
  EXPECT_EQ(Asked().channel(), "private-1-2") << "it has to ask again";
  EXPECT_EQ(Unsubscribes(), kMany);
  for (const auto& said : uplink_->items) EXPECT_FALSE(said.has_whisper());
  const std::vector<std::string> heard = ada.Received();
  ASSERT_THAT(heard, SizeIs(kMany + 2));
  EXPECT_EQ(heard[0], Unsubscribed("private-1-0"));
  EXPECT_THAT(heard[1], HasSubstr(R"("code":"not_subscribed")"));
  EXPECT_EQ(heard[2], Unsubscribed("private-1-1"));
  EXPECT_EQ(heard[3], R"({"type":"unsubscribed","channel":"private-1-1"})");
  EXPECT_EQ(heard[4], Unsubscribed("private-1-2"));
}

TEST_F(Revoking, EndsEachOnceThoughTheSocketCloses) {
  Browser& ada = OpenPrivately("ada");
  Browser& bob = OpenPrivately("ada");
  Subscribed(bob, "news");
  Subscribed(Open(), "private-1-0", "eve");
  uplink_->Take();
  Revoke("ada");
  Close(bob);
  Run(/*turns=*/1);
  Publish("private-1-0", "1", "", /*turns=*/0);
  Close(ada);
  Publish("private-2-198", "1", "", /*turns=*/0);
  Run();
  EXPECT_EQ(Unsubscribes(), 2 * kMany + 1);
  EXPECT_EQ(loops_[0].shard->session_count(), 1);
  EXPECT_THAT(browsers_.back()->Received(),
              ElementsAre(Event("private-1-0", "1")));
}

TEST_F(Revoking, IsSeenByTheServiceBeforeADisconnectIsAnswered) {
  Browser& ada = OpenPrivately("ada");
  uplink_->Take();
  Revoke("ada");
  link::v1::ServiceItem item;
  item.mutable_call()->set_call_id(5);
  item.mutable_call()->mutable_disconnect()->set_user_id("ada");
  Say(item);
  const std::vector<link::v1::GatewayItem> said = uplink_->Take();
  ASSERT_THAT(said, SizeIs(kMany + 1));
  EXPECT_EQ(said.back().call_result().call_id(), 5);
  EXPECT_EQ(said.back().call_result().disconnected_count(), 0);
  EXPECT_THAT(ada.socket.closed, IsEmpty())
      << "nothing names its user any more";
}

TEST_F(Revoking, FailsClosedWhileTheLinkHasTooMuchToWrite) {
  Browser& ada = OpenPrivately("ada");
  uplink_->Take();
  uplink_->waiting_bytes = kQuestionOutboxBytesMax;
  Revoke("ada");
  Run(/*turns=*/3);
  Publish("private-1-0", "1", "", /*turns=*/3);
  EXPECT_EQ(Unsubscribes(), 0);
  EXPECT_THAT(ada.Received(), IsEmpty());
  uplink_->waiting_bytes = 0;
  Run();
  EXPECT_EQ(Unsubscribes(), kMany);
  EXPECT_THAT(ada.Received(), SizeIs(kMany));
}

TEST_F(Revoking, GoesOnWhileThereIsNoLink) {
  Browser& ada = OpenPrivately("ada");
  Revoke("ada");
  router_.LinkDown("test");
  Run();
  EXPECT_THAT(ada.Received(), SizeIs(kMany));
  Attach();
  for (const auto& item : attach_items_) EXPECT_FALSE(item.has_held());
}

TEST_F(Revoking, IsAlsoHowGrantsExpire) {
  Browser& ada = Open();
  for (int i = 0; i < kMany; ++i) {
    Send(ada,
         absl::StrCat(R"({"type":"subscribe","channel":"private-)", i, "\"}"));
    Allow("ada", {}, /*expires_after_ms=*/1000);
  }
  ada.Received();
  uplink_->Take();
  uplink_->flushes = 0;
  Sleep(absl::Milliseconds(1100));
  EXPECT_EQ(Unsubscribes(), kMany);
  EXPECT_EQ(uplink_->flushes, 1);
  const std::vector<std::string> heard = ada.Received();
  EXPECT_THAT(heard, SizeIs(kMany));
  EXPECT_THAT(heard, Each(HasSubstr("the grant has expired")));
}

}  // namespace
}  // namespace herald::gateway
