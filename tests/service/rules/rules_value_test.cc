// SPDX-License-Identifier: Apache-2.0
//
// Which JSON a field of a rule accepts, for each type of field. The errors of
// other values are in rules_file_test.cc.

#include "service/rules/rules_value.h"

#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace herald::rules {
namespace {

using config::v1::ChannelRule;

// The rule that sets `field` alone; `*accepted` is whether it could be set.
ChannelRule RuleWith(int field, absl::string_view value, bool* accepted) {
  ChannelRule rule;
  *accepted = SetFromJson(*ChannelRule::descriptor()->FindFieldByNumber(field),
                          value, &rule);
  return rule;
}

ChannelRule Accept(int field, absl::string_view value) {
  bool accepted = false;
  const ChannelRule rule = RuleWith(field, value, &accepted);
  EXPECT_TRUE(accepted) << value;
  return rule;
}

// A value that is refused also leaves the rule as it was.
void ExpectRefused(int field, absl::string_view value) {
  bool accepted = true;
  const ChannelRule rule = RuleWith(field, value, &accepted);
  EXPECT_FALSE(accepted) << value;
  EXPECT_EQ(rule.ByteSizeLong(), 0u) << value;
}

TEST(AValueOfARule, ForAFlagIsTrueOrFalse) {
  constexpr int kField = ChannelRule::kClientEventsFieldNumber;
  EXPECT_TRUE(Accept(kField, "true").client_events());
  const ChannelRule rule = Accept(kField, "false");
  EXPECT_TRUE(rule.has_client_events());
  EXPECT_FALSE(rule.client_events());
  for (const char* const value :
       {R"("true")", R"("false")", R"("yes")", R"("")", "1", "0", "1.0", "[]",
        "[true]", "{}"}) {
    ExpectRefused(kField, value);
  }
}

TEST(AValueOfARule, ForANumberIsAnInteger) {
  constexpr int kField = ChannelRule::kHistorySizeFieldNumber;
  EXPECT_EQ(Accept(kField, "100").history_size(), 100);
  EXPECT_EQ(Accept(kField, "-1").history_size(), -1);
  EXPECT_TRUE(Accept(kField, "0").has_history_size());
  EXPECT_EQ(Accept(kField, "9223372036854775807").history_size(),
            std::numeric_limits<int64_t>::max());
  EXPECT_EQ(Accept(kField, "-9223372036854775808").history_size(),
            std::numeric_limits<int64_t>::min());
  for (const char* const value :
       {"100.0", "1e2", "1E2", "100e0", "1.5", "9223372036854775808",
        "-9223372036854775809", "true", "[1]", "{}"}) {
    ExpectRefused(kField, value);
  }
}

TEST(AValueOfARule, ForANumberMayBeAString) {
  constexpr int kField = ChannelRule::kMaxSubscribersFieldNumber;
  EXPECT_EQ(Accept(kField, R"("7")").max_subscribers(), 7);
  EXPECT_EQ(Accept(kField, R"("\u0037")").max_subscribers(), 7);
  for (const char* const value :
       {R"("")", R"("-")", R"("--1")", R"("+7")", R"(" 7")", R"("7 ")",
        R"("7\n")", R"("7.0")", R"("7e0")", R"("0x7")", R"("seven")",
        R"("9223372036854775808")"}) {
    ExpectRefused(kField, value);
  }
}

TEST(AValueOfARule, ForATimeIsAStringOfSeconds) {
  constexpr int kField = ChannelRule::kMemberGraceFieldNumber;
  const auto nanos = [](absl::string_view value) {
    const auto time = Accept(kField, value).member_grace();
    return time.seconds() * 1'000'000'000 + time.nanos();
  };
  EXPECT_EQ(nanos(R"("300s")"), 300'000'000'000);
  EXPECT_EQ(nanos(R"("2.5s")"), 2'500'000'000);
  EXPECT_EQ(nanos(R"("0.000000001s")"), 1);
  EXPECT_EQ(nanos(R"("-1.5s")"), -1'500'000'000);
  EXPECT_TRUE(Accept(kField, R"("0s")").has_member_grace());
  for (const char* const text :
       {"300", "s", "", "5m", "300S", "300 s", " 300s", "300s ", "+300s",
        "--1s", "1e2s", "1.s", ".5s", "1.-5s", "1.5.5s", "0.0000000001s",
        "9223372036854775808s"}) {
    ExpectRefused(kField, absl::StrCat("\"", text, "\""));
  }
  for (const char* const value : {"300", "300.5", "true", "[]", "{}"}) {
    ExpectRefused(kField, value);
  }
}

TEST(AValueOfARule, ForAChoiceIsAName) {
  constexpr int kField = ChannelRule::kSlowConsumerFieldNumber;
  EXPECT_EQ(Accept(kField, R"("SLOW_CONSUMER_DISCONNECT")").slow_consumer(),
            config::v1::SLOW_CONSUMER_DISCONNECT);
  EXPECT_EQ(Accept(kField, R"("SLOW_CONSUMER_DROP_TO_LATEST")").slow_consumer(),
            config::v1::SLOW_CONSUMER_DROP_TO_LATEST);
  for (const char* const value :
       {R"("SLOW_CONSUMER_UNSPECIFIED")", R"("slow_consumer_disconnect")",
        R"("slowConsumerDisconnect")", R"("DISCONNECT")", R"("1")", R"("")",
        "0", "1", "2", "3", "1.0", "true", "{}"}) {
    ExpectRefused(kField, value);
  }
}

TEST(AValueOfARule, ForATextIsAString) {
  constexpr int kField = ChannelRule::kPatternFieldNumber;
  EXPECT_EQ(Accept(kField, R"("chat.\u002A")").pattern(), "chat.*");
  EXPECT_EQ(Accept(kField, R"("7")").pattern(), "7");
  for (const char* const value : {"7", "true", "[]", "{}", R"(["a"])"}) {
    ExpectRefused(kField, value);
  }
}

TEST(AValueOfARule, MayBeNullWhichSetsNothing) {
  for (int i = 0; i < ChannelRule::descriptor()->field_count(); ++i) {
    const int field = ChannelRule::descriptor()->field(i)->number();
    EXPECT_EQ(Accept(field, "null").ByteSizeLong(), 0u) << field;
    ExpectRefused(field, R"(["null"])");
  }
}

}  // namespace
}  // namespace herald::rules
