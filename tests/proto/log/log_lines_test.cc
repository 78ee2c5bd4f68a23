// SPDX-License-Identifier: Apache-2.0
//
// Lines that stay lines, and JSON that parses, with any values.

#include "proto/log/log_lines.h"

#include <cstdint>
#include <string>

#include "gtest/gtest.h"
#include "simdjson.h"

namespace herald::process {
namespace {

std::string Parsed(const std::string& rest, const char* field) {
  const std::string line = "{" + rest + "}";
  simdjson::dom::parser parser;
  simdjson::dom::element object;
  std::string_view value;
  EXPECT_EQ(parser.parse(line).get(object), simdjson::SUCCESS) << line;
  EXPECT_EQ(object[field].get(value), simdjson::SUCCESS) << line;
  EXPECT_EQ(line.find('\n'), std::string::npos);
  return std::string(value);
}

TEST(TextLines, NameTheirFields) {
  EXPECT_EQ(FormatText("listening",
                       {{"what", "grpc"}, {"address", "127.0.0.1:50051"}}),
            "listening what=grpc address=127.0.0.1:50051");
}

TEST(TextLines, QuoteValuesOfSeveralWords) {
  EXPECT_EQ(FormatText("ended", {{"why", "two words"}}),
            "ended why=\"two words\"");
  EXPECT_EQ(FormatText("ended", {{"why", ""}}), "ended why=\"\"");
  EXPECT_EQ(FormatText("ended", {{"why", "a\nb\"c"}}),
            "ended why=\"a\\nb\\\"c\"");
}

TEST(TextLines, AreOneLineEach) { EXPECT_EQ(FormatText("a\nb", {}), "a b"); }

TEST(JsonLines, KeepTheirValues) {
  const std::string nasty = "quote \" slash \\ line \n bell \x07 é 😀";
  EXPECT_EQ(Parsed(FormatJson("ended", {{"why", nasty}}), "why"), nasty);
  EXPECT_EQ(Parsed(FormatJson(nasty, {}), "message"), nasty);
}

TEST(Lines, ShowNumbersAsNumbers) {
  EXPECT_EQ(FormatJson("full", {{"files_max", 20000}, {"left", int64_t{-1}}}),
            R"("message":"full","files_max":20000,"left":-1)");
  EXPECT_EQ(FormatJson("full", {{"id", "7"}}), R"("message":"full","id":"7")");
  EXPECT_EQ(FormatText("full", {{"files_max", 20000}}), "full files_max=20000");
}

TEST(JsonLines, AreUtf8ForAllValues) {
  EXPECT_EQ(Parsed(FormatJson("ended", {{"why", "a\xff"}}), "why"), "a\\xff");
}

}  // namespace
}  // namespace herald::process
