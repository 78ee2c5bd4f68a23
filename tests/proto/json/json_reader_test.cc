// SPDX-License-Identifier: Apache-2.0

#include "proto/json/json_reader.h"

#include <random>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/contract/names.h"
#include "proto/json/json.h"

namespace herald::json {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Keys and values as they are written, with a `=` between them.
std::vector<std::string> Parts(absl::string_view container) {
  EXPECT_TRUE(IsJson(container)) << container;
  std::vector<std::string> parts;
  JsonReader reader(container);
  while (reader.Next()) {
    parts.push_back(std::string(reader.key()) + "=" +
                    std::string(reader.value()));
  }
  return parts;
}

TEST(AContainer, IsTakenApartWithoutAChangeToAByte) {
  EXPECT_THAT(Parts("{}"), IsEmpty());
  EXPECT_THAT(Parts("{ \n }"), IsEmpty());
  EXPECT_THAT(Parts("[]"), IsEmpty());
  EXPECT_THAT(Parts("[1]"), ElementsAre("=1"));
  EXPECT_THAT(Parts("[ 1 ,true\t,[2 , 3] ]"),
              ElementsAre("=1", "=true", "=[2 , 3]"));
  EXPECT_THAT(Parts(R"({"a":1,"\u0062" : "c" , "d":{"e":[ 1, {"}":"]"} ]}})"),
              ElementsAre("\"a\"=1", R"("\u0062"="c")",
                          R"("d"={"e":[ 1, {"}":"]"} ]})"));
  EXPECT_THAT(Parts(R"({"a\"b":"c\\","d\\\"":"\\\\\""})"),
              ElementsAre(R"("a\"b"="c\\")", R"("d\\\""="\\\\\"")"));
  EXPECT_THAT(Parts(R"({"a":1,"a":1e400})"),
              ElementsAre("\"a\"=1", "\"a\"=1e400"));
}

TEST(AString, IsDecoded) {
  EXPECT_EQ(DecodeJsonString("\"\""), "");
  EXPECT_EQ(DecodeJsonString("\"a ü\""), "a ü");
  EXPECT_EQ(DecodeJsonString(R"("\"\\\/\b\f\n\r\t")"), "\"\\/\b\f\n\r\t");
  EXPECT_EQ(DecodeJsonString(R"("\u0041\u00e9\u20AC")"), "Aé€");
  EXPECT_EQ(DecodeJsonString(R"("\ud83d\ude00\uD83D\uDE00")"), "😀😀");
  EXPECT_EQ(DecodeJsonString(R"("\u0000")"), std::string(1, '\0'));
  EXPECT_EQ(DecodeJsonString(R"("\\u0041")"), "\\u0041");
}

// A replacement would make two different names one.
TEST(HalfAPair, IsNoTextAndIsNotReplaced) {
  const auto half = [](const std::string& string) {
    EXPECT_TRUE(IsJson(string)) << string;
    const std::string text = DecodeJsonString(string);
    EXPECT_FALSE(contract::IsUtf8(text)) << string;
    return text;
  };
  EXPECT_EQ(half(R"("a\ud83d")"), "a\xed\xa0\xbd");
  EXPECT_EQ(half(R"("\ude00b")"),
            "\xed\xb8\x80"
            "b");
  EXPECT_EQ(half(R"("\ud83d\u0041")"),
            "\xed\xa0\xbd"
            "A");
  EXPECT_EQ(half(R"("\ud83d\ud83d\ude00")"), "\xed\xa0\xbd😀");
  EXPECT_EQ(half(R"("\ud83d\n")"), "\xed\xa0\xbd\n");
  EXPECT_FALSE(contract::CheckChannelName(half(R"("news\ud83d")")).ok());
  EXPECT_FALSE(contract::CheckEventName(half(R"("news\ud83d")")).ok());
  EXPECT_FALSE(contract::CheckUserId(half(R"("ada\udc00")")).ok());
}

TEST(Space, IsTakenOff) {
  EXPECT_EQ(StripJsonSpace(" \t\r\n{} \n"), "{}");
  EXPECT_EQ(StripJsonSpace("1"), "1");
  EXPECT_EQ(StripJsonSpace(" "), "");
}

// Writes random JSON and reads it back, part by part.
TEST(AContainer, IsReadAsItWasWritten) {
  constexpr unsigned kSeed = 12;
  const std::vector<std::string> values = {"1",
                                           "-2.5e3",
                                           "\"\"",
                                           R"("\"")",
                                           R"("\\")",
                                           "null",
                                           "true",
                                           "[]",
                                           R"({})",
                                           R"([1,"]",{}])",
                                           R"({"}":"{","\"":[]})",
                                           "\"ü\"",
                                           "1e400",
                                           R"("\ud83d")",
                                           R"("a,b:c")",
                                           "[ [ ] , 1 ]"};
  const std::vector<std::string> spaces = {"", " ", "\n", "\t \r"};
  std::mt19937 random(kSeed);
  const auto one_of = [&](const std::vector<std::string>& list) {
    return list[random() % list.size()];
  };
  for (int i = 0; i < 20'000; ++i) {
    std::vector<std::string> expected;
    std::string text = "{" + one_of(spaces);
    for (size_t n = random() % 4; n > 0; --n) {
      const std::string key = one_of({"\"\"", "\"a\"", R"("\\\"")", R"(":")"});
      const std::string value = one_of(values);
      if (!expected.empty()) text += "," + one_of(spaces);
      text += key + one_of(spaces) + ":" + one_of(spaces) + value;
      text += one_of(spaces);
      expected.push_back(key + "=" + value);
    }
    text += "}";
    ASSERT_EQ(Parts(text), expected) << "seed " << kSeed << ": " << text;
  }
}

}  // namespace
}  // namespace herald::json
