// SPDX-License-Identifier: Apache-2.0
//
// The rates of one socket over time (client_flow.h), as its client, its readers
// and the service see them; and how long it may read nothing.

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gateway/session/session.h"
#include "gateway/socket/client_flow.h"
#include "tests/gateway/gateway_world.h"

namespace herald::gateway {
namespace {

using contract::CloseReason;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

// Of 40 messages at once and 20 a second, of 10 whispers and 5 a second.
class ALimitedSession : public GatewayWorld {
 protected:
  ALimitedSession() : GatewayWorld(ClientRates(20, 5, 20)) {}

  void Whisper(Browser& browser, const std::string& data = "1") {
    Send(browser, R"({"type":"whisper","channel":"news","event":"e","data":)" +
                      data + "}");
  }
};

TEST_F(ALimitedSession, IsRefusedWhispersBeyondItsRate) {
  Attach();
  Browser& ada = Subscribed(Open(), "news");
  for (int i = 0; i < 10; ++i) Whisper(ada);
  EXPECT_THAT(ada.Received(), IsEmpty());
  Whisper(ada);
  EXPECT_THAT(ada.Received(),
              ElementsAre(AllOf(HasSubstr(R"("type":"error")"),
                                HasSubstr(R"("channel":"news")"),
                                HasSubstr(R"("code":"rate_limited")"))));
  EXPECT_EQ(observer_.whispers, 10);
  EXPECT_EQ(observer_.whispers_refused, 0);
  EXPECT_EQ(observer_.limited[RateLimit::kWhispers], 1);
  EXPECT_FALSE(ada.socket.paused);
  Sleep(absl::Milliseconds(200));
  Whisper(ada);
  Whisper(ada);
  EXPECT_THAT(ada.Received(), SizeIs(1));
}

TEST_F(ALimitedSession, LosesNoTokensToWhispersThatBreakARule) {
  Attach();
  Browser& ada = Subscribed(Open(), "news");
  for (int i = 0; i < 15; ++i) Whisper(ada, std::string(101, '1'));
  EXPECT_THAT(ada.Received(), Each(HasSubstr("payload_too_large")));
  Whisper(ada);
  EXPECT_EQ(observer_.whispers, 1);
}

TEST_F(ALimitedSession, IsReadMoreSlowlyBeyondItsRateOfMessages) {
  Attach();
  Browser& ada = Open();
  ada.Received();
  for (int i = 1; i < 40; ++i) Send(ada, R"({"type":"ping"})");
  EXPECT_FALSE(ada.socket.paused);
  // Every message counts, valid or not.
  Send(ada, "?");
  EXPECT_TRUE(ada.socket.paused);
  EXPECT_THAT(ada.Received(), SizeIs(40)) << "what was read is answered";
  EXPECT_EQ(observer_.pauses, 1);
  EXPECT_EQ(observer_.limited[RateLimit::kMessages], 1);
  Sleep(absl::Milliseconds(50));
  EXPECT_FALSE(ada.socket.paused);
  Send(ada, R"({"type":"ping"})");
  EXPECT_TRUE(ada.socket.paused);
  Sleep(absl::Seconds(1));
  for (int i = 1; i < 20; ++i) Send(ada, R"({"type":"ping"})");
  EXPECT_FALSE(ada.socket.paused);
  Send(ada, R"({"type":"ping"})");
  EXPECT_TRUE(ada.socket.paused);
}

TEST_F(ALimitedSession, PaysForControlFramesAndFragmentsAsForMessages) {
  Attach();
  Browser& ada = Open();
  ada.shard->ReceiveFrames(ada.session, 39);
  EXPECT_FALSE(ada.socket.paused);
  ada.shard->ReceiveFrames(ada.session, 21);
  EXPECT_TRUE(ada.socket.paused);
  EXPECT_EQ(ada.socket.pause, ReadingPause::kAtOnce);
  Sleep(absl::Milliseconds(900));
  EXPECT_TRUE(ada.socket.paused);
  Sleep(absl::Milliseconds(200));
  EXPECT_FALSE(ada.socket.paused);
}

TEST_F(ALimitedSession, MayLeaveWhileItIsNotRead) {
  Attach();
  Browser& ada = Open();
  for (int i = 0; i < 40; ++i) Send(ada, R"({"type":"ping"})");
  ASSERT_TRUE(ada.socket.paused);
  Leave(ada);
  Sleep(absl::Seconds(1));
  EXPECT_FALSE(Open().socket.paused);
}

TEST_F(ALimitedSession, GivesNoSignOfLifeThatIsMissedWhileItIsNotRead) {
  Attach();
  Browser& ada = Open();
  Sleep(absl::Seconds(59));
  for (int i = 0; i < 60; ++i) Send(ada, R"({"type":"ping"})");
  ASSERT_TRUE(ada.socket.paused);
  Sleep(absl::Seconds(30));
  EXPECT_FALSE(ada.socket.paused);
  Sleep(absl::Seconds(20));
  EXPECT_THAT(ada.socket.closed, IsEmpty());
}

class AWhisperingSession : public GatewayWorld {
 protected:
  static constexpr int64_t kDataBytes = 60'000;

  // As Attach(), with room for large whispers.
  void AttachWithPayloads() {
    Attach();
    link::v1::ServiceItem item;
    item.mutable_settings()->set_heartbeat_interval_ms(30'000);
    item.mutable_settings()->set_client_timeout_ms(60'000);
    item.mutable_settings()->set_allow_client_events(true);
    item.mutable_settings()->set_max_payload(1 << 20);
    Say(item);
  }

  void Whisper(Browser& browser, int64_t bytes = kDataBytes) {
    Send(browser, R"({"type":"whisper","channel":"news","event":"e","data":)" +
                      std::string(static_cast<size_t>(bytes), '1') + "}");
  }

  // The service passes a whisper on, of a socket of ours or another's.
  void PassOn(const std::string& sender, int64_t bytes = kDataBytes) {
    link::v1::ServiceItem item;
    link::v1::Publication& out = *item.mutable_publication();
    out.set_channel("news");
    out.set_event("e");
    out.set_data(std::string(static_cast<size_t>(bytes), '1'));
    out.set_except_socket_id(sender);
    out.set_whisper(true);
    Say(item);
    Run();  // Runs the tasks that loops post for it.
  }

  std::vector<link::v1::Congestion> Congestions() {
    std::vector<link::v1::Congestion> all;
    for (const auto& item : uplink_->Take()) {
      if (item.has_congestion()) all.push_back(item.congestion());
    }
    return all;
  }
};

TEST_F(AWhisperingSession, IsNotReadWhileItsWhispersAreUnderWay) {
  AttachWithPayloads();
  Browser& ada = Subscribed(Open(), "news");
  for (int i = 0; i < 4; ++i) Whisper(ada);
  EXPECT_FALSE(ada.socket.paused);
  Whisper(ada);
  EXPECT_TRUE(ada.socket.paused);
  EXPECT_EQ(observer_.limited[RateLimit::kWindow], 1);
  for (int i = 0; i < 5; ++i) PassOn(ada.id);
  EXPECT_FALSE(ada.socket.paused);
  EXPECT_THAT(ada.Received(), IsEmpty());
}

TEST_F(AWhisperingSession, IsReadAgainThoughItsWhispersGetLost) {
  AttachWithPayloads();
  Browser& ada = Subscribed(Open(), "news");
  for (int i = 0; i < 5; ++i) Whisper(ada);
  ASSERT_TRUE(ada.socket.paused);
  Sleep(absl::Milliseconds(900));
  EXPECT_TRUE(ada.socket.paused);
  Sleep(absl::Milliseconds(100));
  EXPECT_FALSE(ada.socket.paused);
}

TEST_F(AWhisperingSession, IsSlowedDownInsteadOfClosingSlowReaders) {
  AttachWithPayloads();
  Browser& ada = Subscribed(Open(0), "news");
  Browser& bob = Subscribed(Open(1), "news");
  bob.socket.whisper_full = true;
  Whisper(ada);
  PassOn(ada.id);
  EXPECT_TRUE(ada.socket.paused);
  EXPECT_EQ(observer_.limited[RateLimit::kCongested], 1);
  EXPECT_EQ(observer_.whispers_dropped, 1);
  EXPECT_THAT(Congestions(), IsEmpty()) << "the sender is here";
  EXPECT_THAT(bob.Received(), IsEmpty());
  EXPECT_THAT(bob.socket.closed, IsEmpty());
  // Events of the backend have the other half.
  Publish("news", "1");
  EXPECT_THAT(bob.Received(), ElementsAre(Event("news", "1")));
  Sleep(absl::Milliseconds(300));
  EXPECT_FALSE(ada.socket.paused);
}

// Written to all at once, they would take a loop for long.
TEST_F(AWhisperingSession, DoesNotMakeALoopWriteToALargeChannelAtOnce) {
  AttachWithPayloads();
  Browser& ada = Subscribed(Open(1), "news");
  std::vector<Browser*> crowd;
  while (crowd.size() <= kBulkSubscribers) {
    crowd.push_back(&Subscribed(Open(0), "news"));
  }
  for (int i = 0; i < 10; ++i) {
    link::v1::ServiceItem item;
    link::v1::Publication& out = *item.mutable_publication();
    out.set_channel("news");
    out.set_event("e");
    out.set_data(std::string(60'000, '1'));
    out.set_except_socket_id(ada.id);
    out.set_whisper(true);
    Say(item, /*turns=*/0);
  }
  EXPECT_EQ(observer_.whispers_dropped, 8 * static_cast<int64_t>(crowd.size()))
      << "two of 60 kB have room";
  EXPECT_THAT(crowd.back()->Received(), IsEmpty());
  Run();
  EXPECT_THAT(crowd.front()->Received(), testing::SizeIs(2));
  EXPECT_THAT(crowd.back()->Received(), testing::SizeIs(2));
  Whisper(ada);
  PassOn(ada.id);
  EXPECT_THAT(crowd.back()->Received(), testing::SizeIs(1)) << "there is room";
}

TEST_F(AWhisperingSession, OfAnotherGatewayIsReportedOnceForAWhisper) {
  AttachWithPayloads();
  Browser& bob = Subscribed(Open(0), "news");
  Browser& eve = Subscribed(Open(1), "news");
  bob.socket.whisper_full = true;
  eve.socket.whisper_full = true;
  uplink_->Take();
  PassOn("9.4");
  const std::vector<link::v1::Congestion> reports = Congestions();
  ASSERT_THAT(reports, SizeIs(1));
  EXPECT_EQ(reports[0].socket_id(), "9.4");
  EXPECT_EQ(reports[0].bytes(), kDataBytes);
  PassOn("9.4");
  EXPECT_THAT(Congestions(), SizeIs(1));
}

TEST_F(AWhisperingSession, IsSlowedDownWhenAnotherGatewayIsCongested) {
  AttachWithPayloads();
  Browser& ada = Subscribed(Open(1), "news");
  Whisper(ada);
  link::v1::ServiceItem item;
  item.mutable_congestion()->set_socket_id(ada.id);
  item.mutable_congestion()->set_bytes(kDataBytes);
  Say(item);
  EXPECT_TRUE(ada.socket.paused);
  Sleep(absl::Milliseconds(300));
  EXPECT_FALSE(ada.socket.paused);
  for (const char* gone : {"7.999", "8.1", "?", ""}) {
    item.mutable_congestion()->set_socket_id(gone);
    Say(item);
  }
}

TEST_F(AWhisperingSession, IsNotSlowedDownByAReaderThatNeverReads) {
  AttachWithPayloads();
  Browser& ada = Subscribed(Open(), "news");
  Browser& bob = Subscribed(Open(), "news");
  bob.socket.whisper_full = true;
  Whisper(ada);
  PassOn(ada.id);
  EXPECT_TRUE(ada.socket.paused);
  Sleep(absl::Seconds(2));
  Whisper(ada);
  PassOn(ada.id);
  EXPECT_FALSE(ada.socket.paused);
  EXPECT_EQ(observer_.whispers_dropped, 2);
  // One that has caught up may fall behind anew.
  bob.socket.whisper_full = false;
  PassOn(ada.id);
  EXPECT_THAT(bob.Received(), SizeIs(1));
  bob.socket.whisper_full = true;
  Whisper(ada);
  PassOn(ada.id);
  EXPECT_TRUE(ada.socket.paused);
}

class ASessionThatAsksAgain : public GatewayWorld {
 protected:
  static constexpr int64_t kRosterBytes = 256 << 10;

  // Subscribes to a channel of one member of 256 KiB.
  Browser& Member() {
    Browser& ada = Open();
    ada.Received();
    Ask(ada);
    AnswerWithTheRoster();
    ada.socket.wire.clear();
    return ada;
  }
  void Ask(Browser& browser) {
    browser.shard->Receive(browser.session,
                           R"({"type":"subscribe","channel":"presence-room"})");
  }
  // Of one member, to the last subscribe.
  void AnswerWithTheRoster() {
    link::v1::ServiceItem item;
    link::v1::Subscribed& yes = *item.mutable_subscribed();
    yes.set_ticket(Asked().ticket());
    yes.mutable_member()->set_user_id("ada");
    v1::Member& member = *yes.mutable_roster()->add_members();
    member.set_user_id("ada");
    member.set_user_info(
        absl::StrCat("\"", std::string(kRosterBytes, 'i'), "\""));
    Say(item);
  }
};

TEST_F(ASessionThatAsksAgain, IsNotReadUntilTheAnswerIsOut) {
  Attach();
  Browser& ada = Member();
  Ask(ada);
  EXPECT_TRUE(ada.socket.paused);
  Run();
  EXPECT_FALSE(ada.socket.paused);
  EXPECT_GT(ada.socket.wire.size(), static_cast<size_t>(kRosterBytes));
  EXPECT_EQ(observer_.pauses, 0);
}

TEST_F(ASessionThatAsksAgain, MayLeaveTheChannelBeforeTheAnswerComes) {
  Attach();
  Browser& ada = Member();
  Ask(ada);
  ada.shard->Receive(ada.session,
                     R"({"type":"unsubscribe","channel":"presence-room"})");
  EXPECT_TRUE(ada.socket.paused);
  Run();
  EXPECT_FALSE(ada.socket.paused);
}

TEST_F(ASessionThatAsksAgain, PaysForTheJoinsThatOthersReceive) {
  Attach();
  Browser& ada = Open();
  int joins = 0;
  for (; !ada.socket.paused && joins < 1000; ++joins) {
    Ask(ada);
    link::v1::ServiceItem item;
    link::v1::Subscribed& yes = *item.mutable_subscribed();
    yes.set_ticket(Asked().ticket());
    yes.mutable_member()->set_user_id("ada");
    yes.mutable_member()->set_user_info(
        absl::StrCat("\"", std::string(16'000, 'i'), "\""));
    *yes.mutable_roster()->add_members() = yes.member();
    Say(item);
    Run();
    ada.shard->Receive(ada.session,
                       R"({"type":"unsubscribe","channel":"presence-room"})");
    Run();
  }
  EXPECT_NEAR(joins, 62, 3) << "of 16 times and once 16 kB";
  EXPECT_EQ(observer_.limited[RateLimit::kAnswers], 1);
}

TEST_F(ASessionThatAsksAgain, IsReadMoreSlowlyBeyondTheLargestRoster) {
  Attach();
  Browser& ada = Member();
  int answers = 0;
  for (; !ada.socket.paused && answers < 100; ++answers) {
    Ask(ada);
    Run();
  }
  EXPECT_EQ(answers, 8) << "of 2 MiB each, as they count";
  EXPECT_EQ(observer_.limited[RateLimit::kAnswers], 1);
  Sleep(absl::Milliseconds(200));
  EXPECT_TRUE(ada.socket.paused);
  Sleep(absl::Milliseconds(100));
  EXPECT_FALSE(ada.socket.paused);
}

TEST_F(ASessionThatAsksAgain, PaysForARosterThatItDoesNotWaitFor) {
  Attach();
  Browser& ada = Open();
  int cycles = 0;
  for (; !ada.socket.paused && cycles < 100; ++cycles) {
    Ask(ada);
    ada.shard->Receive(ada.session,
                       R"({"type":"unsubscribe","channel":"presence-room"})");
    AnswerWithTheRoster();
  }
  EXPECT_EQ(cycles, 64) << "16 MiB";
}

using ABlockedSocket = GatewayWorld;

TEST_F(ABlockedSocket, IsCutAsSlowInSpiteOfItsSignsOfLife) {
  Attach();
  Browser& ada = Open();
  Browser& bob = Open();
  ada.socket.blocked_since = loops_[0].now;
  for (int i = 0; i < 29; ++i) {
    Sleep(absl::Seconds(1));
    ada.shard->SignOfLife(ada.session);
  }
  EXPECT_THAT(ada.socket.closed, IsEmpty());
  Sleep(absl::Seconds(1.2));
  EXPECT_THAT(
      ada.socket.closed,
      ElementsAre(Pair(CloseReason::kSlow, "messages were not read in time")));
  EXPECT_THAT(bob.socket.closed, IsEmpty());
}

TEST_F(ABlockedSocket, LivesAsLongAsItTakesSomethingNowAndThen) {
  Attach();
  Browser& ada = Open();
  for (int i = 0; i < 5; ++i) {
    ada.socket.blocked_since = loops_[0].now;
    Sleep(absl::Seconds(20));
    ada.shard->SignOfLife(ada.session);
  }
  EXPECT_THAT(ada.socket.closed, IsEmpty());
  // 30 s after it took something, and not at the next heartbeat.
  Sleep(absl::Seconds(9));
  EXPECT_THAT(ada.socket.closed, IsEmpty());
  Sleep(absl::Seconds(1.3));
  EXPECT_THAT(ada.socket.closed, SizeIs(1));
}

TEST_F(ABlockedSocket, IsCutInTimeHoweverRareHeartbeatsAre) {
  Attach();
  link::v1::ServiceItem settings;
  settings.mutable_settings()->set_max_payload(100);
  settings.mutable_settings()->set_heartbeat_interval_ms(600'000);
  settings.mutable_settings()->set_client_timeout_ms(1'200'000);
  Say(settings);
  Browser& ada = Open();
  Sleep(absl::Seconds(100));
  ada.socket.blocked_since = loops_[0].now;
  Sleep(absl::Seconds(29.5));
  EXPECT_THAT(ada.socket.closed, IsEmpty());
  Sleep(absl::Seconds(1));
  EXPECT_THAT(
      ada.socket.closed,
      ElementsAre(Pair(CloseReason::kSlow, "messages were not read in time")));
  EXPECT_EQ(ada.socket.pings, 0);
}

TEST_F(ABlockedSocket, IsNotJudgedByAPauseOfTheProcess) {
  Attach();
  Browser& ada = Open();
  ada.socket.blocked_since = loops_[0].now;
  Sleep(absl::Seconds(20));
  ada.shard->SignOfLife(ada.session);
  // Of the pause, one beat counts (proto/contract/awake_clock.h).
  ada.shard->Advance(loops_[0].now + TimerWheel::kSlot,
                     loops_[0].now + absl::Seconds(1000));
  Run();
  EXPECT_THAT(ada.socket.closed, IsEmpty());
}

}  // namespace
}  // namespace herald::gateway
