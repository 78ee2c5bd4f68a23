// SPDX-License-Identifier: Apache-2.0
//
// Files with rules for channels: valid ones, and the precise error of each
// invalid one.

#include "service/rules/rules_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace herald::rules {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr RulesBounds kBounds = {.payload_bytes_max = 65536,
                                 .history_memory_bytes = 1'000'000};

std::string Refusal(absl::string_view path, absl::string_view text) {
  const auto config = ParseRules(path, text, kBounds);
  EXPECT_TRUE(absl::IsInvalidArgument(config.status()))
      << text << ": " << config.status();
  return std::string(config.status().message());
}

std::string JsonRefusal(absl::string_view text) {
  return Refusal("rules.json", text);
}

// A file with one rule: its pattern on line 2 and `field` on line 3.
std::string OneRule(absl::string_view field) {
  return absl::StrCat("{\"channels\": [{\n\"pattern\": \"chat.*\",\n", field,
                      "\n}]}");
}

constexpr char kJson[] = R"({
  "channels": [
    {"pattern": "chat.*", "historySize": 100, "historyTtl": "3600s"},
    {
      "pattern": "presence-*", "presence": false, "clientEvents": true,
      "maxSubscribers": "7", "maxPayload": 512,
      "slowConsumer": "SLOW_CONSUMER_DROP_TO_LATEST",
      "member_grace": "2.5s"
    }
  ]
})";

constexpr char kText[] = R"(# Comments are welcome.
channels { pattern: "chat.*" history_size: 100 history_ttl { seconds: 3600 } }
channels {
  pattern: "presence-*" presence: false client_events: true
  max_subscribers: 7
  max_payload: 512
  slow_consumer: SLOW_CONSUMER_DROP_TO_LATEST
  member_grace { seconds: 2 nanos: 500000000 }
}
)";

void ExpectBothRules(absl::string_view path, absl::string_view text) {
  const auto config = ParseRules(path, text, kBounds);
  ASSERT_TRUE(config.ok()) << config.status();
  ASSERT_EQ(config->channels_size(), 2);
  const config::v1::ChannelRule& chat = config->channels(0);
  EXPECT_EQ(chat.pattern(), "chat.*");
  EXPECT_EQ(chat.history_size(), 100);
  EXPECT_EQ(chat.history_ttl().seconds(), 3600);
  EXPECT_FALSE(chat.has_presence());
  EXPECT_FALSE(chat.has_max_payload());
  const config::v1::ChannelRule& presence = config->channels(1);
  EXPECT_EQ(presence.pattern(), "presence-*");
  EXPECT_TRUE(presence.has_presence());
  EXPECT_FALSE(presence.presence());
  EXPECT_TRUE(presence.client_events());
  EXPECT_EQ(presence.max_subscribers(), 7);
  EXPECT_EQ(presence.max_payload(), 512);
  EXPECT_EQ(presence.slow_consumer(), config::v1::SLOW_CONSUMER_DROP_TO_LATEST);
  EXPECT_EQ(presence.member_grace().nanos(), 500'000'000);
}

TEST(ARulesFile, IsJsonOrTextFormat) {
  ExpectBothRules("rules.json", kJson);
  ExpectBothRules("rules.textproto", kText);
}

TEST(ARulesFile, OfAnotherNameIsReadByItsFirstByte) {
  ExpectBothRules("rules.cfg", absl::StrCat("\n  ", kJson));
  ExpectBothRules("rules", kText);
}

TEST(ARulesFile, MayHaveNoRules) {
  for (const char* const text : {"", "# Nothing yet.\n", "{}"}) {
    const auto config = ParseRules("rules", text, kBounds);
    EXPECT_TRUE(config.ok()) << text << ": " << config.status();
  }
  EXPECT_TRUE(ParseRules("r.json", R"({"channels": []})", kBounds).ok());
  EXPECT_THAT(JsonRefusal(""), HasSubstr("rules.json:1: the text ends"));
}

TEST(ARulesFile, IsRefusedForAnUnknownField) {
  EXPECT_EQ(JsonRefusal(OneRule("\"histroySize\": 1")),
            "rules.json:3: unknown field \"histroySize\"");
  EXPECT_THAT(JsonRefusal("{\n\"channel\": []}"),
              HasSubstr("rules.json:2: unknown field \"channel\""));
  EXPECT_THAT(Refusal("rules.txtpb", "channels {\n  histroy_size: 1\n}\n"),
              AllOf(HasSubstr("rules.txtpb:2: "), HasSubstr("histroy_size")));
}

TEST(ARulesFile, IsRefusedForWrongSyntax) {
  EXPECT_THAT(JsonRefusal("{\"channels\": [\n{\"pattern\": \"a\",}]}"),
              HasSubstr("rules.json:2: \"}]}\" stands where a string belongs"));
  EXPECT_THAT(JsonRefusal("{\"channels\": [\n\n"),
              HasSubstr("rules.json:3: the text ends"));
  EXPECT_THAT(JsonRefusal("{\"channels\":\n7}"),
              HasSubstr("rules.json:2: channels is not a list"));
  EXPECT_THAT(JsonRefusal("{\"channels\": [\n7]}"),
              HasSubstr("rules.json:2: a rule is not an object"));
  EXPECT_THAT(JsonRefusal("{\"channels\": [],\n\"channels\": []}"),
              HasSubstr("rules.json:2: channels is there twice"));
  EXPECT_THAT(Refusal("rules.pbtxt", "channels {\n  pattern: \"a\n}"),
              HasSubstr("rules.pbtxt:2: "));
  EXPECT_THAT(Refusal("rules", "channels {\n  pattern: \"a\"\n"),
              HasSubstr("rules:3: "));
  EXPECT_EQ(Refusal("rules.pbtxt", "\"\r\""),
            "rules.pbtxt:1: Expected identifier, got: \" \"")
      << "on one line";
  EXPECT_THAT(Refusal("rules", std::string("# \xFF\n", 4)),
              HasSubstr("rules:1: the line is not UTF-8"));
  EXPECT_THAT(JsonRefusal("{\n\n\"\xC3\"}"),
              HasSubstr("rules.json:3: the line is not UTF-8"));
}

TEST(ARulesFile, IsRefusedForAFieldThatIsThereTwice) {
  EXPECT_THAT(JsonRefusal(OneRule("\"presence\": true,\n\"presence\": true")),
              HasSubstr("rules.json:4: presence is there twice"));
  EXPECT_THAT(JsonRefusal(OneRule("\"maxPayload\": 1,\n\"max_payload\": 2")),
              HasSubstr("rules.json:4: maxPayload is there twice"));
  EXPECT_THAT(Refusal("rules",
                      "channels { pattern: \"a\"\npresence: true\n"
                      "presence: true }"),
              HasSubstr("rules:3: "));
}

TEST(ARulesFile, IsRefusedForAValueThatIsNotOfItsFieldsType) {
  const std::pair<const char*, const char*> wrong[] = {
      {"\"historySize\": \"many\"",
       "historySize is \"many\"; allowed is a whole number"},
      {"\"historySize\": 1.5", "historySize is \"1.5\"; allowed is a whole"},
      {"\"historySize\": 99999999999999999999", "allowed is a whole number"},
      {"\"historyTtl\": 60",
       "historyTtl is \"60\"; allowed is a number of "
       "seconds like \"300s\""},
      {"\"presence\": 1", "presence is \"1\"; allowed is true or false"},
      {"\"presence\": {\"a\": [1]}", "presence is \"{\\\"a\\\": [1]}\""},
      {"\"slowConsumer\": \"DROP\"",
       "slowConsumer is \"DROP\"; allowed is "
       "SLOW_CONSUMER_DISCONNECT or"},
  };
  for (const auto& [field, reason] : wrong) {
    EXPECT_THAT(JsonRefusal(OneRule(field)),
                AllOf(HasSubstr("rules.json:3: "), HasSubstr(reason)));
  }
  EXPECT_THAT(JsonRefusal("{\"channels\": [{\n\"pattern\": 7}]}"),
              HasSubstr("rules.json:2: pattern is \"7\"; allowed is a string"));
  EXPECT_THAT(Refusal("rules", "channels {\n\nhistory_size: \"many\" }"),
              HasSubstr("rules:3: "));
}

TEST(ARulesFile, IsRefusedForAValueOutOfItsRange) {
  const std::pair<const char*, const char*> wrong[] = {
      {"\"historySize\": -1", "historySize is -1; allowed is 0 to 10000"},
      {"\"historySize\": 10001", "historySize is 10001;"},
      {"\"historyTtl\": \"0.999s\"",
       "historyTtl is 999ms; allowed is 1s to 720h"},
      {"\"historyTtl\": \"2592001s\"", "historyTtl is 720h1s;"},
      {"\"maxSubscribers\": -1", "maxSubscribers is -1; allowed is 0 to"},
      {"\"maxPayload\": 0", "maxPayload is 0; allowed is 1 to 65536"},
      {"\"maxPayload\": 65537",
       "maxPayload is 65537; allowed is 1 to 65536 (BROADCAST_MAX_PAYLOAD)"},
      {"\"memberGrace\": \"-1s\"", "memberGrace is -1s; allowed is 0 to 1h"},
      {"\"memberGrace\": \"3601s\"", "memberGrace is 1h1s;"},
  };
  for (const auto& [field, reason] : wrong) {
    EXPECT_THAT(JsonRefusal(OneRule(field)),
                HasSubstr(absl::StrCat("rules.json:3: ", reason)));
  }
  EXPECT_EQ(Refusal("rules", "channels { pattern: \"a\"\nhistory_size: -1 }"),
            "rules:2: history_size is -1; allowed is 0 to 10000");
  for (const char* const number : {"0", "3"}) {
    EXPECT_THAT(Refusal("rules", absl::StrCat("channels { pattern: \"a\"\n",
                                              "slow_consumer: ", number, " }")),
                HasSubstr(absl::StrCat("rules:2: slow_consumer is ", number,
                                       "; allowed is SLOW_CONSUMER_")));
  }
}

TEST(ARulesFile, IsRefusedForNanosThatAreNoPartOfASecond) {
  for (const char* const nanos : {"-1", "1000000000"}) {
    EXPECT_EQ(Refusal("rules", absl::StrCat("channels { pattern: \"a\"\n",
                                            "history_ttl { seconds: 2 nanos: ",
                                            nanos, " } }")),
              absl::StrCat("rules:2: history_ttl has ", nanos,
                           " nanos; allowed is 0 to 999999999"));
  }
}

TEST(ARulesFile, MayUseItsRangesToTheirEnds) {
  for (const char* const field :
       {"\"historySize\": 0", "\"historySize\": 10000",
        "\"historyTtl\": \"1s\"", "\"historyTtl\": \"2592000s\"",
        "\"maxSubscribers\": 0", "\"maxPayload\": 1", "\"maxPayload\": 65536",
        "\"memberGrace\": \"0s\"", "\"memberGrace\": \"3600s\"",
        "\"historySize\": null"}) {
    const auto config = ParseRules("rules.json", OneRule(field), kBounds);
    EXPECT_TRUE(config.ok()) << config.status();
  }
}

TEST(ARulesFile, IsRefusedForAPatternThatMatchesNoName) {
  const std::string begin = "{\"channels\": [\n{\"historySize\": 1,\n";
  EXPECT_THAT(JsonRefusal(begin + "\"pattern\": \"#mine\"}]}"),
              HasSubstr("rules.json:3: pattern \"#mine\" has a character"));
  EXPECT_THAT(JsonRefusal(begin + "\"pattern\": \"\"}]}"),
              HasSubstr("rules.json:3: pattern is empty"));
  EXPECT_THAT(JsonRefusal(begin + "\"presence\": true}]}"),
              HasSubstr("rules.json:2: pattern is empty"));
  EXPECT_THAT(JsonRefusal(absl::StrCat(begin, "\"pattern\": \"",
                                       std::string(165, 'x'), "*\"}]}")),
              AllOf(HasSubstr("rules.json:3: "), HasSubstr("165 bytes")));
  EXPECT_THAT(Refusal("rules", "channels { pattern: \"a\" }\n\nchannels { }"),
              HasSubstr("rules:3: pattern is empty"));
}

TEST(ARulesFile, IsRefusedForTwoEqualPatterns) {
  EXPECT_EQ(JsonRefusal("{\"channels\": [\n{\"pattern\": \"a*\"},\n\n"
                        "{\"pattern\": \"a\\u002A\"}]}"),
            "rules.json:4: pattern \"a*\" is there already, on line 2");
  EXPECT_EQ(Refusal("rules",
                    "channels: [{ pattern: \"a*\" },\n"
                    "{ pattern: \"b*\" },\n{ pattern: \"a*\" }]"),
            "rules:3: pattern \"a*\" is there already, on line 1");
}

// Whether a rule with `fields` is taken with so much memory, and the warnings.
bool FitsInto(int64_t memory, absl::string_view fields,
              std::vector<std::string>* warnings) {
  warnings->clear();
  return ParseRules("rules.json", OneRule(fields),
                    {.payload_bytes_max = 1000, .history_memory_bytes = memory},
                    warnings)
      .ok();
}

TEST(ARulesFile, IsRefusedForAHistoryThatMemoryCannotHold) {
  const auto config = ParseRules(
      "rules.json", OneRule("\"historySize\": 100, \"maxPayload\": 10"),
      {.payload_bytes_max = 1000, .history_memory_bytes = 10'723});
  EXPECT_TRUE(absl::IsInvalidArgument(config.status()));
  EXPECT_EQ(
      config.status().message(),
      "rules.json:3: historySize of pattern \"chat.*\" is 100; with events "
      "of 1 byte a channel takes 10724 bytes; allowed are 10723 "
      "(BROADCAST_HISTORY_MEMORY)");
  std::vector<std::string> warnings;
  EXPECT_TRUE(FitsInto(10'724, "\"historySize\": 100", &warnings));
  // The channel itself counts as well; without memory there is no history.
  EXPECT_FALSE(FitsInto(1'120, "\"historySize\": 1", &warnings));
  EXPECT_FALSE(FitsInto(0, "\"historySize\": 1", &warnings));
  EXPECT_TRUE(FitsInto(0, "\"historySize\": 0", &warnings));
  EXPECT_TRUE(warnings.empty());
}

TEST(ARulesFile, WarnsOfAHistoryThatMemoryMayNotHold) {
  std::vector<std::string> warnings;
  // 1'024 + 100 * (96 + 1'000).
  EXPECT_TRUE(FitsInto(110'624, "\"historySize\": 100", &warnings));
  EXPECT_TRUE(warnings.empty());
  EXPECT_TRUE(FitsInto(110'623, "\"historySize\": 100", &warnings));
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_EQ(
      warnings[0],
      "rules.json:3: historySize of pattern \"chat.*\" is 100; with events "
      "of 1000 bytes a channel takes 110624 bytes; there are 110623 "
      "(BROADCAST_HISTORY_MEMORY), so it may forget its oldest events "
      "early");
  // A limit of its own takes precedence.
  EXPECT_TRUE(FitsInto(110'623, "\"historySize\": 100, \"maxPayload\": 999",
                       &warnings));
  EXPECT_TRUE(warnings.empty());
}

std::string Rules(int count) {
  std::string text = "{\"channels\": [";
  for (int i = 0; i < count; ++i) {
    absl::StrAppend(&text, i == 0 ? "" : ",", "\n{\"pattern\": \"a", i, "\"}");
  }
  return text + "]}";
}

TEST(ARulesFile, HasAThousandRulesAtMost) {
  EXPECT_TRUE(ParseRules("rules.json", Rules(1000), kBounds).ok());
  EXPECT_EQ(JsonRefusal(Rules(1001)), "rules.json:1002: more than 1000 rules");
}

TEST(ARulesFile, HasFourMegabytesAtMost) {
  const std::string text(kRulesFileBytesMax, '#');
  EXPECT_TRUE(ParseRules("rules", text, kBounds).ok());
  EXPECT_EQ(Refusal("rules", text + "#"),
            "rules: the file has more than 4194304 bytes");
}

class AFile : public ::testing::Test {
 protected:
  ~AFile() override { std::remove(path_.c_str()); }

  const std::string path_ =
      absl::StrCat(::testing::TempDir(), "rules_file_", getpid(), ".json");
};

TEST_F(AFile, IsRead) {
  std::ofstream(path_) << kJson;
  const auto config = ReadRulesFile(path_, kBounds);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->channels_size(), 2);
  std::ofstream(path_) << "{\n]";
  EXPECT_THAT(std::string(ReadRulesFile(path_, kBounds).status().message()),
              HasSubstr(path_ + ":2: "));
}

TEST_F(AFile, ThatCannotBeReadIsRefusedWithTheReason) {
  const absl::Status none = ReadRulesFile(path_, kBounds).status();
  EXPECT_TRUE(absl::IsNotFound(none)) << none;
  EXPECT_THAT(std::string(none.message()), HasSubstr(path_));
  const absl::Status folder =
      ReadRulesFile(::testing::TempDir(), kBounds).status();
  EXPECT_FALSE(folder.ok());
  EXPECT_THAT(std::string(folder.message()), HasSubstr("cannot read"));
}

TEST_F(AFile, ThatMayHaveNoEndIsRefused) {
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  for (const std::string& path : {path_, std::string("/dev/zero")}) {
    const absl::Status status = ReadRulesFile(path, kBounds).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr(path), HasSubstr("not a regular file")));
  }
}

}  // namespace
}  // namespace herald::rules
