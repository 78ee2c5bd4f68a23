// SPDX-License-Identifier: Apache-2.0

#include "gateway/net/origin_patterns.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace herald::gateway {
namespace {

struct OriginCase {
  std::vector<std::string> patterns;
  std::string origin;
  bool allowed;
};

TEST(OriginPatterns, AreComparedWithTheWholeOrigin) {
  const std::vector<OriginCase> cases = {
      {{"*"}, "https://example.org", true},
      {{"*"}, "", true},
      {{}, "https://example.org", false},
      {{"https://example.org"}, "https://example.org", true},
      {{"https://example.org"}, "https://example.org:8443", false},
      {{"https://example.org"}, "https://example.org.evil.net", false},
      {{"https://example.org"}, "http://example.org", false},
      {{"https://example.org"}, "https://example.or", false},
      {{"https://*.example.org"}, "https://chat.example.org", true},
      {{"https://*.example.org"}, "https://a.b.example.org", true},
      {{"https://*.example.org"}, "https://example.org", false},
      {{"https://*.example.org"}, "https://evil.net/.example.org", true},
      {{"http*://localhost*"}, "http://localhost", true},
      {{"http*://localhost*"}, "https://localhost:3000", true},
      {{"http://a", "http://b"}, "http://b", true},
      {{"http://a", "http://b"}, "http://c", false},
      {{"null"}, "null", true},
  };
  for (const OriginCase& c : cases) {
    EXPECT_EQ(OriginPatterns(c.patterns).Allow(c.origin), c.allowed)
        << c.origin;
  }
}

TEST(OriginPatterns, DoNotRegardCase) {
  EXPECT_TRUE(
      OriginPatterns({"https://Example.ORG"}).Allow("HTTPS://eXample.org"));
}

TEST(AStar, TakesTheShortestRunThatFitsAndThenLonger) {
  const OriginPatterns patterns({"a*b*c"});
  EXPECT_TRUE(patterns.Allow("abc"));
  EXPECT_TRUE(patterns.Allow("abcbc"));
  EXPECT_TRUE(patterns.Allow("axxbbxxcc"));
  EXPECT_FALSE(patterns.Allow("abcb"));
  EXPECT_FALSE(patterns.Allow("acb"));
}

TEST(ManyStars, CostNoMoreThanTheirLengthTimesTheOrigin) {
  std::string pattern;
  for (int i = 0; i < 1000; ++i) pattern += "*a";
  pattern += "b";
  EXPECT_FALSE(OriginPatterns({pattern}).Allow(std::string(10000, 'a')));
}

}  // namespace
}  // namespace herald::gateway
