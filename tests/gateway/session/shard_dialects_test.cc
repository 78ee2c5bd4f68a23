// SPDX-License-Identifier: Apache-2.0
//
// Clients of two dialects on one loop.

#include <algorithm>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "gateway/session/shard.h"
#include "proto/contract/limits.h"
#include "tests/gateway/dialects/line_dialect.h"
#include "tests/gateway/gateway_world.h"

namespace herald::gateway {
namespace {

using contract::CloseReason;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;

class TwoDialects : public GatewayWorld {
 protected:
  TwoDialects() { Attach(); }

  // A client of lines that is subscribed to the channel.
  Browser& Joined(const std::string& channel, const std::string& user = "",
                  const std::vector<std::string>& roster = {}) {
    Browser& browser = Open(0, &lines_);
    Send(browser, "join " + channel);
    Allow(user, roster);
    browser.Received();
    return browser;
  }

  std::vector<Browser*> JoinedMany(const std::string& channel, size_t count) {
    std::vector<Browser*> crowd;
    while (crowd.size() < count) crowd.push_back(&Joined(channel));
    return crowd;
  }

  std::vector<Browser*> SubscribedMany(const std::string& channel,
                                       size_t count) {
    std::vector<Browser*> crowd;
    while (crowd.size() < count) {
      crowd.push_back(&Subscribed(Open(), channel));
    }
    return crowd;
  }

  void Revoke(const std::string& user, const std::string& channel) {
    link::v1::ServiceItem item;
    item.mutable_revocation()->set_user_id(user);
    item.mutable_revocation()->set_channel(channel);
    Say(item);
  }

  // The service sends a whisper of the sender back, to all.
  void WhisperFrom(Browser& sender, const std::string& data, int turns) {
    link::v1::ServiceItem item;
    link::v1::Publication& whisper = *item.mutable_publication();
    whisper.set_channel("private-x");
    whisper.set_event("e");
    whisper.set_data(data);
    whisper.set_except_socket_id(sender.id);
    whisper.set_whisper(true);
    Say(item, turns);
  }

  static constexpr size_t kLarge = kBulkSubscribers + 5;
  LineDialect lines_;
};

TEST_F(TwoDialects, AreGreetedAndAnsweredEachInItsOwn) {
  Browser& ada = Open(0, &lines_);
  EXPECT_THAT(ada.Received(), ElementsAre("welcome " + ada.id));
  Send(ada, "join news");
  Allow();
  EXPECT_THAT(ada.Received(), ElementsAre("joined news", "go news"));
  Browser& bob = Open();
  EXPECT_THAT(bob.Received(), ElementsAre(HasSubstr(R"("type":"connected")")));
  Send(bob, "join news");
  EXPECT_THAT(bob.Received(), ElementsAre(HasSubstr("invalid_message")));
  Send(ada, R"({"type":"ping"})");
  EXPECT_THAT(ada.Received(), ElementsAre("error invalid_message"));
}

TEST_F(TwoDialects, GetTheEventsOfOneChannel) {
  Browser& ada = Joined("news");
  Browser& bob = Subscribed(Open(), "news");
  Browser& far = Subscribed(Open(1), "news");
  Publish("news", "1");
  EXPECT_THAT(ada.Received(), ElementsAre(R"(news: "1")"));
  EXPECT_THAT(bob.Received(), ElementsAre(Event("news", "1")));
  EXPECT_THAT(far.Received(), ElementsAre(Event("news", "1")));
  Send(ada, "leave news");
  EXPECT_THAT(ada.Received(), IsEmpty()) << "an unsubscribe is not answered";
  Publish("news", "2");
  EXPECT_THAT(ada.Received(), IsEmpty());
  EXPECT_THAT(bob.Received(), ElementsAre(Event("news", "2")));
}

TEST_F(TwoDialects, AreCountedEachWithItsOwnFrames) {
  Joined("news");
  Browser& bob = Joined("news");
  Subscribed(Open(), "news");
  observer_.delivered.clear();
  Publish("news", "1", /*except=*/bob.id);
  const int64_t header = 2;
  const auto line = static_cast<int64_t>(std::string(R"(news: "1")").size());
  const auto event = static_cast<int64_t>(Event("news", "1").size());
  EXPECT_THAT(
      observer_.delivered,
      UnorderedElementsAre(Pair(header + line, 1), Pair(header + event, 1)))
      << "sockets by the size of their frame";
}

TEST_F(TwoDialects, SpareTheSocketThatIsExceptedAndNoOther) {
  Browser& ada = Joined("news");
  Browser& bob = Joined("news");
  Browser& carl = Subscribed(Open(), "news");
  Publish("news", "1", /*except=*/ada.id);
  EXPECT_THAT(ada.Received(), IsEmpty());
  EXPECT_THAT(bob.Received(), ElementsAre(R"(news: "1")"));
  EXPECT_THAT(carl.Received(), ElementsAre(Event("news", "1")));
  Publish("news", "2", /*except=*/carl.id);
  EXPECT_THAT(ada.Received(), ElementsAre(R"(news: "2")"));
  EXPECT_THAT(carl.Received(), IsEmpty());
}

TEST_F(TwoDialects, HaveBacklogsOfTheirOwn) {
  const auto many = SubscribedMany("news", kLarge);
  Browser& ada = Joined("news");
  Publish("news", "1", "", /*turns=*/1);
  EXPECT_THAT(ada.Received(), ElementsAre(R"(news: "1")"))
      << "few, so in one turn";
  EXPECT_THAT(many.front()->Received(), ElementsAre(Event("news", "1")));
  EXPECT_THAT(many.back()->Received(), IsEmpty());
  Publish("news", "2");
  EXPECT_THAT(ada.Received(), ElementsAre(R"(news: "2")"));
  EXPECT_THAT(many.back()->Received(),
              ElementsAre(Event("news", "1"), Event("news", "2")));
}

TEST_F(TwoDialects, MayBothBeLarge) {
  const auto many = SubscribedMany("news", kLarge);
  const auto lines = JoinedMany("news", kLarge);
  Publish("news", "1", /*except=*/lines.back()->id, /*turns=*/1);
  Publish("news", "2", /*except=*/many.back()->id);
  for (size_t i = 0; i + 1 < kLarge; ++i) {
    EXPECT_THAT(many[i]->Received(),
                ElementsAre(Event("news", "1"), Event("news", "2")));
    EXPECT_THAT(lines[i]->Received(),
                ElementsAre(R"(news: "1")", R"(news: "2")"));
  }
  EXPECT_THAT(many.back()->Received(), ElementsAre(Event("news", "1")));
  EXPECT_THAT(lines.back()->Received(), ElementsAre(R"(news: "2")"));
}

TEST_F(TwoDialects, CatchUpOnlyWithTheirOwnBacklog) {
  const auto many = SubscribedMany("news", kLarge);
  const auto lines = JoinedMany("news", kLarge);
  Publish("news", "1", "", /*turns=*/1);
  Send(*lines.back(), "leave news");
  EXPECT_THAT(lines.back()->Received(), ElementsAre(R"(news: "1")"));
  Run();
  EXPECT_THAT(many.back()->Received(), ElementsAre(Event("news", "1")));
}

TEST_F(TwoDialects, WhisperToEachOther) {
  Browser& ada = Joined("private-x");
  Browser& bob = Joined("private-x");
  Browser& carl = Subscribed(Open(), "private-x");
  Send(ada, "whisper private-x \"psst\"");
  EXPECT_EQ(uplink_->items.back().whisper().data(), "\"psst\"");
  WhisperFrom(ada, "1", kAllTurns);
  EXPECT_THAT(ada.Received(), IsEmpty());
  EXPECT_THAT(bob.Received(), ElementsAre(R"(private-x: "1")"));
  EXPECT_THAT(carl.Received(),
              ElementsAre(HasSubstr(R"("data":1,"whisper":true)")));
}

TEST_F(TwoDialects, DropWhispersEachByItsOwnBound) {
  Browser& ada = Joined("private-x");
  Browser& bob = Joined("private-x");
  Browser& carl = Subscribed(Open(), "private-x");
  carl.socket.whisper_full = true;
  WhisperFrom(ada, "1", kAllTurns);
  EXPECT_THAT(bob.Received(), ElementsAre(R"(private-x: "1")"));
  EXPECT_THAT(carl.Received(), IsEmpty());
  EXPECT_EQ(observer_.whispers_dropped, 1);

  // In a large channel the backlog is the room.
  const auto many = SubscribedMany("private-x", kLarge);
  for (int i = 0; i < 3; ++i) {
    WhisperFrom(ada, std::string(60'000, '1'), /*turns=*/0);
  }
  EXPECT_EQ(observer_.whispers_dropped, 1 + 1 + static_cast<int64_t>(kLarge));
  Run();
  EXPECT_THAT(bob.Received(), SizeIs(3));
  EXPECT_THAT(many.back()->Received(), SizeIs(2));
}

TEST_F(TwoDialects, AreNotNotifiedOfMessagesThatTheyDoNotHave) {
  Browser& ada = Joined("presence-x", "ada", {"ada"});
  Browser& bob = Open();
  Subscribed(bob, "presence-x", "bob", {"ada", "bob"});
  ada.Received();
  link::v1::ServiceItem item;
  v1::MemberAdded& added = *item.mutable_member_added();
  added.set_channel("presence-x");
  added.set_user_id("carl");
  Say(item);
  EXPECT_THAT(ada.Received(), IsEmpty());
  EXPECT_THAT(bob.Received(), ElementsAre(HasSubstr("member_added")));
  Publish("presence-x", "1");
  EXPECT_THAT(ada.Received(), ElementsAre(R"(presence-x: "1")"));
}

TEST_F(TwoDialects, AreRevokedTogether) {
  Browser& ada = Joined("private-x", "ada");
  Browser& phone = Subscribed(Open(), "private-x", "ada");
  Subscribed(phone, "private-y", "ada");
  Browser& bob = Joined("private-x", "bob");
  Revoke("ada", "private-x");
  EXPECT_THAT(ada.Received(), ElementsAre("taken private-x revoked"));
  EXPECT_THAT(phone.Received(), ElementsAre(HasSubstr("unsubscribed")));
  Publish("private-x", "1");
  Publish("private-y", "2");
  EXPECT_THAT(ada.Received(), IsEmpty());
  EXPECT_THAT(phone.Received(), ElementsAre(Event("private-y", "2")));
  EXPECT_THAT(bob.Received(), ElementsAre(R"(private-x: "1")"));
}

TEST_F(TwoDialects, AreDisconnectedTogether) {
  Browser& ada = Joined("private-x", "ada");
  Browser& phone = Subscribed(Open(), "private-x", "ada");
  link::v1::ServiceItem item;
  item.mutable_call()->set_call_id(5);
  item.mutable_call()->mutable_disconnect()->set_user_id("ada");
  Say(item);
  EXPECT_THAT(ada.socket.closed,
              ElementsAre(Pair(CloseReason::kDisconnected, "the end")));
  EXPECT_THAT(phone.socket.closed, SizeIs(1));
  EXPECT_EQ(uplink_->items.back().call_result().disconnected_count(), 2);
}

TEST_F(TwoDialects, AnnounceTheEndEachInItsOwnWords) {
  Browser& ada = Open(0, &lines_);
  Browser& bob = Open();
  EXPECT_EQ(&ada.session->dialect(), &lines_);
  EXPECT_EQ(&bob.session->dialect(), &dialect_);
  ada.Received();
  CloseSome(ada.shard, 2);
  EXPECT_THAT(ada.Received(), ElementsAre("bye")) << "before the close frame";
  EXPECT_THAT(ada.socket.closed,
              ElementsAre(Pair(CloseReason::kGoingAway, "the end")));
  EXPECT_THAT(bob.socket.closed,
              ElementsAre(Pair(CloseReason::kGoingAway,
                               StartsWith("shutting down, come back"))));
}

TEST_F(TwoDialects, SignInWhereTheProtocolHasThat) {
  Browser& ada = Open(0, &lines_);
  ada.Received();
  Send(ada, R"(login proof {"id":"ada"})");
  const link::v1::SocketQuestion asked =
      uplink_->items.back().socket_question();
  EXPECT_EQ(asked.socket_id(), ada.id);
  EXPECT_EQ(asked.sign_in().auth_token(), "proof");
  EXPECT_EQ(asked.sign_in().user_data(), R"({"id":"ada"})");
  EXPECT_FALSE(asked.connection().empty());
  EXPECT_EQ(ada.session->user(), nullptr);
  link::v1::ServiceItem item;
  item.mutable_socket_answer()->set_ticket(asked.ticket());
  item.mutable_socket_answer()
      ->mutable_signed_in()
      ->mutable_user()
      ->set_user_id("ada");
  Say(item);
  EXPECT_THAT(ada.Received(), ElementsAre(R"(user {"id":"ada"})"));
  ASSERT_NE(ada.session->user(), nullptr);
  EXPECT_EQ(ada.session->user()->user_id(), "ada");
}

TEST_F(TwoDialects, AreRefusedASignInWithTheCodeOfTheService) {
  Browser& ada = Open(0, &lines_);
  ada.Received();
  Send(ada, "login proof {}");
  Refuse(link::v1::Refused::CODE_INVALID_MESSAGE, "no user",
         uplink_->items.back().socket_question().ticket());
  EXPECT_THAT(ada.Received(), ElementsAre("nobody invalid_message"));
  Send(ada, "login proof {}");
  router_.LinkDown("lost");
  Run();
  EXPECT_THAT(ada.Received(), ElementsAre("nobody unavailable"));
  Send(ada, "login proof {}");
  EXPECT_THAT(ada.Received(), ElementsAre("nobody unavailable"));
}

TEST_F(TwoDialects, AreNotReadWhileAHundredSignInsWait) {
  Browser& ada = Open(0, &lines_);
  for (int i = 0; i < contract::kPendingSubscribesMax; ++i) {
    EXPECT_FALSE(ada.socket.paused) << i;
    Send(ada, "login proof {}");
  }
  EXPECT_TRUE(ada.socket.paused);
  Refuse(link::v1::Refused::CODE_UNAUTHORIZED, "no",
         uplink_->items.back().socket_question().ticket());
  EXPECT_FALSE(ada.socket.paused);
}

TEST_F(TwoDialects, MayRefuseAClientAfterTheUpgrade) {
  const auto refused = std::get<RefusedInBand>(lines_.Accept({"/lines?x"}));
  FakeSocket socket;
  HeaderPool::Builder facts("203.0.113.7");
  Shard& shard = *loops_[0].shard;
  Session* const session =
      shard.Open(&socket, &lines_, 100, shard.headers().Make(std::move(facts)),
                 &refused.goodbye);
  Run();
  EXPECT_THAT(socket.Take(), ElementsAre("not here"));
  EXPECT_THAT(socket.closed,
              ElementsAre(Pair(CloseReason::kRefused, "refused")));
  shard.Receive(session, "join news");
  Run();
  EXPECT_THAT(socket.Take(), IsEmpty());
  EXPECT_THAT(uplink_->items, IsEmpty());
  shard.Closed(session);
}

}  // namespace
}  // namespace herald::gateway
