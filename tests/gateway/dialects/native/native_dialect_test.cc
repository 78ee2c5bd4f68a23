// SPDX-License-Identifier: Apache-2.0
//
// Frames byte for byte as in tests/golden/native, and the handling of messages
// that no client should send.

#include "gateway/dialects/native/native_dialect.h"

#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include "gtest/gtest.h"
#include "proto/contract/names.h"

namespace herald::gateway {
namespace {

using contract::CloseReason;
using link::v1::Refused;

std::string Golden(const std::string& name) {
  std::ifstream file(std::string(HERALD_GOLDEN_DIR) + "/" + name + ".json");
  std::string text;
  EXPECT_TRUE(std::getline(file, text)) << name;
  return text;
}

// The payload of the one frame of a message.
std::string Text(const ServerMessage& message) {
  return std::string(PayloadOf(*EncodeFrames(NativeDialect(), message)));
}

SubscribedMessage Subscribed(const std::string& channel,
                             std::optional<v1::Position> position = {},
                             std::optional<bool> recovered = {}) {
  return {channel, nullptr, std::move(position), recovered};
}

v1::Member User(const std::string& id, const std::string& info) {
  v1::Member member;
  member.set_user_id(id);
  member.set_user_info(info);
  return member;
}

EventMessage Event(const std::string& event, const std::string& channel,
                   const std::string& data) {
  EventMessage message;
  message.publication.set_event(event);
  message.publication.set_channel(channel);
  message.publication.set_data(data);
  return message;
}

v1::Position At(const std::string& epoch, int64_t offset) {
  v1::Position position;
  position.set_epoch(epoch);
  position.set_offset(offset);
  return position;
}

template <typename Message>
Message Decoded(const std::string& text) {
  const NativeDialect dialect;
  ClientMessage message = dialect.Decode(text);
  const auto* const bad = std::get_if<BadMessage>(&message);
  EXPECT_TRUE(bad == nullptr || (std::is_same_v<Message, BadMessage>))
      << text << ": " << bad->reason;
  auto* const good = std::get_if<Message>(&message);
  EXPECT_NE(good, nullptr) << text;
  return good != nullptr ? *good : Message();
}

std::string Complaint(absl::string_view text) {
  return Decoded<BadMessage>(std::string(text)).reason;
}

TEST(TheNativeDialect, WritesItsFramesAsTheGoldenFilesHaveThem) {
  EXPECT_EQ(Text(ConnectedMessage{"1234.5678"}), Golden("server_connected"));
  EXPECT_EQ(Text(Subscribed("news")), Golden("server_subscribed"));
  EXPECT_EQ(Text(SubscriptionErrorMessage{"private-x", "not yours",
                                          Refused::CODE_UNAUTHORIZED}),
            Golden("server_subscription_error"));
  EXPECT_EQ(Text(UnsubscribedMessage{"news", ""}),
            Golden("server_unsubscribed"));
  EXPECT_EQ(Text(UnsubscribedMessage{"private-x", "the grant has expired"}),
            Golden("server_unsubscribed_reason"));
  EXPECT_EQ(Text(MemberAddedMessage{"presence-room",
                                    User("bob", R"({"name":"Bob"})")}),
            Golden("server_member_added"));
  EXPECT_EQ(Text(MemberRemovedMessage{"presence-room", "bob"}),
            Golden("server_member_removed"));
  EXPECT_EQ(Text(PongMessage()), Golden("server_pong"));
  EXPECT_EQ(Text(SubscriptionErrorMessage{
                "presence-room",
                "field \"channel_data\" must be an object, or a string that "
                "holds one",
                Refused::CODE_INVALID_MESSAGE}),
            Golden("server_subscription_error_invalid"));
  EXPECT_EQ(Text(ErrorMessage{
                ErrorCode::kInvalidMessage, "the message is not JSON", {}}),
            Golden("server_error"));
  EXPECT_EQ(Text(ErrorMessage{ErrorCode::kNotSubscribed,
                              "whisper on news: the socket is not subscribed",
                              "news"}),
            Golden("server_error_channel"));
}

TEST(TheNativeDialect, WritesMembersInTheirOrder) {
  auto members = std::make_shared<Members>();
  for (const v1::Member& user :
       {User("ada", R"({"name":"Ada"})"), User("bob", "")}) {
    members->all.push_back(std::make_shared<const v1::Member>(user));
  }
  SubscribedMessage answer = Subscribed("presence-room");
  answer.members = members;
  EXPECT_EQ(Text(answer), Golden("server_subscribed_presence"));
  answer.position = At("c7x2mq4kd3ta", 43);
  answer.recovered = false;
  EXPECT_EQ(Text(answer), Golden("server_subscribed_presence_lost"));
}

TEST(TheNativeDialect, WritesARosterWithoutMembersAsAnEmptyArray) {
  SubscribedMessage answer = Subscribed("presence-room");
  answer.members = std::make_shared<Members>();
  EXPECT_EQ(Text(answer),
            R"({"type":"subscribed","channel":"presence-room","members":[]})");
}

TEST(TheNativeDialect, SendsThePositionOfAChannel) {
  const v1::Position at = At("c7x2mq4kd3ta", 43);
  EXPECT_EQ(Text(Subscribed("chat.1", at)),
            Golden("server_subscribed_history"));
  EXPECT_EQ(Text(Subscribed("chat.1", at, true)),
            Golden("server_subscribed_recovered"));
  EventMessage said = Event("said", "chat.1", R"("hello")");
  said.publication.set_offset(42);
  EXPECT_EQ(Text(said), Golden("server_event_offset"));
}

TEST(TheNativeDialect, ReadsWhereAClientWas) {
  const auto recover = [](const std::string& json) {
    return Decoded<SubscribeMessage>(
               R"({"type":"subscribe","channel":"chat.1","recover":)" + json +
               "}")
        .recover;
  };
  const auto golden =
      Decoded<SubscribeMessage>(Golden("client_subscribe_recover")).recover;
  ASSERT_TRUE(golden.has_value());
  EXPECT_EQ(golden->epoch(), "c7x2mq4kd3ta");
  EXPECT_EQ(golden->offset(), 41);
  EXPECT_EQ(recover(R"({"offset":0})")->epoch(), "");
  EXPECT_EQ(recover(R"({"offset":0,"epoch":null,"x":[1]})")->epoch(), "");
  EXPECT_FALSE(recover("null").has_value());
  EXPECT_FALSE(Decoded<SubscribeMessage>(Golden("client_subscribe"))
                   .recover.has_value());
}

TEST(TheNativeDialect, NamesTheMistakeInAPosition) {
  const auto complaint = [](const std::string& json) {
    return Complaint(R"({"type":"subscribe","channel":"chat.1","recover":)" +
                     json + "}");
  };
  for (const char* offset :
       {"-1", "1.5", "\"7\"", "1e3", "null", "[]", "99999999999999999999"}) {
    EXPECT_EQ(
        complaint(R"({"epoch":"e","offset":)" + std::string(offset) + "}"),
        "field \"recover.offset\" must be an integer that is not "
        "negative")
        << offset;
  }
  EXPECT_EQ(complaint(R"({"epoch":"e"})"),
            "field \"recover.offset\" must be an integer that is not negative");
  EXPECT_EQ(complaint(R"({"epoch":7,"offset":1})"),
            "field \"recover.epoch\" must be a string");
  EXPECT_EQ(complaint("7"), "field \"recover\" must be an object");
  EXPECT_EQ(complaint("[]"), "field \"recover\" must be an object");
}

TEST(TheNativeDialect, LeavesTheDataOfAnEventUntouched) {
  EXPECT_EQ(Text(Event("created", "news", R"({"id":1})")),
            Golden("server_event"));
  EXPECT_EQ(Text(Event("\"quoted\" \\ ümläut", "news",
                       R"([ 1.50, "\u00e9", {"a" : null} ])")),
            Golden("server_event_verbatim"));
}

TEST(TheNativeDialect, MarksAWhisperAndItsUser) {
  EventMessage whisper = Event("typing", "news", R"({"on":true})");
  whisper.publication.set_whisper(true);
  EXPECT_EQ(Text(whisper), Golden("server_event_whisper"));
  whisper.publication.set_channel("presence-room");
  whisper.publication.set_user_id("ada");
  EXPECT_EQ(Text(whisper), Golden("server_event_whisper_presence"));
}

TEST(TheNativeDialect, ReadsEveryMessageOfAClient) {
  EXPECT_EQ(Decoded<SubscribeMessage>(Golden("client_subscribe")).channel,
            "news");
  const auto mine =
      Decoded<SubscribeMessage>(Golden("client_subscribe_private"));
  EXPECT_EQ(mine.auth, "token-of-ada");
  EXPECT_EQ(mine.channel_data, "");
  EXPECT_EQ(Decoded<UnsubscribeMessage>(Golden("client_unsubscribe")).channel,
            "news");
  const auto whisper = Decoded<WhisperMessage>(Golden("client_whisper"));
  EXPECT_EQ(whisper.event, "typing");
  EXPECT_EQ(whisper.data, R"({"on":true})");
  Decoded<PingMessage>(Golden("client_ping"));
}

TEST(TheNativeDialect, KeepsTheVeryBytesOfChannelData) {
  const std::string data = R"({"user_id":"ada","user_info":{"name":"Ada"}})";
  for (const char* name :
       {"client_subscribe_channel_data", "client_subscribe_signed"}) {
    EXPECT_EQ(Decoded<SubscribeMessage>(Golden(name)).channel_data, data);
  }
}

TEST(TheNativeDialect, ReadsFieldsInAnyOrderAndIgnoresUnknownOnes) {
  const auto message = Decoded<WhisperMessage>(
      R"( { "data" : [ 1, "x" ] , "recover":{"epoch":"e"},"event":"t\u0079ping",
            "nonsense":[{}], "channel":"news" , "type":"whisper" } )");
  EXPECT_EQ(message.event, "typing");
  EXPECT_EQ(message.data, R"([ 1, "x" ])");
}

TEST(TheNativeDialect, TakesNumbersOfAnySize) {
  for (const std::string number :
       {"18446744073709551616", "-9223372036854775809", "1e999", "-1E-999",
        "123456789012345678901234567890.5"}) {
    const std::string data = R"({"on":[)" + number + R"(,"1e999 01"]})";
    const auto message =
        Decoded<WhisperMessage>(R"({"type":"whisper","channel":"news",)"
                                R"("event":"e","data":)" +
                                data + "}");
    EXPECT_EQ(message.data, data);
    const auto subscribe = Decoded<SubscribeMessage>(
        R"({"type":"subscribe","channel":"a","x":)" + number +
        R"(,"channel_data":"{\"n\":)" + number + R"(}"})");
    EXPECT_EQ(subscribe.channel_data, R"({"n":)" + number + "}");
  }
  EXPECT_EQ(Complaint(R"({"type":"ping","x":1e999,"y":01})"),
            "the message is not JSON");
  EXPECT_EQ(Complaint(R"({"type":"ping","x":1e999,"y":})"),
            "the message is not JSON");
  EXPECT_EQ(Complaint("1e999"), "the message is not an object");
}

TEST(TheNativeDialect, TakesNullForAFieldThatIsNotThere) {
  const auto message = Decoded<SubscribeMessage>(
      R"({"type":"subscribe","channel":"a","auth":null,"channel_data":null})");
  EXPECT_EQ(message.auth, "");
  EXPECT_EQ(Decoded<WhisperMessage>(
                R"({"type":"whisper","channel":"a","event":"e","data":null})")
                .data,
            "null");
}

TEST(TheNativeDialect, NamesTheMistakeInAMessage) {
  EXPECT_EQ(Complaint(""), "the message is not JSON");
  EXPECT_EQ(Complaint("{\"type\":\"ping\""), "the message is not JSON");
  EXPECT_EQ(Complaint(R"({"type":"ping","x":[1,,2]})"),
            "the message is not JSON");
  EXPECT_EQ(Complaint(R"({"type":"ping","x":nul})"), "the message is not JSON");
  EXPECT_EQ(Complaint(R"({"type":"ping"} {})"), "the message is not JSON");
  EXPECT_EQ(Complaint("{\"type\":\"\xff\"}"), "the message is not JSON");
  EXPECT_EQ(Complaint("[]"), "the message is not an object");
  EXPECT_EQ(Complaint("\"ping\""), "the message is not an object");
  EXPECT_EQ(Complaint("{}"), "field \"type\" is missing");
  EXPECT_EQ(Complaint(R"({"type":7})"), "field \"type\" must be a string");
  EXPECT_EQ(Complaint(R"({"type":"shout"})"), "type \"shout\" is not known");
  EXPECT_EQ(Complaint(R"({"type":"subscribe"})"),
            "field \"channel\" is missing in subscribe");
  EXPECT_EQ(Complaint(R"({"type":"subscribe","channel":[]})"),
            "field \"channel\" must be a string");
  EXPECT_EQ(Complaint(R"({"type":"whisper","channel":"a","event":"e"})"),
            "field \"data\" is missing in whisper");
}

TEST(TheNativeDialect, RefusesChannelDataThatIsNoObject) {
  for (const char* data : {"7", "[]", "\"7\"", R"("{\"a\":")", "true"}) {
    EXPECT_EQ(Complaint(R"({"type":"subscribe","channel":"a","channel_data":)" +
                        std::string(data) + "}"),
              "field \"channel_data\" must be an object, or a string that "
              "holds one");
  }
}

// The client waits for the answer to a subscribe by its channel.
TEST(TheNativeDialect, NamesTheChannelOfABadMessageWhereverItStands) {
  for (const char* text :
       {R"({"type":"subscribe","channel_data":7,"channel":"a"})",
        R"({"channel":"a","recover":{},"type":"subscribe"})",
        R"({"auth":1,"channel":"a","type":"subscribe"})",
        R"({"auth":"\ud83d","channel":"a","type":"subscribe"})",
        R"({"recover":{"epoch":"\udc00","offset":1},"type":"subscribe",)"
        R"("channel":"a"})"}) {
    const auto bad = Decoded<BadMessage>(text);
    EXPECT_TRUE(bad.is_subscribe) << text;
    EXPECT_EQ(bad.channel, "a") << text;
  }
  const auto whisper =
      Decoded<BadMessage>(R"({"type":"whisper","event":7,"channel":"a"})");
  EXPECT_FALSE(whisper.is_subscribe);
  EXPECT_EQ(whisper.channel, "a");
  EXPECT_EQ(Decoded<BadMessage>(R"({"type":"shout","channel":"a"})").channel,
            "a");
  EXPECT_FALSE(Decoded<BadMessage>(R"({"type":"subscribe","channel":7})")
                   .channel.has_value());
  EXPECT_FALSE(Decoded<BadMessage>("{").channel.has_value());
}

TEST(TheNativeDialect, TakesHalfOfASurrogatePairInDataOnly) {
  EXPECT_EQ(
      Decoded<WhisperMessage>(
          R"({"type":"whisper","channel":"a","event":"e","data":"\ud83d"})")
          .data,
      R"("\ud83d")");
  EXPECT_EQ(Decoded<SubscribeMessage>(
                R"({"type":"subscribe","channel":"a","channel_data":)"
                R"("{\"n\":\"\\ud83d\"}"})")
                .channel_data,
            R"({"n":"\ud83d"})");
  // A name stays distinct from every other one until it is refused as a name,
  // and is written as it was.
  const auto half =
      Decoded<SubscribeMessage>(R"({"type":"subscribe","channel":"a\ud83d"})");
  EXPECT_FALSE(contract::CheckChannelName(half.channel).ok());
  EXPECT_EQ(Text(SubscriptionErrorMessage{half.channel, "no",
                                          Refused::CODE_INVALID_CHANNEL}),
            R"({"type":"subscription_error","channel":"a\ud83d",)"
            R"("error":"no","code":"invalid_channel"})");
  Complaint(R"({"type":"subscribe","channel":"a","channel_data":"\ud83d"})");
}

// A client may send a name as long as a message, and need not read the answer.
TEST(TheNativeDialect, RepeatsTheBeginningOfALongName) {
  const std::string longest(kEchoedNameBytesMax, 'x');
  const std::string shorter = longest.substr(1);
  const std::pair<std::string, std::string> names[] = {
      {longest, longest},
      {longest + "x", longest},
      {shorter + "\u00e9", shorter},
      // Half of a surrogate pair, as it is decoded.
      {shorter + "\xED\xA0\xBD", shorter},
      {longest + std::string(60'000, 'x'), longest},
  };
  for (const auto& [name, shown] : names) {
    EXPECT_EQ(Text(SubscriptionErrorMessage{name, "no",
                                            Refused::CODE_INVALID_CHANNEL}),
              R"({"type":"subscription_error","channel":")" + shown +
                  R"(","error":"no","code":"invalid_channel"})");
    EXPECT_EQ(Text(ErrorMessage{ErrorCode::kInvalidChannel, "no", name}),
              R"({"type":"error","message":"no","channel":")" + shown +
                  R"(","code":"invalid_channel"})");
  }
}

// All data that a backend may publish may be whispered, too: the message around
// it does not count.
TEST(TheNativeDialect, BoundsTheNestingOfEachField) {
  const auto nested = [](size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  const std::string whisper =
      R"({"type":"whisper","channel":"a","event":"e","data":)";
  EXPECT_EQ(Decoded<WhisperMessage>(whisper + nested(512) + "}").data,
            nested(512));
  const auto deep = Decoded<BadMessage>(whisper + nested(513) + "}");
  EXPECT_EQ(deep.reason, "field \"data\" is nested deeper than 512");
  EXPECT_EQ(deep.channel, "a");
  const auto subscribe =
      Decoded<BadMessage>(R"({"channel_data":{"a":)" + nested(512) +
                          R"(},"type":"subscribe","channel":"a"})");
  EXPECT_EQ(subscribe.reason,
            "field \"channel_data\" is nested deeper than 512");
  EXPECT_TRUE(subscribe.is_subscribe);
}

TEST(TheNativeDialect, SurvivesDeepNesting) {
  Complaint(std::string(100'000, '['));
  Complaint("{\"type\":\"ping\",\"x\":" + std::string(5000, '[') +
            std::string(5000, ']') + "}");
}

TEST(TheNativeDialect, HasTheCloseCodesOfTheContract) {
  const NativeDialect dialect;
  const auto code = [&](CloseReason why) {
    return dialect.MakeGoodbye(why, "", {}).code;
  };
  EXPECT_EQ(code(CloseReason::kNormal), 1000);
  EXPECT_EQ(code(CloseReason::kGoingAway), 1001);
  EXPECT_EQ(code(CloseReason::kProtocolError), 1002);
  EXPECT_EQ(code(CloseReason::kBinary), 1003);
  EXPECT_EQ(code(CloseReason::kBadUtf8), 1007);
  EXPECT_EQ(code(CloseReason::kTooLarge), 1009);
  EXPECT_EQ(code(CloseReason::kOverloaded), 1013);
  EXPECT_EQ(code(CloseReason::kUnfinished), 4004);
  EXPECT_EQ(code(CloseReason::kSlow), 4001);
  EXPECT_EQ(code(CloseReason::kNoHeartbeat), 4002);
  EXPECT_EQ(code(CloseReason::kDisconnected), 4003);
  EXPECT_EQ(code(CloseReason::kRefused), 1008);
}

TEST(TheNativeDialect, EndsWithTheReasonThatItIsGiven) {
  const NativeDialect dialect;
  const Goodbye given =
      dialect.MakeGoodbye(CloseReason::kDisconnected, "banned", {});
  EXPECT_EQ(given.text, "banned");
  EXPECT_EQ(given.frames, "");
  EXPECT_EQ(dialect.MakeGoodbye(CloseReason::kDisconnected, "", {}).text,
            "disconnected by the backend");
}

TEST(TheNativeDialect, SendsTheRetryTimeInTheFormOfTheContract) {
  const NativeDialect dialect;
  const auto text = [&](std::optional<absl::Duration> delay) {
    return dialect.MakeGoodbye(CloseReason::kGoingAway, "", delay).text;
  };
  EXPECT_EQ(text(absl::Milliseconds(1234)),
            "shutting down, come back in 1234 ms");
  EXPECT_EQ(text(absl::ZeroDuration()), "shutting down, come back in 0 ms");
}

TEST(TheNativeDialect, RefusesAForeignOriginByHttp) {
  const NativeDialect dialect;
  EXPECT_TRUE(std::holds_alternative<Accepted>(dialect.Accept({"/ws"})));
  const Acceptance no = dialect.Accept({"/ws", /*origin_allowed=*/false});
  ASSERT_TRUE(std::holds_alternative<RefusedByHttp>(no));
  EXPECT_EQ(std::get<RefusedByHttp>(no).status, 403);
}

}  // namespace
}  // namespace herald::gateway
