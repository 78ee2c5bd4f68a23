// SPDX-License-Identifier: Apache-2.0
//
// Valid and invalid JSON. The tables follow the grammar of RFC 8259 section by
// section; a plain reader, written down from that grammar, is compared on
// random texts.

#include "proto/json/json.h"

#include <random>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/contract/limits.h"
#include "proto/contract/names.h"

namespace herald::json {
namespace {

using ::testing::HasSubstr;

std::string Nested(int depth) {
  const auto size = static_cast<size_t>(depth);
  return std::string(size, '[') + std::string(size, ']');
}

// Alone, inside of containers, and with spaces around.
void ExpectJson(const std::string& value, bool expected) {
  EXPECT_EQ(IsJson(value), expected) << value;
  EXPECT_EQ(IsJson(" \t\r\n" + value + "\n\r\t "), expected) << value;
  EXPECT_EQ(IsJson("[" + value + "]"), expected) << value;
  EXPECT_EQ(IsJson("[1," + value + ",2]"), expected) << value;
  EXPECT_EQ(IsJson("{\"a\":" + value + ",\"b\":{\"c\": " + value + " }}"),
            expected)
      << value;
}

TEST(JsonText, MayBeAnyValue) {
  for (const char* good :
       {"null", "true", "false", "0", "\"\"", "[]", "{}", "[ ]", "{\n}",
        "[[],{}]", "[[[[]]]]", "{\"\":0}", "{\"a\":1,\"a\":2}",
        "{\"a\":[1,{\"b\":null}],\"c\":\"d\"}", "[1,\t2 , 3]"}) {
    ExpectJson(good, true);
  }
}

TEST(JsonText, HasNumbersOfAnySizeButOfOneForm) {
  for (const char* good :
       {"-0", "10", "0.0", "1e1", "1E+01", "-1.50e-0", "0e0", "1e400",
        "-1E+999", "1e-99999999999", "18446744073709551616",
        "-9223372036854775809", "99999999999999999999",
        "123456789012345678901234567890.5", "0.1e-999"}) {
    ExpectJson(good, true);
  }
  for (const char* bad :
       {"01",    "-01",   "00",    "1.",          ".5",       "-.5",
        "-",     "--1",   "+1",    "1e",          "1e+",      "1.e1",
        "0x1",   "1_0",   "1.5.5", "1e5e5",       "1e1.",     "1-1",
        "1a",    "1e9x",  "NaN",   "nan",         "Infinity", "-Infinity",
        "-true", "1true", "0-",    "\xef\xbc\x91"}) {
    ExpectJson(bad, false);
  }
}

TEST(JsonText, HasStringsOfUtf8WithoutControlCharacters) {
  for (const char* good :
       {"\"a\"", "\"\x7f\"", "\"ü\"", "\"\xf0\x9f\x98\x80\"",
        "\"\xf4\x8f\xbf\xbf\"", "\"\xed\x9f\xbf\xee\x80\x80\"",
        "\"\xc2\x80\xe0\xa0\x80\xf0\x90\x80\x80\"", "\"\xef\xbb\xbf\"",
        "\"\xef\xbf\xbe\"", "\"12345678ü12345678\"", "\"'\"", "\"/\"",
        "\"a long string without anything special in it, over many words\""}) {
    ExpectJson(good, true);
  }
  for (const std::string bad : {"'a'",
                                "\"",
                                "\"a",
                                "\"\n\"",
                                "\"\t\"",
                                "\"12345678\x1f\"",
                                "\"\xff\"",
                                "\"\x80\"",
                                "\"\xc0\x80\"",
                                "\"\xc1\xbf\"",
                                "\"\xc2\"",
                                "\"\xe0\x9f\xbf\"",
                                "\"\xed\xa0\xbd\"",
                                "\"\xed\xb8\x80\"",
                                "\"\xe2\x82\"",
                                "\"\xf0\x8f\xbf\xbf\"",
                                "\"\xf4\x90\x80\x80\"",
                                "\"\xf5\x80\x80\x80\"",
                                "\"\xf0\x9f\x98\"",
                                "\"12345678\xffxxxxxxx\"",
                                "\"a\"b\"",
                                "\"\xc3\""}) {
    ExpectJson(bad, false);
  }
  ExpectJson(std::string("\"\0\"", 3), false);
  ExpectJson(std::string("\"1234567\0\"", 10), false);
}

TEST(JsonText, HasTheEscapesOfTheRfcAndHalvesOfPairs) {
  for (const char* good :
       {R"("\"\\\/\b\f\n\r\t")", R"("\u0000")", R"("\uABcd\u00e9")",
        R"("\ud83d\ude00")", R"("\ud83d")", R"("\ude00")", R"("\ude00\ud83d")",
        R"("\ud83d\ud83d\ude00")", R"("\ud83dx")", R"("\uDBFF\uFFFF")",
        R"("\\u12")", R"({"\ud83d":"\uDFFF"})"}) {
    ExpectJson(good, true);
  }
  for (const char* bad :
       {R"("\")",        R"("\a")",      R"("\v")",       R"("\0")",
        R"("\x41")",     R"("\'")",      R"("\U0041")",   R"("\u")",
        R"("\u1")",      R"("\u12")",    R"("\u123")",    R"("\u123g")",
        R"("\u 123")",   R"("\ud83d\")", R"("\ud83d\u")", R"("\ud83d\u1")",
        "\"\\",          "\"\\u00",      "\"\\\n\"",      R"({"\x":1})",
        "\"\\\xc3\xbc\""}) {
    ExpectJson(bad, false);
  }
}

TEST(JsonText, HasNothingElse) {
  for (const std::string bad : {"",
                                " ",
                                "\n",
                                "nul",
                                "nulll",
                                "NULL",
                                "True",
                                "undefined",
                                "tru e",
                                "[",
                                "]",
                                "{",
                                "}",
                                "[1",
                                "1]",
                                "[1,]",
                                "[,1]",
                                "[1,,2]",
                                "[1 2]",
                                "[1;2]",
                                "[\"a\":1]",
                                "[}",
                                "{]",
                                "{\"a\"}",
                                "{\"a\":}",
                                "{\"a\" 1}",
                                "{\"a\":1,}",
                                "{,\"a\":1}",
                                "{\"a\":1 \"b\":2}",
                                "{\"a\":1,,\"b\":2}",
                                "{a:1}",
                                "{'a':1}",
                                "{1:1}",
                                "{null:1}",
                                "{[]:1}",
                                "{\"a\"::1}",
                                "{\"a\":1:2}",
                                "[]]",
                                "{}}",
                                "[[]",
                                "{}{}",
                                "1 2",
                                "\"a\" \"b\"",
                                "[] []",
                                "// a\n1",
                                "/**/1",
                                "#1",
                                "[1]//",
                                "\xef\xbb\xbf{}",
                                "\xff",
                                "\xc2\xa0{}",
                                "\xe2\x80\xa8[]",
                                "\v1",
                                "\f1",
                                "{\"a\":1]",
                                "[1}",
                                "*",
                                "<1>",
                                "truefalse",
                                "[true\"a\"]",
                                "{\"a\":true\"b\":1}"}) {
    EXPECT_FALSE(IsJson(bad)) << bad;
  }
  EXPECT_FALSE(IsJson(absl::string_view("[1]\0", 4)));
  EXPECT_FALSE(IsJson(absl::string_view("\0", 1)));
  EXPECT_FALSE(IsJson(absl::string_view("[\0]", 3)));
  EXPECT_FALSE(IsJson(absl::string_view()));
}

// A text is part of something larger, and the bytes behind it are not read.
TEST(JsonText, EndsWhereItsViewEnds) {
  const std::string text = "[\"abc\\u0041\",12.5e7,true]";
  for (size_t size = 0; size < text.size(); ++size) {
    EXPECT_FALSE(IsJson(absl::string_view(text).substr(0, size))) << size;
  }
  EXPECT_TRUE(IsJson(absl::string_view("123", 2)));
  EXPECT_TRUE(IsJson(absl::string_view("\"ab\"c", 4)));
}

TEST(JsonText, MayBeLargeButNotDeep) {
  EXPECT_TRUE(IsJson("\"" + std::string(1 << 20, 'x') + "\""));
  EXPECT_TRUE(IsJson(Nested(contract::kJsonDepthMax)));
  EXPECT_FALSE(IsJson(Nested(contract::kJsonDepthMax + 1)));
  EXPECT_FALSE(IsJson(std::string(1 << 20, '[')));
  std::string objects = "1";
  for (int i = 0; i < contract::kJsonDepthMax; ++i)
    objects = "{\"a\":" + objects + "}";
  EXPECT_TRUE(IsJson(objects));
  EXPECT_FALSE(IsJson("[" + objects + "]"));
  // Siblings are not inside one another.
  std::string many = "[";
  for (int i = 0; i < 2000; ++i) many += "[{}],";
  EXPECT_TRUE(IsJson(many + "1]"));
}

TEST(JsonText, IsMeasuredWhereItsPartsAreBounded) {
  int depth = -1;
  EXPECT_FALSE(FindJsonFault("1", &depth).has_value());
  EXPECT_EQ(depth, 0);
  EXPECT_FALSE(FindJsonFault("[{},[[1]],2]", &depth).has_value());
  EXPECT_EQ(depth, 3);
  EXPECT_FALSE(FindJsonFault(Nested(100'000), &depth).has_value());
  EXPECT_EQ(depth, 100'000);
  EXPECT_TRUE(FindJsonFault(Nested(100'000) + "]", &depth).has_value());
}

TEST(JsonText, EndsToBeJsonAtAPlace) {
  const auto place = [](absl::string_view text) {
    const auto fault = FindJsonFault(text);
    EXPECT_TRUE(fault.has_value()) << text;
    return fault.has_value() ? fault->offset : 0;
  };
  EXPECT_EQ(place(""), 0u);
  EXPECT_EQ(place("[1,]"), 3u);
  EXPECT_EQ(place("[12 3]"), 4u);
  EXPECT_EQ(place("{} x"), 3u);
  EXPECT_EQ(place("[\"a\xff\"]"), 3u);
  EXPECT_EQ(place("[\"a\\q\"]"), 3u);
  EXPECT_EQ(place("[\"ab"), 4u);
  EXPECT_EQ(place(Nested(contract::kJsonDepthMax + 1)),
            static_cast<size_t>(contract::kJsonDepthMax));
}

TEST(JsonText, IsRefusedWithAReason) {
  const auto reason = [](absl::string_view text) {
    const absl::Status status = CheckJson("data", text);
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_TRUE(contract::IsUtf8(status.message()));
    return std::string(status.message());
  };
  EXPECT_TRUE(CheckJson("data", "1e400").ok());
  EXPECT_THAT(reason("[tru]"), HasSubstr("data \"[tru]\" is not JSON"));
  EXPECT_THAT(reason("[tru]"), HasSubstr("\"tru]\" stands where a value"));
  EXPECT_THAT(reason("{\"a\":"), HasSubstr("the text ends before a value"));
  EXPECT_THAT(reason("[\"\xff\"]"), HasSubstr("where UTF-8 belongs"));
  EXPECT_THAT(reason("[\"\n\"]"), HasSubstr("where the end of a string"));
  EXPECT_THAT(reason(Nested(600)), HasSubstr("nested deeper than 512"));
}

// The grammar of RFC 8259, rule by rule, over one text.
class Grammar {
 public:
  explicit Grammar(const std::string& text) : text_(text) {}

  bool Text() { return Element() && at_ == text_.size(); }

 private:
  char Now() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool Take(char c) { return Now() == c && ++at_ > 0; }
  bool TakeWord(const std::string& word) {
    if (text_.compare(at_, word.size(), word) != 0) return false;
    at_ += word.size();
    return true;
  }
  void Space() {
    while (Take(' ') || Take('\n')) continue;
  }
  bool Element() {
    Space();
    const bool good = Value();
    Space();
    return good;
  }
  bool Value() {
    if (Take('[')) return List(']', [this] { return Element(); });
    if (Take('{')) return List('}', [this] { return Member(); });
    if (Now() == '"') return String();
    return TakeWord("true") || Number();
  }
  template <typename One>
  bool List(char end, const One& one) {
    Space();
    if (Take(end)) return true;
    do {
      if (!one()) return false;
    } while (Take(','));
    return Take(end);
  }
  bool Member() {
    Space();
    if (!String()) return false;
    Space();
    return Take(':') && Element();
  }
  bool String() {
    if (!Take('"')) return false;
    while (!Take('"')) {
      const bool escape = Take('\\');
      if (escape && std::string("\"\\/bfnrt").find(Now()) == std::string::npos)
        return false;
      if (at_ >= text_.size() || Now() == '\n') return false;
      ++at_;
    }
    return true;
  }
  bool Digits() {
    const size_t begin = at_;
    while (Take('0') || Take('1')) continue;
    return at_ > begin;
  }
  bool Number() {
    Take('-');
    if (!Take('0') && !Digits()) return false;
    if (Take('.') && !Digits()) return false;
    if (!Take('e')) return true;
    if (!Take('+')) Take('-');
    return Digits();
  }

  const std::string& text_;
  size_t at_ = 0;
};

TEST(JsonText, IsAcceptedByTheGrammar) {
  constexpr unsigned kSeed = 8259;
  const std::vector<std::string> tokens = {
      "{", "}", "[", "]",    ":",  ",", "\"a\"", "\"", "1", "0",
      "-", ".", "e", "true", "\n", " ", "\\",    "ü",  "[]"};
  std::mt19937 random(kSeed);
  int good = 0;
  for (int i = 0; i < 200'000; ++i) {
    std::string text;
    for (size_t n = random() % 9; n > 0; --n) {
      text += tokens[random() % tokens.size()];
    }
    const bool expected = Grammar(text).Text();
    good += expected;
    ASSERT_EQ(IsJson(text), expected) << "seed " << kSeed << ": " << text;
  }
  EXPECT_GT(good, 1000);
}

// One byte of a good text is changed, added or lost.
TEST(JsonText, IsAcceptedByTheGrammarAmongBrokenTexts) {
  constexpr unsigned kSeed = 627;
  const std::string whole =
      R"({"a":[1,-0.1e10,"b\"c\\",{"dddddddddddd":true}] , "ü":{},"":[[]]})";
  std::mt19937 random(kSeed);
  int good = 0;
  for (int i = 0; i < 100'000; ++i) {
    std::string text = whole;
    for (size_t n = 1 + random() % 2; n > 0; --n) {
      const size_t at = random() % text.size();
      // A copy of another byte, so that it is no stranger to the grammar.
      const char other = text[random() % text.size()];
      if (static_cast<unsigned char>(other) >= 0x80 ||
          static_cast<unsigned char>(text[at]) >= 0x80) {
        continue;
      }
      const size_t how = random() % 3;
      if (how == 0) text[at] = other;
      if (how == 1) text.insert(at, 1, other);
      if (how == 2) text.erase(at, 1);
    }
    if (!contract::IsUtf8(text)) continue;
    const bool expected = Grammar(text).Text();
    good += expected;
    ASSERT_EQ(IsJson(text), expected) << "seed " << kSeed << ": " << text;
  }
  EXPECT_GT(good, 1000);
}

}  // namespace
}  // namespace herald::json
