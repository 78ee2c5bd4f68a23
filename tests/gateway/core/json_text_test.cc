// SPDX-License-Identifier: Apache-2.0

#include "gateway/core/json_text.h"

#include "gtest/gtest.h"

namespace herald::gateway {
namespace {

std::string Written(absl::string_view text) {
  std::string out;
  AppendJsonString(text, &out);
  return out;
}

TEST(AJsonString, EscapesWhatRfc8259SaysMustBe) {
  EXPECT_EQ(Written("a\"b\\c"), R"("a\"b\\c")");
  EXPECT_EQ(Written(absl::string_view("\0\n\x1f", 3)),
            R"("\u0000\u000a\u001f")");
}

TEST(AJsonString, LeavesAllElseAsItIs) {
  EXPECT_EQ(Written("/ ü 😀 \x7f"), "\"/ ü 😀 \x7f\"");
  EXPECT_EQ(Written(""), "\"\"");
}

TEST(AJsonValue, IsNullWhereThereIsNone) {
  EXPECT_EQ(JsonOrNull(""), "null");
  EXPECT_EQ(JsonOrNull("[1]"), "[1]");
}

// What is left of `text`; "refused" if a number is none.
std::string WithoutNumbers(const std::string& text) {
  std::string out;
  return ReplaceNumbers(text, &out) ? out : "refused";
}

TEST(Numbers, AreReplacedOutsideOfStrings) {
  EXPECT_EQ(WithoutNumbers(R"({"a1":-12.5e+3,"b":[0,1E999,"7\"8"],"c":true})"),
            R"({"a1":0,"b":[0,0,"7\"8"],"c":true})");
  EXPECT_EQ(WithoutNumbers("123456789012345678901234567890"), "0");
  EXPECT_EQ(WithoutNumbers("no 1 JSON {"), "no 0 JSON {");
  EXPECT_EQ(WithoutNumbers("\"half a string 1\\"), "\"half a string 1\\");
  EXPECT_EQ(WithoutNumbers(""), "");
}

TEST(Numbers, KeepToTheGrammar) {
  for (const char* good :
       {"0", "-0", "10", "0.0", "1e1", "1E+01", "-1.50e-0"}) {
    EXPECT_EQ(WithoutNumbers(good), "0") << good;
  }
  for (const char* bad : {"01", "-", "--1", "1.", "1.e1", "1e", "1e+", "1+1",
                          "-.5", "1.2.3", "1e1.0", "-e1"}) {
    EXPECT_EQ(WithoutNumbers(bad), "refused") << bad;
  }
}

}  // namespace
}  // namespace herald::gateway
