// SPDX-License-Identifier: Apache-2.0
//
// The output of `herald`, without a process: tables, JSON, and messages of
// every kind, also hostile ones.

#include "clients/cli/json.h"
#include "clients/cli/message_lines.h"
#include "clients/cli/table.h"
#include "gtest/gtest.h"

namespace herald::cli {
namespace {

TEST(Tables, AlignColumnsAndEndLinesWithoutSpaces) {
  EXPECT_EQ(FormatTable({"NAME", "#COUNT"}, {{"a", "1"}, {"longer", "1000"}}),
            "NAME    COUNT\n"
            "a           1\n"
            "longer   1000\n");
  EXPECT_EQ(FormatTable({"A", "B"}, {{"x", ""}}), "A  B\nx\n");
}

TEST(Tables, CountCharactersAndNotBytes) {
  EXPECT_EQ(FormatTable({"A", "B"}, {{"äöü", "x"}, {"abc", "y"}}),
            "A    B\näöü  x\nabc  y\n");
}

TEST(PrintableText, CannotMoveTheCursor) {
  EXPECT_EQ(Printable("plain äöü €"), "plain äöü €");
  EXPECT_EQ(Printable("\x1b[2J\n"), "\\x1b[2J\\x0a");
  EXPECT_EQ(Printable("\x7f\xc2\x9b"), "\\x7f\\xc2\\x9b");
  EXPECT_EQ(Printable("a\xffz\xe2\x82"), "a\\xffz\\xe2\\x82");
}

TEST(JsonOutput, EscapesAsRequired) {
  EXPECT_EQ(JsonString("a\"b\\c\nd\te\x01"),
            R"("a\"b\\c\u000ad\u0009e\u0001")");
  EXPECT_EQ(JsonString("ä€😀"), "\"ä€😀\"");
  EXPECT_EQ(JsonString("a\xffz"), "\"a\xef\xbf\xbdz\"");
}

TEST(JsonOutput, PutsJsonTextOnOneLine) {
  EXPECT_EQ(JsonText("{\n\"a\":\r\n1}"), "{ \"a\":  1}");
  EXPECT_EQ(JsonText(""), "null");
}

TEST(JsonOutput, WritesObjectsAndArrays) {
  EXPECT_EQ(JsonObject().str(), "{}");
  EXPECT_EQ(JsonObject()
                .Add("a", "x")
                .Add("b", int64_t{-1})
                .AddJson("c", JsonArray({"1", "\"2\""}))
                .str(),
            R"({"a":"x","b":-1,"c":[1,"2"]})");
}

// Each kind of message, for people and for programs.
TEST(MessageLines, NameEachKind) {
  v1::ServerMessage message;
  EXPECT_EQ(ReadableLine(message), "");
  EXPECT_EQ(JsonLine(message), "");

  auto* const subscribed = message.mutable_subscribed();
  subscribed->set_channel("presence-room");
  subscribed->add_members()->set_user_id("ada");
  subscribed->add_members()->set_user_id("bob");
  subscribed->mutable_members(1)->set_user_info("{\"a\":1}");
  EXPECT_EQ(ReadableLine(message),
            "subscribed      presence-room  2 present: ada, bob");
  EXPECT_EQ(JsonLine(message),
            R"({"type":"subscribed","channel":"presence-room","members":[)"
            R"({"user_id":"ada","user_info":null},)"
            R"({"user_id":"bob","user_info":{"a":1}}]})");
  subscribed->clear_members();
  EXPECT_EQ(JsonLine(message),
            R"({"type":"subscribed","channel":"presence-room","members":[]})");
  subscribed->set_channel("news");
  EXPECT_EQ(JsonLine(message), R"({"type":"subscribed","channel":"news"})");

  message.mutable_subscription_error()->set_channel("news");
  message.mutable_subscription_error()->set_error("no \"more\"");
  message.mutable_subscription_error()->set_code("channel_full");
  EXPECT_EQ(ReadableLine(message),
            "refused         news  channel_full  no \"more\"");
  EXPECT_EQ(JsonLine(message),
            R"({"type":"subscription_error","channel":"news",)"
            R"("error":"no \"more\"","code":"channel_full"})");

  message.mutable_error()->set_message("too fast");
  EXPECT_EQ(JsonLine(message), R"({"type":"error","message":"too fast"})");
  message.mutable_error()->set_channel("news");
  message.mutable_error()->set_code("rate_limited");
  EXPECT_EQ(ReadableLine(message),
            "error           news  rate_limited  too fast");
  EXPECT_EQ(JsonLine(message), R"({"type":"error","message":"too fast",)"
                               R"("channel":"news","code":"rate_limited"})");

  message.mutable_unsubscribed()->set_channel("news");
  EXPECT_EQ(JsonLine(message), R"({"type":"unsubscribed","channel":"news"})");
  message.mutable_unsubscribed()->set_reason("over");
  EXPECT_EQ(ReadableLine(message), "unsubscribed    news  over");
  EXPECT_EQ(JsonLine(message),
            R"({"type":"unsubscribed","channel":"news","reason":"over"})");

  message.mutable_member_added()->set_channel("presence-room");
  message.mutable_member_added()->set_user_id("ada");
  EXPECT_EQ(ReadableLine(message), "member_added    presence-room  ada");
  EXPECT_EQ(JsonLine(message),
            R"({"type":"member_added","channel":"presence-room",)"
            R"("user_id":"ada","user_info":null})");

  message.mutable_member_removed()->set_channel("presence-room");
  message.mutable_member_removed()->set_user_id("ada");
  EXPECT_EQ(ReadableLine(message), "member_removed  presence-room  ada");
  EXPECT_EQ(JsonLine(message),
            R"({"type":"member_removed","channel":"presence-room",)"
            R"("user_id":"ada"})");
}

TEST(MessageLines, ShowThePositionOfAChannel) {
  v1::ServerMessage message;
  message.mutable_subscribed()->set_channel("news");
  message.mutable_subscribed()->set_epoch("a");
  EXPECT_EQ(ReadableLine(message), "subscribed      news  at a:0");
  EXPECT_EQ(JsonLine(message),
            R"({"type":"subscribed","channel":"news","epoch":"a","offset":0})");
  message.mutable_subscribed()->set_offset(7);
  message.mutable_subscribed()->set_recovered(true);
  EXPECT_EQ(ReadableLine(message), "subscribed      news  at a:7, recovered");
  EXPECT_EQ(JsonLine(message),
            R"({"type":"subscribed","channel":"news","epoch":"a","offset":7,)"
            R"("recovered":true})");
  message.mutable_subscribed()->set_recovered(false);
  EXPECT_EQ(ReadableLine(message), "subscribed      news  at a:7");
  EXPECT_EQ(JsonLine(message),
            R"({"type":"subscribed","channel":"news","epoch":"a","offset":7,)"
            R"("recovered":false})");

  v1::Event* const event = message.mutable_event();
  event->set_channel("news");
  event->set_event("created");
  event->set_data("{}");
  event->set_offset(8);
  EXPECT_EQ(ReadableLine(message), "event           news  #8  created  {}");
  EXPECT_EQ(JsonLine(message),
            R"({"type":"event","channel":"news","event":"created",)"
            R"("data":{},"offset":8})");
  EXPECT_EQ(HistoryReadableLine("a\x1b", *event), "a\\x1b:8  created  {}");
  EXPECT_EQ(HistoryJsonLine("a", *event),
            R"({"channel":"news","event":"created","data":{},)"
            R"("epoch":"a","offset":8})");
}

TEST(MessageLines, DistinguishAWhisperFromAnEvent) {
  v1::ServerMessage message;
  message.mutable_event()->set_channel("presence-room");
  message.mutable_event()->set_event("typing");
  message.mutable_event()->set_data("\x1b");
  EXPECT_EQ(ReadableLine(message),
            "event           presence-room  typing  \\x1b");

  message.mutable_event()->set_data("1");
  message.mutable_event()->set_whisper(true);
  EXPECT_EQ(ReadableLine(message),
            "event           presence-room  typing  1  (whisper)");
  message.mutable_event()->set_user_id("ada");
  EXPECT_EQ(ReadableLine(message),
            "event           presence-room  typing  1  (whisper of ada)");
  EXPECT_EQ(JsonLine(message),
            R"({"type":"event","channel":"presence-room","event":"typing",)"
            R"("data":1,"whisper":true,"user_id":"ada"})");
}

}  // namespace
}  // namespace herald::cli
