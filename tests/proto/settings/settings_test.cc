// SPDX-License-Identifier: Apache-2.0
//
// Where settings come from, and how a value that cannot be used is refused.

#include "proto/settings/settings.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/contract/names.h"
#include "proto/settings/program.h"

namespace herald::settings {
namespace {

using Kind = Setting::Kind;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const std::vector<Setting>& Declared() {
  static const auto& settings = *new std::vector<Setting>{
      {"test_a", Process::kBoth, Kind::kInteger, "N", "4", "", "", 0, 100},
      {"test_yes", Process::kService, Kind::kBoolean, "BOOL", "true", "", ""},
      {"test_time", Process::kService, Kind::kSeconds, "S", "7", "", "", 0,
       100},
      {"test_choice", Process::kService, Kind::kChoice, "C", "text", "", "", 0,
       0, "text, json"},
      {"test_token", Process::kService, Kind::kTokens, "T", "", "", "", 0, 0,
       "",
       /*secret=*/true},
      {"test_text", Process::kService, Kind::kText, "T", "", "", ""},
      {"test_loops", Process::kGateway, Kind::kInteger, "N", "1", "", "", 0, 9},
  };
  return settings;
}

// A folder of its own for each test, in which the process is meanwhile.
class ASetting : public ::testing::Test {
 protected:
  ASetting() {
    std::string name = ::testing::TempDir() + "herald-XXXXXX";
    folder_ = ::mkdtemp(name.data());
    std::filesystem::current_path(folder_);
  }
  ~ASetting() override {
    std::filesystem::current_path("/");
    std::filesystem::remove_all(folder_);
    for (const std::string& name : variables_) ::unsetenv(name.c_str());
  }

  void Write(const std::string& text, const std::string& name = ".env") {
    std::ofstream(folder_ / name) << text;
  }
  void Set(const std::string& name, const std::string& value) {
    ::setenv(name.c_str(), value.c_str(), /*overwrite=*/1);
    variables_.push_back(name);
  }
  static Settings Read(const std::vector<std::string>& arguments = {}) {
    return Settings(Process::kService, arguments, Declared());
  }

  std::filesystem::path folder_;
  std::vector<std::string> variables_;
};

TEST_F(ASetting, IsTheFlagThenTheVariableThenTheFileThenTheDefault) {
  EXPECT_EQ(Read().Integer("test_a"), 4);
  Write("\n BROADCAST_TEST_A=3");
  EXPECT_EQ(Read().Integer("test_a"), 3);
  EXPECT_EQ(Read().Of(Declared()[0]).source, ".env:2");
  Set("BROADCAST_TEST_A", "2");
  EXPECT_EQ(Read().Integer("test_a"), 2);
  for (const std::vector<std::string>& flag :
       {std::vector<std::string>{"--test-a=1"},
        {"--test_a=1"},
        {"--test-a", "1"},
        {"--test_a", "1"},
        {"--test-a=9", "--test_a=1"}}) {
    EXPECT_EQ(Read(flag).Integer("test_a"), 1);
    EXPECT_THAT(Read(flag).errors(), IsEmpty());
  }
}

TEST_F(ASetting, CountsAsNotGivenWhenItIsEmpty) {
  Write("BROADCAST_TEST_A=\nBROADCAST_TEST_TEXT=''");
  Set("BROADCAST_TEST_A", "");
  EXPECT_EQ(Read({"--test-a="}).Integer("test_a"), 4);
  EXPECT_THAT(Read({"--test-a="}).errors(), IsEmpty());
}

TEST_F(ASetting, ThatCannotBeUsedIsRefusedWithNameValueAndAllowedValues) {
  const Settings by_flag = Read({"--test_a=many"});
  EXPECT_EQ(by_flag.Integer("test_a"), 4);
  EXPECT_THAT(
      by_flag.errors(),
      ElementsAre("BROADCAST_TEST_A: \"many\" is not a number (allowed: "
                  "0 to 100); from --test_a"));
  Write("#\nBROADCAST_TEST_A=1000 # too many");
  EXPECT_THAT(Read().errors(),
              ElementsAre(".env:2: BROADCAST_TEST_A: \"1000\" is a number out "
                          "of range (allowed: 0 to 100)"));
}

TEST_F(ASetting, ThatAProgramRefusesIsRefusedWithItsSource) {
  EXPECT_EQ(Read().WithSource("test_text", "wrong"), "wrong");
  EXPECT_EQ(Read({"--test-text=a"}).WithSource("test_text", "wrong"),
            "wrong; from --test-text");
  Write("BROADCAST_TEST_TEXT=a");
  EXPECT_EQ(Read().WithSource("test_text", "wrong"), ".env:1: wrong");
}

TEST_F(ASetting, IsOneOfSeveralThatAreRefused) {
  EXPECT_EQ(Read({"--test-a=x", "--test-yes=x", "--bogus"}).errors().size(),
            3u);
}

TEST_F(ASetting, OfANumberIsDecimalAndWithinItsRange) {
  for (const char* text :
       {"-1", "101", "1.5", "0x10", "1 2", "1e2", "99999999999999999999"}) {
    EXPECT_FALSE(CheckValue(Declared()[0], text).ok()) << text;
  }
  for (const char* text : {"0", "100"}) {
    EXPECT_TRUE(CheckValue(Declared()[0], text).ok()) << text;
  }
}

TEST_F(ASetting, OfYesOrNoHasManyNames) {
  for (const char* yes : {"true", "TRUE", "1", "yes", "on"}) {
    EXPECT_EQ(ParseBoolean(yes), true) << yes;
  }
  for (const char* no : {"false", "False", "0", "no", "off"}) {
    EXPECT_EQ(ParseBoolean(no), false) << no;
  }
  EXPECT_FALSE(CheckValue(Declared()[1], "maybe").ok());
}

TEST_F(ASetting, OfADurationIsInSecondsAndMoreThanNone) {
  EXPECT_EQ(Read({"--test-time=0.25"}).Seconds("test_time"),
            absl::Milliseconds(250));
  EXPECT_EQ(Read({"--test-time=100"}).Seconds("test_time"), absl::Seconds(100));
  EXPECT_EQ(absl::ToInt64Milliseconds(
                Read({"--test-time=0.001"}).Seconds("test_time")),
            1);
  for (const char* text :
       {"0", "0.0009", "1e-9", "-1", "100.5", "1s", "nan", "inf"}) {
    EXPECT_FALSE(CheckValue(Declared()[2], text).ok()) << text;
  }
}

TEST_F(ASetting, OfAChoiceIsOneOfThoseAllowed) {
  EXPECT_TRUE(CheckValue(Declared()[3], "json").ok());
  EXPECT_THAT(std::string(CheckValue(Declared()[3], "xml").message()),
              HasSubstr("text, json"));
}

TEST_F(ASetting, OfAListIsTrimmedAndHasAPart) {
  EXPECT_THAT(ParseList(" a ,, b,"), ElementsAre("a", "b"));
  EXPECT_THAT(Read().List("test_token"), IsEmpty());
  for (const char* text : {",", " ", " , ,"}) {
    EXPECT_FALSE(CheckValue(Declared()[4], text).ok()) << text;
  }
}

// gRPC would end the process that shows such a token.
TEST_F(ASetting, OfTokensIsPrintableAsciiAndNeverShown) {
  for (const std::string text : {"t\xc3\xb6ken", "a\nb", "a,\x7f"}) {
    const absl::Status status = CheckValue(Declared()[4], text);
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr("BROADCAST_TEST_TOKEN: the value has"),
                      HasSubstr("ASCII"), Not(HasSubstr(text))));
  }
  EXPECT_TRUE(CheckValue(Declared()[4], "a b,c~").ok());
}

std::string ProblemOf(Kind kind, absl::string_view value) {
  Setting setting;
  setting.name = "test_address";
  setting.kind = kind;
  return std::string(CheckValue(setting, value).message());
}

// gRPC dials /tmp/aA for unix:/tmp/a%41, and no listener is there.
TEST_F(ASetting, OfAUnixPathMeansOnePathToListenersAndCallers) {
  for (const Kind kind :
       {Kind::kListenAddress, Kind::kTarget, Kind::kTargets}) {
    for (const std::string value : {"unix:/tmp/a%41", "unix:/tmp/%", "unix:%",
                                    "unix:/tmp/a b", "unix:/tmp/a\tb"}) {
      EXPECT_THAT(ProblemOf(kind, value),
                  AllOf(HasSubstr("BROADCAST_TEST_ADDRESS: "),
                        HasSubstr(contract::Quoted(value)),
                        HasSubstr("in its path"), HasSubstr("(allowed: ")));
    }
    EXPECT_EQ(ProblemOf(kind, "unix:/run/herald/a-b_c.sock"), "");
  }
  // The zone of an IPv6 address is no path.
  EXPECT_EQ(ProblemOf(Kind::kListenAddress, "[fe80::1%eth0]:80"), "");
  EXPECT_THAT(ProblemOf(Kind::kTargets, "127.0.0.1:1,unix:/a%41"),
              HasSubstr("has \"unix:/a%41\", which has a % in its path"));
}

TEST_F(ASetting, ThatIsSecretIsShownNowhere) {
  const Settings settings = Read({"--test-token=hunter2", "--test-text=a b#c"});
  EXPECT_THAT(CheckText(settings),
              AllOf(Not(HasSubstr("hunter2")),
                    HasSubstr("# BROADCAST_TEST_TOKEN=(secret) # --test-token"),
                    HasSubstr("BROADCAST_TEST_A=4 # default"),
                    HasSubstr("BROADCAST_TEST_TEXT=\"a b#c\" # --test-text"),
                    Not(HasSubstr("LOOPS"))));
}

TEST_F(ASetting, ThatIsMisspeltIsWarnedOfOrRefused) {
  Set("BROADCAST_TEST_AB", "1");
  Write(
      "BROADCAST_TSET_TIME=1\nBROADCAST_CONNECTION=reverb\n"
      "BROADCAST_DRIVER=log\nBROADCAST_TEST_LOOPS=x\nBROADCAST_OTHER=1\n");
  EXPECT_THAT(Read().errors(), IsEmpty());
  EXPECT_THAT(
      Read().warnings(),
      ElementsAre("BROADCAST_TEST_AB is no setting; did you mean "
                  "BROADCAST_TEST_A?",
                  ".env:1: BROADCAST_TSET_TIME is no setting; did you mean "
                  "BROADCAST_TEST_TIME?"));
  EXPECT_EQ(Read({"--strict"}).errors().size(), 2u);
}

TEST_F(ASetting, IsNoFlagThatThereIsNot) {
  EXPECT_THAT(Read({"--test_aa=secret"}).errors(),
              ElementsAre("there is no flag --test_aa; did you mean --test-a? "
                          "(see --help)"));
  EXPECT_THAT(Read({"--test-loops=1"}).errors(),
              ElementsAre(HasSubstr("herald-gateway")));
  EXPECT_THAT(Read({"word"}).errors(), ElementsAre(HasSubstr("no flag")));
  EXPECT_THAT(Read({"--secert", "hunter2"}).errors(),
              ElementsAre(HasSubstr("--secert"), Not(HasSubstr("hunter2"))));
  EXPECT_THAT(Read({"--env-file="}).errors(),
              ElementsAre("--env-file needs the path of a file"));
  EXPECT_THAT(Read({"--test-a"}).errors(), ElementsAre(HasSubstr("a value")));
  EXPECT_THAT(Read({"--check=true", "--strict=false"}).errors(),
              ElementsAre("--check takes no value", "--strict takes no value"));
}

// The `.env` file of an application.
class AForeignFile : public ASetting {};

TEST_F(AForeignFile, StopsNothing) {
  for (const char* text :
       {"APP_NAME=\"My App\"\n", "KEY=\"-----BEGIN\nBROADCAST_TEST_A=x\n--\"\n",
        "KEY='a\nb'\r\n", "MIX-KEY=1\n", "nonsense\n=1\nA B=1\n", "\xff\x01\n",
        "KEY=\"open\n", "KEY='open\nB=1\nC='x'y\n", "export A\n", "A: 1\n",
        "[section]\n", "<?php\n"}) {
    Write(absl::StrCat(text, "BROADCAST_TEST_A=5 # five\n"));
    EXPECT_THAT(Read().errors(), IsEmpty()) << text;
    EXPECT_EQ(Read().Integer("test_a"), 5) << text;
  }
}

TEST_F(AForeignFile, MayHaveAMarkOfByteOrder) {
  Write(
      "\xef\xbb\xbf"
      "BROADCAST_TEST_A=5\r\nexport BROADCAST_TEST_TIME = 3\r\n");
  EXPECT_EQ(Read().Integer("test_a"), 5);
  EXPECT_EQ(Read().Seconds("test_time"), absl::Seconds(3));
}

TEST_F(AForeignFile, ThatCannotBeReadIsWarnedOf) {
  ::mkdir(".env", 0700);
  EXPECT_THAT(Read().warnings(), ElementsAre(HasSubstr("directory")));
  EXPECT_THAT(Read({"--env-file=.env"}).errors(),
              ElementsAre(HasSubstr("directory")));
  ::rmdir(".env");
  ::mkfifo(".env", 0600);
  EXPECT_THAT(Read().warnings(), ElementsAre(HasSubstr("regular")));
  ::unlink(".env");
  Write(
      std::string("\xff\xfe"
                  "B\0",
                  4));
  EXPECT_THAT(Read().warnings(), ElementsAre(HasSubstr("UTF-16")));
  Write(std::string(kEnvFileBytesMax + 1, 'x'));
  EXPECT_THAT(Read().warnings(), ElementsAre(HasSubstr("too large")));
  EXPECT_THAT(Read().errors(), IsEmpty());
}

TEST_F(AForeignFile, IsBlamedForItsLinesAboutSettings) {
  Write(
      "A=1\nBROADCAST_TEST_A 5\nBROADCAST_OTHER 5\nBROADCAST_TEST_TIME=\"5\n");
  EXPECT_THAT(Read().errors(),
              ElementsAre(HasSubstr(".env:4: BROADCAST_TEST_TIME: the quotes"),
                          HasSubstr(".env:2: the line")));
}

TEST_F(AForeignFile, ThatIsNamedIsOurs) {
  Write("A=1\nnonsense\n", "named");
  EXPECT_THAT(Read({"--env_file=named"}).errors(),
              ElementsAre(HasSubstr("named:2: the line")));
  EXPECT_THAT(
      Read({"--env-file", "missing"}).errors(),
      ElementsAre(AllOf(HasSubstr("--env-file"), HasSubstr("missing"))));
}

TEST(AnEnvFile, HasNamesAndValues) {
  const EnvFile file = ParseEnvFile(
      "f",
      "# A comment\n\nA=1\n  export B = two words \nC=\"a # b\" # c\n"
      "D='single'\r\nE=\nF=a=b\nG=#literal\nH= # none\nI=\"a\\\"b\\n\\d\"\n"
      "J='x\ny' # z\nK=a#b # c\nL=last");
  const auto value = [&file](const char* name) {
    return file.variables.at(name).value;
  };
  EXPECT_EQ(value("A"), "1");
  EXPECT_EQ(value("B"), "two words");
  EXPECT_EQ(value("C"), "a # b");
  EXPECT_EQ(value("D"), "single");
  EXPECT_EQ(value("E"), "");
  EXPECT_EQ(value("F"), "a=b");
  EXPECT_EQ(value("G"), "#literal");
  EXPECT_EQ(value("H"), "");
  EXPECT_EQ(value("I"), "a\"b\n\\d");
  EXPECT_EQ(value("J"), "x\ny");
  EXPECT_EQ(value("K"), "a#b");
  EXPECT_EQ(value("L"), "last");
  EXPECT_EQ(file.variables.at("L").line, 15);
  EXPECT_EQ(file.variables.size(), 12u);
}

TEST(AnEditDistance, CountsCharacters) {
  EXPECT_EQ(EditDistance("", "abc"), 3u);
  EXPECT_EQ(EditDistance("kitten", "sitting"), 3u);
  EXPECT_EQ(EditDistance("same", "same"), 0u);
}

TEST(TheDeclarations, AreSound) {
  for (const Setting& setting : Declarations()) {
    EXPECT_FALSE(setting.text.empty()) << setting.name;
    if (setting.default_value.empty()) continue;
    EXPECT_TRUE(CheckValue(setting, setting.default_value).ok())
        << setting.name;
  }
}

TEST(TheDeclarations, AreTheTableOfTheReadme) {
  std::stringstream readme;
  readme << std::ifstream(HERALD_README).rdbuf();
  const std::string table = ReadmeTable(Declarations());
  EXPECT_NE(readme.str().find(table), std::string::npos)
      << "proto/README.md should have this table:\n"
      << table;
}

}  // namespace
}  // namespace herald::settings
