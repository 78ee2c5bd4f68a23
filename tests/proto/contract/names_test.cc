// SPDX-License-Identifier: Apache-2.0
//
// The grammar of names, as DESIGN and the .proto files promise it to peers.

#include "proto/contract/names.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/contract/limits.h"

namespace herald::contract {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string Message(const absl::Status& status) {
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  return std::string(status.message());
}

TEST(AChannelName, HasLettersDigitsAndSomeMarks) {
  EXPECT_TRUE(CheckChannelName("a").ok());
  EXPECT_TRUE(CheckChannelName("AZaz09_-=@,.;:").ok());
  for (int c = 0; c < 256; ++c) {
    const auto byte = static_cast<char>(c);
    const bool allowed =
        (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
        (c >= '0' && c <= '9') ||
        (c != 0 && std::string("_-=@,.;:").find(byte) != std::string::npos);
    EXPECT_EQ(CheckChannelName(std::string(1, byte)).ok(), allowed) << c;
  }
}

TEST(AChannelName, HasOneTo164Bytes) {
  EXPECT_THAT(Message(CheckChannelName("")), HasSubstr("empty"));
  EXPECT_TRUE(CheckChannelName(std::string(164, 'x')).ok());
  EXPECT_THAT(Message(CheckChannelName(std::string(165, 'x'))),
              AllOf(HasSubstr("165"), HasSubstr("164")));
}

TEST(AChannelName, IsNamedByTheMessageThatRefusesIt) {
  EXPECT_THAT(Message(CheckChannelName("#mine")), HasSubstr("\"#mine\""));
}

TEST(AChannelName, HasItsTypeInItsPrefix) {
  EXPECT_EQ(TypeOfChannel("news"), ChannelType::kPublic);
  EXPECT_EQ(TypeOfChannel("private"), ChannelType::kPublic);
  EXPECT_EQ(TypeOfChannel("Private-x"), ChannelType::kPublic);
  EXPECT_EQ(TypeOfChannel("private-"), ChannelType::kPrivate);
  EXPECT_EQ(TypeOfChannel("private-presence-x"), ChannelType::kPrivate);
  EXPECT_EQ(TypeOfChannel("presence-x"), ChannelType::kPresence);
  EXPECT_FALSE(NeedsAuthorization("news"));
  EXPECT_TRUE(NeedsAuthorization("private-x"));
  EXPECT_TRUE(NeedsAuthorization("presence-x"));
}

TEST(AnEventName, IsTextWithoutControlCharacters) {
  EXPECT_TRUE(CheckEventName("App\\Events\\Æther: 漢字 🎉").ok());
  EXPECT_FALSE(CheckEventName("a\nb").ok());
  EXPECT_FALSE(CheckEventName(std::string("a\0b", 3)).ok());
  EXPECT_FALSE(CheckEventName("\x7F").ok());
  EXPECT_FALSE(CheckEventName("\xC2\x85").ok());  // U+0085, next line.
  EXPECT_TRUE(CheckEventName("\xC2\xA0").ok());   // U+00A0, a space.
  EXPECT_FALSE(CheckEventName("\xFF").ok());
}

TEST(AnEventName, HasOneTo200Bytes) {
  EXPECT_FALSE(CheckEventName("").ok());
  EXPECT_TRUE(CheckEventName(std::string(200, 'x')).ok());
  EXPECT_FALSE(CheckEventName(std::string(201, 'x')).ok());
}

TEST(AUserId, HasOneTo128BytesOfText) {
  EXPECT_FALSE(CheckUserId("").ok());
  EXPECT_TRUE(CheckUserId(std::string(128, 'x')).ok());
  EXPECT_FALSE(CheckUserId(std::string(129, 'x')).ok());
  EXPECT_TRUE(CheckUserId("Müller, 7").ok());
  EXPECT_FALSE(CheckUserId("\xC3").ok());
}

TEST(Utf8, HasShortestFormsOnlyAndNoSurrogates) {
  for (const char* text : {"", "a", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80",
                           "\xED\x9F\xBF", "\xEE\x80\x80", "\xEF\xBF\xBF",
                           "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_TRUE(IsUtf8(text)) << text;
  }
  for (const char* text :
       {"\x80", "\xC0\x80", "\xC1\xBF", "\xC2", "\xC2\x41", "\xE0\x9F\xBF",
        "\xE1\x80", "\xED\xA0\x80", "\xED\xBF\xBF", "\xF0\x8F\xBF\xBF",
        "\xF0\x90\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFE",
        "a\xFF"}) {
    EXPECT_FALSE(IsUtf8(text)) << text;
  }
  EXPECT_TRUE(IsUtf8(absl::string_view("a\0b", 3)));
  for (size_t before = 0; before < 20; ++before) {
    const std::string ascii(before, 'a');
    EXPECT_TRUE(IsUtf8(absl::StrCat(ascii, "ü", ascii)));
    EXPECT_FALSE(IsUtf8(absl::StrCat(ascii, "\xFC", ascii)));
  }
}

TEST(ASocketId, IsReadAsItIsWritten) {
  for (const SocketId id :
       {SocketId{1, 0}, SocketId{1, 1}, SocketId{9'223'372'036'854'775'807, 42},
        SocketId{1, ~uint64_t{0}}}) {
    EXPECT_EQ(ParseSocketId(FormatSocketId(id)), id);
  }
  EXPECT_EQ(FormatSocketId({12, 34}), "12.34");
}

TEST(ASocketId, HasOneFormOnly) {
  for (const char* text :
       {"", ".", "1", "1.", ".1", "0.1", "01.1", "1.01", "+1.1", "1.-1", " 1.1",
        "1.1 ", "1.1.1", "1,1", "a.b", "18446744073709551616.1",
        "1.18446744073709551616"}) {
    EXPECT_EQ(ParseSocketId(text), std::nullopt) << text;
  }
}

TEST(AQuotedValue, IsSafeToShow) {
  EXPECT_EQ(Quoted("plain"), "\"plain\"");
  EXPECT_EQ(Quoted("Müller"), "\"Müller\"");
  EXPECT_EQ(Quoted("a\"b\n"), R"("a\"b\n")");
  EXPECT_EQ(Quoted("\x1B[2J"), R"("\x1b[2J")");
}

TEST(OneLine, HasSpacesForControlCharacters) {
  EXPECT_EQ(OneLine("über\r\n\tall\x7F"), "über   all ");
  EXPECT_EQ(OneLine(std::string(1, '\0')), " ");
  EXPECT_EQ(OneLine(""), "");
}

TEST(AQuotedValue, IsCutTo64Bytes) {
  EXPECT_EQ(Quoted(std::string(64, 'x')),
            absl::StrCat("\"", std::string(64, 'x'), "\""));
  EXPECT_EQ(Quoted(std::string(65, 'x')),
            absl::StrCat("\"", std::string(64, 'x'), "…\""));
}

TEST(AQuotedValue, IsTextForAnyValue) {
  // A cut through a character, bytes that are none, and C1 controls.
  std::string umlauts = "x";
  for (int i = 0; i < 100; ++i) umlauts += "ü";
  for (const std::string& value :
       {umlauts, std::string("\xFF\xFE"), std::string(100, '\x80'),
        std::string("\xC2\x9B") + "2J", std::string("\xC3")}) {
    const std::string quoted = Quoted(value);
    EXPECT_TRUE(IsUtf8(quoted));
    EXPECT_THAT(quoted, Not(HasSubstr("\xC2\x9B")));
    EXPECT_TRUE(IsUtf8(CheckChannelName(value).message()));
    EXPECT_TRUE(IsUtf8(CheckUserId(value + std::string(200, 'x')).message()));
  }
}

TEST(ACut, IsMadeBetweenCharacters) {
  EXPECT_EQ(CutUtf8("über", 100), "über");
  EXPECT_EQ(CutUtf8("über", 5), "über");
  EXPECT_EQ(CutUtf8("über", 2), "ü");
  EXPECT_EQ(CutUtf8("über", 1), "");
  EXPECT_EQ(CutUtf8("a🎉", 4), "a");
  EXPECT_EQ(CutUtf8("a🎉", 5), "a🎉");
  EXPECT_EQ(CutUtf8("", 0), "");
}

}  // namespace
}  // namespace herald::contract
