// SPDX-License-Identifier: Apache-2.0
//
// Facts keep every header, and sockets share equal blocks of headers.

#include "gateway/socket/connection_facts.h"

#include <optional>
#include <string>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "herald/v1/authorizer_service.pb.h"

namespace herald::gateway {
namespace {

using ::testing::Pair;
using ::testing::UnorderedElementsAre;

v1::Connection MessageOf(const ConnectionFacts& facts) {
  v1::Connection connection;
  EXPECT_TRUE(connection.ParseFromString(facts.Serialize()));
  return connection;
}

ConnectionFacts FactsOf(HeaderPool* pool, const std::string& agent,
                        const std::string& cookie) {
  HeaderPool::Builder builder("203.0.113.7");
  builder.AddHeader("User-Agent", agent);
  builder.AddHeader("Cookie", cookie);
  return pool->Make(std::move(builder));
}

TEST(Facts, ArePassedOnUnchanged) {
  HeaderPool pool;
  HeaderPool::Builder builder("2001:db8::7");
  builder.AddHeader("Host", "chat.example.org");
  builder.AddHeader("ORIGIN", "https://example.org");
  builder.AddHeader("X-Latin", "café");
  builder.AddHeader("Empty", "");
  builder.AddHeader("cookie", "a=1");
  builder.AddHeader("accept-language", "en");
  builder.AddHeader("X-Twice", "a");
  builder.AddHeader("Accept-Language", "fr");
  builder.AddHeader("x-twice", "b");
  const v1::Connection connection = MessageOf(pool.Make(std::move(builder)));
  EXPECT_EQ(connection.remote_address(), "2001:db8::7");
  EXPECT_EQ(connection.origin(), "https://example.org");
  EXPECT_THAT(connection.headers(),
              UnorderedElementsAre(
                  Pair("host", "chat.example.org"), Pair("x-latin", "café"),
                  Pair("empty", ""), Pair("cookie", "a=1"),
                  Pair("accept-language", "en, fr"), Pair("x-twice", "a, b")));
}

TEST(Facts, MayBeNone) {
  EXPECT_EQ(MessageOf(ConnectionFacts()).ByteSizeLong(), 0u);
  HeaderPool pool;
  const v1::Connection connection =
      MessageOf(pool.Make(HeaderPool::Builder("")));
  EXPECT_EQ(connection.ByteSizeLong(), 0u);
  EXPECT_EQ(pool.size(), 0u);
}

TEST(Facts, MayBeLong) {
  HeaderPool pool;
  const std::string text(65'535, 'x');
  const ConnectionFacts facts = FactsOf(&pool, text, text);
  EXPECT_EQ(MessageOf(facts).headers().at("user-agent"), text);
  EXPECT_EQ(MessageOf(facts).headers().at("cookie"), text);
}

TEST(Users, OfOneBrowserShareItsHeadersButNotTheirCookies) {
  HeaderPool pool;
  const ConnectionFacts ada = FactsOf(&pool, "Mosaic", "ada");
  const ConnectionFacts bob = FactsOf(&pool, "Mosaic", "bob");
  EXPECT_EQ(pool.size(), 1u);
  EXPECT_EQ(MessageOf(ada).headers().at("user-agent"), "Mosaic");
  EXPECT_EQ(MessageOf(bob).headers().at("user-agent"), "Mosaic");
  EXPECT_EQ(MessageOf(ada).headers().at("cookie"), "ada");
  EXPECT_EQ(MessageOf(bob).headers().at("cookie"), "bob");

  const ConnectionFacts eve = FactsOf(&pool, "Lynx", "ada");
  EXPECT_EQ(pool.size(), 2u);
  EXPECT_EQ(MessageOf(eve).headers().at("user-agent"), "Lynx");
}

TEST(SharedFacts, AreFreedWithTheirLastSocket) {
  HeaderPool pool;
  std::optional<ConnectionFacts> ada = FactsOf(&pool, "Mosaic", "ada");
  std::optional<ConnectionFacts> bob = FactsOf(&pool, "Mosaic", "bob");
  ada.reset();
  EXPECT_EQ(pool.size(), 1u);
  EXPECT_EQ(MessageOf(*bob).headers().at("user-agent"), "Mosaic");
  bob.reset();
  EXPECT_EQ(pool.size(), 0u);
  EXPECT_EQ(MessageOf(FactsOf(&pool, "Mosaic", "eve")).headers().size(), 2u);
  EXPECT_EQ(pool.size(), 0u);
}

}  // namespace
}  // namespace herald::gateway
