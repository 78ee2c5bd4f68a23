// SPDX-License-Identifier: Apache-2.0
//
// What is JSON and what is not, compared with a parser that does not know its
// lines; and on which line it ends to be.

#include "service/rpc/json_scanner.h"

#include <random>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "service/core/encoding.h"

namespace herald::rpc {
namespace {

using ::testing::HasSubstr;

absl::Status Scan(absl::string_view text) {
  JsonScanner scanner("f", text);
  absl::Status status = scanner.Value().status();
  if (status.ok()) status = scanner.End();
  return status;
}

TEST(JsonText, IsWalkedOver) {
  for (const char* const good :
       {"{}", "[]", "1", "\"\"", " { \"a\" : [ 1 , -2.5e3, true,false,null ] }",
        "\"\\\"\\\\ \\u0041\"", "[[[[]]]]", "{\"a\":{\"a\":{}}}\n"}) {
    EXPECT_TRUE(Scan(good).ok()) << good << ": " << Scan(good);
  }
}

TEST(JsonText, EndsToBeJsonOnALine) {
  const std::pair<const char*, const char*> wrong[] = {
      {"", "f:1: the text ends before a value"},
      {"{\n\"a\": 1,\n}", "f:3: \"}\" stands where a string belongs"},
      {"[1\n 2]", "f:2: \"2]\" stands where a , or a ] belongs"},
      {"{\"a\" 1}", "f:1: \"1}\" stands where a : belongs"},
      {"{\"a\": 1\n\"b\": 2}", "f:2: \"\\\"b\\\":\" stands where a , or a }"},
      {"{\n a: 1}", "f:2: \"a:\" stands where a string belongs"},
      {"\n\n[tru]", "f:3: \"tru]\" stands where a value belongs"},
      {"[01]", "f:1: \"01]\" stands where a value belongs"},
      {"[\n\"abc\n\"]", "f:2: a string has no end on its line"},
      {"{}\n\nx", "f:3: \"x\" stands where the end belongs"},
      {"[1,\n\n", "f:3: the text ends before a value"},
      {"{\"a\":\n", "f:2: the text ends before a value"},
      {"// no\n{}", "f:1: \"//\" stands where a value belongs"},
  };
  for (const auto& [text, message] : wrong) {
    const absl::Status status = Scan(text);
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << text;
    EXPECT_THAT(std::string(status.message()), HasSubstr(message)) << text;
  }
}

TEST(JsonText, IsNotFollowedIntoAnyDepth) {
  EXPECT_TRUE(Scan(std::string(100, '[') + std::string(100, ']')).ok());
  EXPECT_THAT(std::string(Scan(std::string(100'000, '[')).message()),
              HasSubstr("nested too deeply"));
}

// Escapes are left to whoever reads the strings, so there are none in here.
TEST(JsonText, IsWhatTheParserOfPayloadsTakes) {
  constexpr unsigned kSeed = 11;
  const std::vector<std::string> tokens = {"{",     "}", "[", "]",    ":", ",",
                                           "\"a\"", "1", "-", "true", "\n"};
  std::mt19937 random(kSeed);
  int good = 0;
  for (int i = 0; i < 200'000; ++i) {
    std::string text;
    for (size_t n = random() % 8; n > 0; --n) {
      text += tokens[random() % tokens.size()];
    }
    const bool expected = core::IsJson(text);
    good += expected;
    ASSERT_EQ(Scan(text).ok(), expected) << "seed " << kSeed << ": " << text;
  }
  EXPECT_GT(good, 1000);
}

}  // namespace
}  // namespace herald::rpc
