// SPDX-License-Identifier: Apache-2.0
//
// Where settings come from, and what a value that cannot be used is told.

#include "proto/contract/settings.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace herald::contract {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

constexpr SettingsReader::Range kRange = {0, 100};
const SettingsReader::Flag kNoFlag;

// A variable of the environment for the time of one test.
class Variable {
 public:
  Variable(std::string name, const std::string& value)
      : name_(std::move(name)) {
    ::setenv(name_.c_str(), value.c_str(), /*overwrite=*/1);
  }
  ~Variable() { ::unsetenv(name_.c_str()); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const std::string name_;
};

TEST(ASetting, IsTheFlagThenTheVariableThenTheFileThenTheDefault) {
  SettingsReader settings(Variables{{"BROADCAST_TEST_A", "3"}});
  {
    const Variable variable("BROADCAST_TEST_A", "2");
    EXPECT_EQ(settings.Integer("test_a", "1", 4, kRange), 1);
    EXPECT_EQ(settings.Integer("test_a", kNoFlag, 4, kRange), 2);
  }
  EXPECT_EQ(settings.Integer("test_a", kNoFlag, 4, kRange), 3);
  EXPECT_EQ(settings.Integer("test_b", kNoFlag, 4, kRange), 4);
  EXPECT_TRUE(settings.status().ok());
}

TEST(ASetting, CountsAsNotGivenWhenItIsEmpty) {
  SettingsReader settings(Variables{{"BROADCAST_TEST_A", ""}});
  const Variable variable("BROADCAST_TEST_A", "");
  EXPECT_EQ(settings.Integer("test_a", "", 4, kRange), 4);
  EXPECT_TRUE(settings.status().ok());
}

TEST(ASetting, ThatCannotBeUsedSaysNameValueAndWhatIsAllowed) {
  SettingsReader settings({});
  EXPECT_EQ(settings.Integer("max_channels", "many", 4, kRange), 4);
  EXPECT_TRUE(absl::IsInvalidArgument(settings.status()));
  EXPECT_THAT(
      std::string(settings.status().message()),
      AllOf(HasSubstr("BROADCAST_MAX_CHANNELS"), HasSubstr("--max_channels"),
            HasSubstr("\"many\""), HasSubstr("0 to 100")));
}

TEST(ASetting, IsBlamedInTheOrderOfReading) {
  SettingsReader settings({});
  settings.Integer("first", "x", 0, kRange);
  settings.Boolean("second", "x", false);
  EXPECT_THAT(std::string(settings.status().message()), HasSubstr("--first"));
}

TEST(ANumber, IsDecimalAndWithinItsRange) {
  for (const char* text :
       {"-1", "101", "1.5", "0x10", "", "1 2", "1e2", "99999999999999999999"}) {
    SettingsReader settings({});
    EXPECT_EQ(settings.Integer("test_a", text, 7, kRange), 7) << text;
    EXPECT_EQ(settings.status().ok(), *text == '\0') << text;
  }
  SettingsReader settings({});
  EXPECT_EQ(settings.Integer("test_a", "0", 7, kRange), 0);
  EXPECT_EQ(settings.Integer("test_a", "100", 7, kRange), 100);
  EXPECT_TRUE(settings.status().ok());
}

TEST(AYesOrNo, HasManyNames) {
  SettingsReader settings({});
  for (const char* yes : {"true", "TRUE", "1", "yes", "on"}) {
    EXPECT_TRUE(settings.Boolean("test_a", yes, false)) << yes;
  }
  for (const char* no : {"false", "False", "0", "no", "off"}) {
    EXPECT_FALSE(settings.Boolean("test_a", no, true)) << no;
  }
  EXPECT_TRUE(settings.status().ok());
  EXPECT_TRUE(settings.Boolean("test_a", "maybe", true));
  EXPECT_FALSE(settings.status().ok());
}

TEST(ADuration, IsInSecondsAndMoreThanNone) {
  SettingsReader good({});
  EXPECT_EQ(good.Seconds("test_a", "0.25", absl::Seconds(7), kRange),
            absl::Milliseconds(250));
  EXPECT_EQ(good.Seconds("test_a", "100", absl::Seconds(7), kRange),
            absl::Seconds(100));
  EXPECT_EQ(absl::ToInt64Milliseconds(
                good.Seconds("test_a", "0.001", absl::Seconds(7), kRange)),
            1);
  EXPECT_TRUE(good.status().ok());
  for (const char* text :
       {"0", "0.0009", "1e-9", "-1", "100.5", "1s", "nan", "inf"}) {
    SettingsReader settings({});
    EXPECT_EQ(settings.Seconds("test_a", text, absl::Seconds(7), kRange),
              absl::Seconds(7))
        << text;
    EXPECT_FALSE(settings.status().ok()) << text;
  }
}

TEST(AnAddress, IsHostAndPort) {
  for (const char* text : {"127.0.0.1:0", "localhost:65535", "[::1]:80"}) {
    SettingsReader settings({});
    EXPECT_EQ(settings.ListenAddress("test_a", text, "0.0.0.0:1"), text);
    EXPECT_TRUE(settings.status().ok()) << text;
  }
  for (const char* text : {"80", ":80", "host", "host:", "host:x", "host:65536",
                           "::1:80", "host:-1", "[]:80", "host:80:90"}) {
    SettingsReader settings({});
    EXPECT_EQ(settings.ListenAddress("test_a", text, "0.0.0.0:1"), "0.0.0.0:1")
        << text;
    EXPECT_FALSE(settings.status().ok()) << text;
  }
}

TEST(AnAddress, IsTakenApartWithoutBrackets) {
  const auto parts = SplitHostPort("[::1]:80");
  ASSERT_TRUE(parts.has_value());
  EXPECT_EQ(parts->host, "::1");
  EXPECT_EQ(parts->port, 80);
}

TEST(AChoice, IsOneOfThoseAllowed) {
  SettingsReader settings({});
  EXPECT_EQ(settings.OneOf("test_a", "json", "text", {"text", "json"}), "json");
  EXPECT_TRUE(settings.status().ok());
  EXPECT_EQ(settings.OneOf("test_a", "xml", "text", {"text", "json"}), "text");
  EXPECT_THAT(std::string(settings.status().message()),
              HasSubstr("text, json"));
}

TEST(AList, IsTrimmedAndHasNoEmptyParts) {
  SettingsReader settings({});
  EXPECT_THAT(settings.List("test_a", " a ,, b,", ""), ElementsAre("a", "b"));
  EXPECT_THAT(settings.List("test_a", kNoFlag, ""), IsEmpty());
  EXPECT_TRUE(settings.status().ok());
}

TEST(AList, ThatIsGivenHasAPart) {
  for (const char* text : {",", " ", " , ,"}) {
    SettingsReader by_flag({});
    EXPECT_THAT(by_flag.List("api_token", text, "default"), IsEmpty());
    SettingsReader by_file(Variables{{"BROADCAST_API_TOKEN", text}});
    EXPECT_THAT(by_file.List("api_token", kNoFlag, ""), IsEmpty());
    for (const SettingsReader* reader : {&by_flag, &by_file}) {
      EXPECT_TRUE(absl::IsInvalidArgument(reader->status())) << text;
      EXPECT_THAT(std::string(reader->status().message()),
                  HasSubstr("BROADCAST_API_TOKEN"));
    }
  }
}

// A file of its own for each test.
class AnEnvFile : public ::testing::Test {
 protected:
  ~AnEnvFile() override { std::filesystem::remove(path_); }

  absl::StatusOr<Variables> Read(const std::string& text) {
    std::ofstream(path_) << text;
    return ReadEnvFile(path_, /*required=*/true);
  }

  const std::string path_ = absl::StrCat(
      ::testing::TempDir(), "/herald-",
      ::testing::UnitTest::GetInstance()->current_test_info()->name(), "-",
      ::testing::UnitTest::GetInstance()->random_seed(), "-", ::getpid());
};

TEST_F(AnEnvFile, HasNamesAndValues) {
  const auto variables = Read(
      "# A comment\n"
      "\n"
      "A=1\n"
      "  export B = two words \n"
      "C=\"quoted # not a comment\"\n"
      "D='single'\r\n"
      "E=\n"
      "F=a=b\n");
  ASSERT_TRUE(variables.ok()) << variables.status();
  EXPECT_THAT(*variables,
              UnorderedElementsAre(Pair("A", "1"), Pair("B", "two words"),
                                   Pair("C", "quoted # not a comment"),
                                   Pair("D", "single"), Pair("E", ""),
                                   Pair("F", "a=b")));
}

TEST_F(AnEnvFile, SaysWhichLineIsWrong) {
  for (const char* text : {"A=1\nnonsense\n", "A=1\n=2\n", "A=1\nA B=2\n"}) {
    const auto variables = Read(text);
    EXPECT_TRUE(absl::IsInvalidArgument(variables.status()));
    EXPECT_THAT(std::string(variables.status().message()),
                HasSubstr(absl::StrCat(path_, ":2:")));
  }
}

TEST_F(AnEnvFile, MayBeMissingUnlessItWasNamed) {
  const auto variables = ReadEnvFile(path_, /*required=*/false);
  ASSERT_TRUE(variables.ok());
  EXPECT_THAT(*variables, IsEmpty());
  EXPECT_TRUE(absl::IsNotFound(ReadEnvFile(path_, true).status()));
}

TEST_F(AnEnvFile, ThatIsThereAndCannotBeReadIsAnError) {
  std::filesystem::create_directory(path_);
  for (const bool required : {false, true}) {
    const auto variables = ReadEnvFile(path_, required);
    EXPECT_FALSE(variables.ok());
    EXPECT_FALSE(absl::IsNotFound(variables.status()));
    EXPECT_THAT(std::string(variables.status().message()),
                AllOf(HasSubstr(path_), HasSubstr("directory")));
  }
}

TEST_F(AnEnvFile, NeedsNoNewlineAtItsEnd) {
  const auto variables = Read("A=1\nB=2");
  ASSERT_TRUE(variables.ok()) << variables.status();
  EXPECT_THAT(*variables, UnorderedElementsAre(Pair("A", "1"), Pair("B", "2")));
}

}  // namespace
}  // namespace herald::contract
