// SPDX-License-Identifier: Apache-2.0
//
// The promises to a browser: proto/WEBSOCKET.md, sentence by sentence.

#include "gateway/session/session.h"

#include "absl/strings/str_cat.h"
#include "proto/contract/limits.h"
#include "tests/gateway/gateway_world.h"
#include "tests/support/connection.h"

namespace herald::gateway {
namespace {

using contract::CloseReason;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

constexpr char kNews[] = R"({"type":"subscribe","channel":"news"})";
constexpr char kSubscribed[] = R"({"type":"subscribed","channel":"news"})";
constexpr char kUnsubscribed[] = R"({"type":"unsubscribed","channel":"news"})";

std::string ErrorOf(const std::string& message, const std::string& code,
                    const std::string& channel = "") {
  return R"({"type":"error","message":")" + message +
         (channel.empty() ? "" : R"(","channel":")" + channel) +
         R"(","code":")" + code + "\"}";
}

using ASession = GatewayWorld;

TEST_F(ASession, IsGreetedWithItsSocketId) {
  Browser& ada = Open();
  EXPECT_THAT(
      ada.Received(),
      ElementsAre(R"({"type":"connected","socket_id":")" + ada.id + "\"}"));
  EXPECT_EQ(ada.id.substr(0, 2), "7.");
}

TEST_F(ASession, ReceivesSubscribedBeforeAnyEvent) {
  Attach();
  Browser& ada = Open();
  ada.Received();
  Send(ada, kNews);
  EXPECT_THAT(ada.Received(), IsEmpty());
  link::v1::AttachResponse frame;
  frame.add_items()->mutable_subscribed()->set_ticket(Asked().ticket());
  auto& event = *frame.add_items()->mutable_publication();
  event.set_channel("news");
  event.set_event("e");
  event.set_data("1");
  ASSERT_TRUE(router_.Receive(std::move(frame)).ok());
  Run();
  EXPECT_THAT(ada.Received(), ElementsAre(kSubscribed, Event("news", "1")));
}

TEST_F(ASession, ReceivesNothingOfAChannelAfterUnsubscribed) {
  Attach();
  Browser& ada = Subscribed(Open(), "news");
  Send(ada, R"({"type":"unsubscribe","channel":"news"})");
  Publish("news", "1");
  EXPECT_THAT(ada.Received(), ElementsAre(kUnsubscribed));
  EXPECT_EQ(uplink_->items.back().unsubscribe().channel(), "news");
}

TEST_F(ASession, MayUnsubscribeWithoutASubscription) {
  Browser& ada = Open();
  ada.Received();
  Send(ada, R"({"type":"unsubscribe","channel":"news"})");
  EXPECT_THAT(ada.Received(), ElementsAre(kUnsubscribed));
}

TEST_F(ASession, IsAnsweredAgainWhenItSubscribesTwice) {
  Attach();
  Browser& ada = Subscribed(Open(), "news");
  Send(ada, kNews);
  EXPECT_THAT(ada.Received(), ElementsAre(kSubscribed));
  Publish("news", "1");
  EXPECT_THAT(ada.Received(), SizeIs(1));
}

TEST_F(ASession, IsAnsweredAsOftenAsItAskedWhileTheFirstIsOpen) {
  Attach();
  Browser& ada = Open();
  ada.Received();
  Send(ada, kNews);
  Send(ada, kNews);
  EXPECT_THAT(uplink_->items, SizeIs(1));
  Allow();
  Run();
  EXPECT_THAT(ada.Received(), ElementsAre(kSubscribed, kSubscribed));
}

TEST_F(ASession, ReceivesTheReasonOfARefusedSubscribe) {
  Attach();
  Browser& ada = Open();
  ada.Received();
  Send(ada, R"({"type":"subscribe","channel":"private-x","auth":"t"})");
  EXPECT_EQ(Asked().auth_token(), "t");
  EXPECT_EQ(testing_support::ConnectionOf(Asked()).origin(),
            "https://example.org");
  Refuse(link::v1::Refused::CODE_UNAUTHORIZED, "not yours");
  EXPECT_THAT(ada.Received(),
              ElementsAre(R"({"type":"subscription_error","channel":)"
                          R"("private-x","error":"not yours",)"
                          R"("code":"unauthorized"})"));
}

TEST_F(ASession, SendsNoHeadersAboutPublicChannels) {
  Attach();
  Browser& ada = Open();
  Send(ada, R"({"type":"subscribe","channel":"news","auth":"t"})");
  EXPECT_EQ(Asked().connection(), "");
  EXPECT_EQ(Asked().auth_token(), "");
}

TEST_F(ASession, IsRefusedAChannelWithABadName) {
  Attach();
  Browser& ada = Open();
  ada.Received();
  Send(ada, R"({"type":"subscribe","channel":"#server"})");
  EXPECT_THAT(ada.Received(), ElementsAre(HasSubstr("invalid_channel")));
  EXPECT_THAT(uplink_->items, IsEmpty());
}

// The client waits for an answer that names the channel, for any fault.
TEST_F(ASession, AnswersASubscribeThatItCannotReadAsASubscribe) {
  Attach();
  Browser& ada = Open();
  ada.Received();
  for (const char* field :
       {R"("channel_data":7)", R"("channel_data":"[]")", R"("auth":[])",
        R"("auth":"\ud83d")", R"("recover":{"offset":-1})"}) {
    Send(ada, R"({"type":"subscribe","channel":"private-x",)" +
                  std::string(field) + "}");
    EXPECT_THAT(ada.Received(),
                ElementsAre(AllOf(HasSubstr(R"("type":"subscription_error")"),
                                  HasSubstr(R"("channel":"private-x")"),
                                  HasSubstr(R"("code":"invalid_message")"))))
        << field;
  }
  // A bad name is the worse fault, and is named as it came.
  Send(ada, R"({"type":"subscribe","channel":"x\ud83d","channel_data":7})");
  EXPECT_THAT(ada.Received(),
              ElementsAre(AllOf(HasSubstr(R"("channel":"x\ud83d")"),
                                HasSubstr(R"("code":"invalid_channel")"))));
  EXPECT_THAT(uplink_->items, IsEmpty());
}

TEST_F(ASession, KeepsASubscriptionWhenALaterSubscribeCannotBeRead) {
  Attach();
  Browser& ada = Subscribed(Open(), "news");
  Send(ada, R"({"type":"subscribe","channel":"news","recover":7})");
  EXPECT_THAT(ada.Received(), ElementsAre(HasSubstr("invalid_message")));
  Publish("news", "1");
  EXPECT_THAT(ada.Received(), ElementsAre(Event("news", "1")));
}

TEST_F(ASession, NamesTheChannelOfEveryErrorThatIsAboutOne) {
  Attach();
  Browser& ada = Open();
  ada.Received();
  const std::pair<const char*, std::string> wrong[] = {
      {R"({"type":"unsubscribe","channel":"#"})", "invalid_channel"},
      {R"({"type":"whisper","channel":"#","event":"e","data":1})",
       "invalid_channel"},
      {R"({"type":"whisper","channel":"#","data":1})", "invalid_message"},
      {R"({"type":"whisper","event":7,"channel":"#","data":1})",
       "invalid_message"},
      {R"({"type":"shout","channel":"#"})", "invalid_message"},
      {R"({"channel":"#"})", "invalid_message"},
  };
  for (const auto& [text, code] : wrong) {
    Send(ada, text);
    EXPECT_THAT(ada.Received(),
                ElementsAre(AllOf(HasSubstr(R"("type":"error")"),
                                  HasSubstr(R"("channel":"#")"),
                                  HasSubstr("\"code\":\"" + code + "\""))))
        << text;
  }
  Send(ada, R"({"type":"whisper","channel":"news","event":"\ud83d","data":1})");
  EXPECT_THAT(ada.Received(), ElementsAre(AllOf(HasSubstr("invalid_event"),
                                                HasSubstr("\"news\""))));
  Send(ada, "[");
  EXPECT_THAT(ada.Received(), ElementsAre(ErrorOf("the message is not JSON",
                                                  "invalid_message")));
}

// Errors are small, even if the client's message is large.
TEST_F(ASession, IsRepeatedTheBeginningOfALongName) {
  Attach();
  Browser& ada = Open();
  ada.Received();
  const std::string name(60'000, 'x');
  for (const char* fields :
       {R"("type":"subscribe")", R"("type":"subscribe","auth":7)",
        R"("type":"unsubscribe")", R"("type":"whisper","event":"e","data":1)",
        R"("type":"whisper")", R"("type":"shout")"}) {
    Send(ada, absl::StrCat("{", fields, R"(,"channel":")", name, "\"}"));
    const std::vector<std::string> heard = ada.Received();
    ASSERT_THAT(heard, SizeIs(1)) << fields;
    EXPECT_LT(heard[0].size(), 1000u) << fields;
    EXPECT_THAT(heard[0], HasSubstr(R"("channel":"xxx)")) << fields;
  }
  Send(ada, absl::StrCat(R"({"type":")", name, "\"}"));
  EXPECT_LT(ada.Received().at(0).size(), 1000u);
}

TEST_F(ASession, HasABoundOnItsSubscriptions) {
  Attach();
  Browser& ada = Open();
  for (int i = 0; i < 200; ++i) Subscribed(ada, absl::StrCat("c", i));
  Send(ada, kNews);
  EXPECT_THAT(ada.Received(), ElementsAre(HasSubstr("too_many_channels")));
}

TEST_F(ASession, IsNotReadWhileItHasTooManyOpenSubscribes) {
  Attach();
  Browser& ada = Open();
  for (int i = 0; i < contract::kPendingSubscribesMax; ++i) {
    EXPECT_FALSE(ada.socket.paused) << i;
    Send(ada, absl::StrCat(R"({"type":"subscribe","channel":"c)", i, "\"}"));
  }
  EXPECT_TRUE(ada.socket.paused);
  EXPECT_EQ(observer_.pauses, 1);
  Allow();
  EXPECT_FALSE(ada.socket.paused);
}

TEST_F(ASession, IsRefusedAnOverlongToken) {
  Attach();
  Browser& ada = Open();
  ada.Received();
  Send(ada, R"({"type":"subscribe","channel":"private-x","auth":")" +
                std::string(contract::kAuthTokenBytesMax + 1, 'x') + "\"}");
  EXPECT_THAT(ada.Received(), ElementsAre(HasSubstr("unauthorized")));
}

TEST_F(ASession, SurvivesInvalidMessages) {
  Attach();
  Browser& ada = Open();
  ada.Received();
  Send(ada, "{");
  Send(ada, R"({"type":"shout"})");
  Send(ada, R"({"type":"ping"})");
  EXPECT_THAT(ada.Received(),
              ElementsAre(ErrorOf("the message is not JSON", "invalid_message"),
                          HasSubstr("shout"), R"({"type":"pong"})"));
  EXPECT_THAT(ada.socket.closed, IsEmpty());
}

TEST_F(ASession, WhispersToTheOthers) {
  Attach();
  Browser& ada = Subscribed(Open(), "presence-room", "ada", {"ada"});
  Send(ada, R"({"type":"whisper","channel":"presence-room",)"
            R"("event":"typing","data":{"on":true}})");
  const auto& whisper = uplink_->items.back().whisper();
  EXPECT_EQ(whisper.channel(), "presence-room");
  EXPECT_EQ(whisper.event(), "typing");
  EXPECT_EQ(whisper.data(), R"({"on":true})");
  EXPECT_EQ(whisper.socket_id(), ada.id);
  EXPECT_EQ(whisper.user_id(), "ada");
  EXPECT_THAT(ada.Received(), IsEmpty());
}

TEST_F(ASession, DoesNotReceiveEventsThatExceptIt) {
  Attach();
  Browser& ada = Subscribed(Open(0), "news");
  Browser& bob = Subscribed(Open(0), "news");
  Publish("news", "1", ada.id);
  EXPECT_THAT(ada.Received(), IsEmpty());
  EXPECT_THAT(bob.Received(), ElementsAre(Event("news", "1")));
  // The same number on another gateway is somebody else.
  Publish("news", "2", "8" + ada.id.substr(1));
  EXPECT_THAT(ada.Received(), ElementsAre(Event("news", "2")));
}

TEST_F(ASession, ReceivesTheReasonOfARefusedWhisper) {
  Attach();
  Browser& ada = Open();
  ada.Received();
  const auto whisper = [&](const std::string& event, const std::string& data) {
    Send(ada, R"({"type":"whisper","channel":"news","event":")" + event +
                  R"(","data":)" + data + "}");
  };
  whisper("typing", "1");
  EXPECT_THAT(ada.Received(),
              ElementsAre(ErrorOf("whisper on news: the socket is not "
                                  "subscribed",
                                  "not_subscribed", "news")));
  Subscribed(ada, "news");
  whisper("", "1");
  EXPECT_THAT(ada.Received(),
              ElementsAre(ErrorOf("event is empty", "invalid_event", "news")));
  whisper("typing", "\"" + std::string(100, 'x') + "\"");
  EXPECT_THAT(ada.Received(),
              ElementsAre(AllOf(HasSubstr("BROADCAST_MAX_PAYLOAD"),
                                HasSubstr(R"("channel":"news")"),
                                HasSubstr(R"("code":"payload_too_large")"))));
  link::v1::ServiceItem settings;
  settings.mutable_settings()->set_max_payload(100);
  settings.mutable_settings()->set_heartbeat_interval_ms(1000);
  settings.mutable_settings()->set_client_timeout_ms(2000);
  Say(settings);
  whisper("typing", "1");
  EXPECT_THAT(ada.Received(),
              ElementsAre(AllOf(HasSubstr("BROADCAST_ALLOW_CLIENT_EVENTS"),
                                HasSubstr(R"("channel":"news")"),
                                HasSubstr(R"("code":"not_allowed")"))));
}

TEST_F(ASession, WhispersByTheRulesOfItsChannels) {
  Attach();
  Browser& ada = Open();
  for (const char* const channel : {"quiet", "short", "news"}) {
    Subscribed(ada, channel);
  }
  link::v1::ServiceItem settings;
  settings.mutable_settings()->set_max_payload(100);
  settings.mutable_settings()->set_allow_client_events(true);
  settings.mutable_settings()->set_heartbeat_interval_ms(1000);
  settings.mutable_settings()->set_client_timeout_ms(2000);
  auto& quiet = *settings.mutable_settings()->add_rules();
  quiet.set_pattern("quiet*");
  quiet.set_client_events(false);
  auto& brief = *settings.mutable_settings()->add_rules();
  brief.set_pattern("short");
  brief.set_max_payload(2);
  const auto whisper = [&](const std::string& channel) {
    Send(ada, R"({"type":"whisper","channel":")" + channel +
                  R"(","event":"typing","data":123})");
    return ada.Received();
  };
  // The gateway has not received the rules yet.
  EXPECT_THAT(whisper("quiet"), IsEmpty());
  Say(settings);
  EXPECT_THAT(whisper("quiet"),
              ElementsAre(AllOf(HasSubstr("client events are off"),
                                HasSubstr(R"(rule \"quiet*\")"))));
  EXPECT_THAT(whisper("short"),
              ElementsAre(AllOf(HasSubstr("data has 3 bytes; at most 2"),
                                HasSubstr(R"(rule \"short\")"))));
  EXPECT_THAT(whisper("news"), IsEmpty());
  EXPECT_EQ(uplink_->items.back().whisper().channel(), "news");
  settings.mutable_settings()->clear_rules();
  Say(settings);
  EXPECT_THAT(whisper("quiet"), IsEmpty());
  EXPECT_THAT(whisper("short"), IsEmpty());
  EXPECT_EQ(observer_.whispers, 4);
}

TEST_F(ASession, MayNotWhisperWhileMuchWaitsForTheService) {
  Attach();
  Browser& ada = Subscribed(Open(), "news");
  constexpr char kWhisper[] =
      R"({"type":"whisper","channel":"news","event":"typing","data":1})";
  uplink_->waiting_bytes = kWhisperOutboxBytesMax;
  Send(ada, kWhisper);
  EXPECT_THAT(ada.Received(),
              ElementsAre(ErrorOf("whisper on news: the queue to the "
                                  "service is full; try again later",
                                  "unavailable", "news")));
  EXPECT_FALSE(uplink_->items.back().has_whisper());
  EXPECT_EQ(observer_.whispers_refused, 1);
  EXPECT_EQ(observer_.whispers, 0);

  uplink_->waiting_bytes = 0;
  Send(ada, kWhisper);
  EXPECT_THAT(ada.Received(), IsEmpty());
  EXPECT_TRUE(uplink_->items.back().has_whisper());
  EXPECT_EQ(observer_.whispers, 1);
}

TEST_F(ASession, IsRefusedWhileTooMuchWaitsForTheService) {
  Attach();
  Browser& ada = Open();
  ada.Received();
  // Whispers have not taken the room of questions.
  uplink_->waiting_bytes = kWhisperOutboxBytesMax;
  Send(ada, kNews);
  EXPECT_THAT(ada.Received(), IsEmpty());
  uplink_->waiting_bytes = kQuestionOutboxBytesMax;
  Send(ada, R"({"type":"subscribe","channel":"other"})");
  EXPECT_THAT(ada.Received(),
              ElementsAre(HasSubstr(R"("code":"unavailable")")));
  Send(ada, R"({"type":"unsubscribe","channel":"news"})");
  EXPECT_TRUE(uplink_->items.back().has_cancel()) << "never refused";
}

TEST_F(ASession, AsksBesideAFloodOfAnotherSource) {
  Attach();
  source_ = 1;
  Browser& ada = Subscribed(Open(), "news");
  source_ = 2;
  Browser& eve = Subscribed(Open(), "news");
  for (int i = 0; i < 90; ++i) {
    Send(eve,
         R"({"type":"subscribe","channel":"c)" + std::to_string(i) + "\"}");
  }
  // The flood has filled its part.
  uplink_->waiting_bytes = kWhisperOutboxBytesMax;
  for (const char* message :
       {R"({"type":"subscribe","channel":"other"})",
        R"({"type":"whisper","channel":"news","event":"typing","data":1})"}) {
    Send(eve, message);
    EXPECT_THAT(eve.Received(), ElementsAre(HasSubstr("unavailable")));
    Send(ada, message);
    EXPECT_THAT(ada.Received(), IsEmpty()) << message;
  }
}

TEST_F(ASession, IsPingedInSilenceAndClosedWithoutASignOfLife) {
  Attach();
  Browser& ada = Open();
  Sleep(absl::Seconds(29));
  EXPECT_EQ(ada.socket.pings, 0);
  Sleep(absl::Seconds(2));
  EXPECT_EQ(ada.socket.pings, 1);
  Sleep(absl::Seconds(28));
  EXPECT_THAT(ada.socket.closed, IsEmpty());
  Sleep(absl::Seconds(2));
  EXPECT_EQ(ada.socket.pings, 1);
  EXPECT_THAT(ada.socket.closed,
              ElementsAre(Pair(CloseReason::kNoHeartbeat, "no sign of life")));
}

TEST_F(ASession, IsNotTakenForDeadWhileItIsNotRead) {
  Attach();
  Browser& ada = Open();
  for (int i = 0; i < contract::kPendingSubscribesMax; ++i) {
    Send(ada, absl::StrCat(R"({"type":"subscribe","channel":"c)", i, "\"}"));
  }
  ASSERT_TRUE(ada.socket.paused);
  Sleep(absl::Seconds(150));
  EXPECT_THAT(ada.socket.closed, IsEmpty());
  EXPECT_EQ(ada.socket.pings, 0) << "its answer would not be read";
  Allow();
  Sleep(absl::Seconds(59));
  EXPECT_THAT(ada.socket.closed, IsEmpty());
  EXPECT_EQ(ada.socket.pings, 1);
  Sleep(absl::Seconds(2));
  EXPECT_THAT(ada.socket.closed, SizeIs(1));
}

TEST_F(ASession, LivesAsLongAsAnythingComesFromIt) {
  Attach();
  Browser& ada = Subscribed(Open(), "news");
  for (int i = 0; i < 10; ++i) {
    Sleep(absl::Seconds(40));
    ada.shard->SignOfLife(ada.session);
    Publish("news", "1");
  }
  EXPECT_EQ(ada.socket.pings, 10);
  EXPECT_THAT(ada.socket.closed, IsEmpty());
  // Being sent something is no sign of life.
  Sleep(absl::Seconds(30));
  Publish("news", "2");
  Sleep(absl::Seconds(31));
  EXPECT_THAT(ada.socket.closed, SizeIs(1));
}

TEST_F(ASession, TakesTheServicesSettingsAtOnce) {
  Browser& ada = Open();
  EXPECT_EQ(ada.socket.message_bytes_max, 65536u + 4096);
  Attach();
  // Even with a small `max_payload`, the fields of a subscribe have room.
  EXPECT_EQ(ada.socket.message_bytes_max,
            static_cast<size_t>(contract::kSubscribeBytesMax) + 4096);
}

}  // namespace
}  // namespace herald::gateway
