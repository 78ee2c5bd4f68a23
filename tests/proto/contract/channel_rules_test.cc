// SPDX-License-Identifier: Apache-2.0
//
// Which rule a channel has, as config.proto promises it.

#include "proto/contract/channel_rules.h"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace herald::contract {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string Refusal(const absl::Status& status) {
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  return std::string(status.message());
}

// The same by recursion: every way in which the first `*` could match.
bool NaivelyMatches(absl::string_view pattern, absl::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern.front() != '*') {
    return absl::StartsWith(text, pattern.substr(0, 1)) &&
           NaivelyMatches(pattern.substr(1), text.substr(1));
  }
  for (size_t taken = 0; taken <= text.size(); ++taken) {
    if (NaivelyMatches(pattern.substr(1), text.substr(taken))) return true;
  }
  return false;
}

// Up to `length_max` bytes of an alphabet so small that much of it matches.
std::string RandomText(std::mt19937& random, absl::string_view alphabet,
                       size_t length_max) {
  std::string text(random() % (length_max + 1), ' ');
  for (char& c : text) c = alphabet[random() % alphabet.size()];
  return text;
}

TEST(APattern, IsAChannelNameWithStars) {
  for (const char* const good :
       {"*", "news", "chat.*", "*-eu", "private-*.room-*", "**", "a*b*c"}) {
    EXPECT_TRUE(CheckChannelPattern(good).ok()) << good;
  }
  EXPECT_THAT(Refusal(CheckChannelPattern("")), HasSubstr("empty"));
  for (const char* const bad : {"#mine", "a b", "chat/*", "caf\xC3\xA9", "?"}) {
    EXPECT_THAT(Refusal(CheckChannelPattern(bad)),
                AllOf(HasSubstr("pattern \""), HasSubstr("and *")));
  }
}

TEST(APattern, HasNoMoreBytesThanANameBesideItsStars) {
  EXPECT_TRUE(CheckChannelPattern(std::string(164, 'x') + "*").ok());
  EXPECT_THAT(Refusal(CheckChannelPattern(std::string(165, 'x') + "*")),
              AllOf(HasSubstr("165"), HasSubstr("164")));
}

TEST(APattern, MatchesTheWholeName) {
  EXPECT_TRUE(MatchesPattern("chat.*", "chat.1"));
  EXPECT_TRUE(MatchesPattern("chat.*", "chat."));
  EXPECT_FALSE(MatchesPattern("chat.*", "chat"));
  EXPECT_FALSE(MatchesPattern("chat.*", "a-chat.1"));
  EXPECT_TRUE(MatchesPattern("news", "news"));
  EXPECT_FALSE(MatchesPattern("news", "news2"));
  EXPECT_TRUE(MatchesPattern("a*b*c", "abbac"));
  EXPECT_FALSE(MatchesPattern("a*b*c", "acbb"));
  EXPECT_TRUE(MatchesPattern("*", ""));
  EXPECT_FALSE(MatchesPattern("", "a"));
}

TEST(APattern, MatchesByTheDefinition) {
  constexpr unsigned kSeed = 5;
  std::mt19937 random(kSeed);
  int matches = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::string pattern = RandomText(random, "ab*", 7);
    const std::string text = RandomText(random, "ab", 9);
    const bool expected = NaivelyMatches(pattern, text);
    matches += expected;
    ASSERT_EQ(MatchesPattern(pattern, text), expected)
        << "seed " << kSeed << ", pattern " << pattern << ", text " << text;
  }
  EXPECT_GT(matches, 1000);
}

TEST(Rules, AreNotNeeded) {
  const ChannelRules none({.max_payload = 7});
  EXPECT_TRUE(none.empty());
  EXPECT_EQ(none.Of("news").max_payload, 7);
  EXPECT_EQ(none.Of("news").history_size, 0);
  EXPECT_EQ(none.Of("news").history_ttl, absl::Minutes(5));
  EXPECT_EQ(none.Source("news", &ChannelRule::max_payload, "the default"),
            "the default");
}

TEST(Rules, HaveEverySetting) {
  const ChannelRules rules({{.pattern = "x",
                             .history_size = 1,
                             .history_ttl = absl::Seconds(2),
                             .presence = false,
                             .client_events = false,
                             .max_subscribers = 3,
                             .max_payload = 4,
                             .slow_consumer = SlowConsumer::kDropToLatest,
                             .member_grace = absl::Seconds(5)}},
                           {});
  const ChannelSettings x = rules.Of("x");
  EXPECT_EQ(x.history_size, 1);
  EXPECT_EQ(x.history_ttl, absl::Seconds(2));
  EXPECT_FALSE(x.presence);
  EXPECT_FALSE(x.client_events);
  EXPECT_EQ(x.max_subscribers, 3);
  EXPECT_EQ(x.max_payload, 4);
  EXPECT_EQ(x.slow_consumer, SlowConsumer::kDropToLatest);
  EXPECT_EQ(x.member_grace, absl::Seconds(5));
  const ChannelSettings other = rules.Of("xx");
  EXPECT_EQ(other.history_size, 0);
  EXPECT_TRUE(other.presence);
  EXPECT_EQ(other.slow_consumer, SlowConsumer::kDisconnect);
}

TEST(Rules, LeaveUnsetFieldsToTheLessSpecific) {
  const ChannelRules rules(
      {{.pattern = "chat.support.*", .client_events = false},
       {.pattern = "*", .max_subscribers = 9},
       {.pattern = "chat.*", .history_size = 100, .client_events = true}},
      {.max_payload = 7});
  const ChannelSettings support = rules.Of("chat.support.1");
  EXPECT_FALSE(support.client_events);
  EXPECT_EQ(support.history_size, 100);
  EXPECT_EQ(support.max_subscribers, 9);
  EXPECT_EQ(support.max_payload, 7);
  EXPECT_TRUE(rules.Of("chat.1").client_events);
  EXPECT_EQ(rules.Of("news").history_size, 0);
  EXPECT_EQ(rules.Of("news").max_subscribers, 9);
}

TEST(Rules, AreTheMoreSpecificTheMoreBytesTheyName) {
  // "*-room-*" has six bytes, "private-*" eight.
  const ChannelRules rules({{.pattern = "private-*", .max_payload = 8},
                            {.pattern = "*-room-*", .max_payload = 6}},
                           {});
  EXPECT_EQ(rules.Of("private-room-1").max_payload, 8);
  EXPECT_EQ(rules.Of("public-room-1").max_payload, 6);
}

TEST(Rules, WithAsManyBytesAreTheMoreSpecificTheFewerTheirStars) {
  const ChannelRules rules({{.pattern = "a*b", .max_payload = 1},
                            {.pattern = "ab", .max_payload = 0},
                            {.pattern = "*ab*", .max_payload = 2}},
                           {});
  EXPECT_EQ(rules.Of("ab").max_payload, 0);
  EXPECT_EQ(rules.Of("aab").max_payload, 1);
  EXPECT_EQ(rules.Of("abc").max_payload, 2);
}

TEST(Rules, ThatAreAsSpecificAsEachOtherCountFromTheLast) {
  const ChannelRules rules({{.pattern = "ab*", .max_payload = 1},
                            {.pattern = "*yz", .max_payload = 2}},
                           {});
  EXPECT_EQ(rules.Of("abyz").max_payload, 2);
  EXPECT_EQ(rules.Of("ab").max_payload, 1);
  const ChannelRules turned({{.pattern = "*yz", .max_payload = 2},
                             {.pattern = "ab*", .max_payload = 1}},
                            {});
  EXPECT_EQ(turned.Of("abyz").max_payload, 1);
}

TEST(Rules, NameTheDecidingOne) {
  const ChannelRules rules({{.pattern = "chat.*", .max_payload = 5},
                            {.pattern = "chat.1", .history_size = 1}},
                           {});
  EXPECT_EQ(rules.Source("chat.1", &ChannelRule::max_payload, "else"),
            "rule \"chat.*\"");
  EXPECT_EQ(rules.Source("chat.1", &ChannelRule::history_size, "else"),
            "rule \"chat.1\"");
  EXPECT_EQ(rules.Source("chat.1", &ChannelRule::presence, "else"), "else");
}

// The definition, without an index: of all that match, the best by rank.
int64_t NaiveMaxPayload(const std::vector<ChannelRule>& rules,
                        absl::string_view channel, int64_t otherwise) {
  int64_t best_bytes = -1;
  int64_t best_stars = 0;
  for (const ChannelRule& rule : rules) {
    if (!NaivelyMatches(rule.pattern, channel)) continue;
    const int64_t stars =
        std::count(rule.pattern.begin(), rule.pattern.end(), '*');
    const int64_t bytes = static_cast<int64_t>(rule.pattern.size()) - stars;
    if (bytes < best_bytes || (bytes == best_bytes && stars > best_stars)) {
      continue;
    }
    best_bytes = bytes;
    best_stars = stars;
    otherwise = *rule.max_payload;
  }
  return otherwise;
}

TEST(Rules, AreFoundByTheDefinition) {
  constexpr unsigned kSeed = 17;
  std::mt19937 random(kSeed);
  int decided = 0;
  for (int set = 0; set < 200; ++set) {
    std::vector<ChannelRule> rules;
    for (int64_t i = 0; i < 40; ++i) {
      rules.push_back(
          {.pattern = RandomText(random, "aab*", 5), .max_payload = i});
    }
    const ChannelRules compiled(rules, {.max_payload = -1});
    for (int i = 0; i < 100; ++i) {
      const std::string channel = RandomText(random, "ab", 7);
      const int64_t expected = NaiveMaxPayload(rules, channel, -1);
      decided += expected >= 0;
      ASSERT_EQ(compiled.Of(channel).max_payload, expected)
          << "seed " << kSeed << ", set " << set << ", channel " << channel;
    }
  }
  EXPECT_GT(decided, 1000);
}

}  // namespace
}  // namespace herald::contract
