// SPDX-License-Identifier: Apache-2.0

#include "proto/json/json_text.h"

#include "gtest/gtest.h"

namespace herald::json {
namespace {

std::string Written(absl::string_view text) {
  std::string out;
  AppendJsonString(text, &out);
  return out;
}

TEST(AJsonString, EscapesAsRfc8259Requires) {
  EXPECT_EQ(Written("a\"b\\c"), R"("a\"b\\c")");
  EXPECT_EQ(Written(absl::string_view("\0\n\x1f", 3)),
            R"("\u0000\u000a\u001f")");
}

TEST(AJsonString, LeavesAllElseAsItIs) {
  EXPECT_EQ(Written("/ ü 😀 \x7f"), "\"/ ü 😀 \x7f\"");
  EXPECT_EQ(Written(""), "\"\"");
}

// They come from clients' JSON, which may have them as escapes only.
TEST(AJsonString, WritesHalvesOfSurrogatePairsAsEscapes) {
  EXPECT_EQ(Written("a\xed\xa0\xbd"
                    "b\xed\xb8\x80"),
            R"("a\ud83db\ude00")");
  EXPECT_EQ(Written("\xed\x9f\xbf"), "\"\xed\x9f\xbf\"");
}

TEST(AJsonValue, IsNullWhereThereIsNone) {
  EXPECT_EQ(JsonOrNull(""), "null");
  EXPECT_EQ(JsonOrNull("[1]"), "[1]");
}

}  // namespace
}  // namespace herald::json
