// SPDX-License-Identifier: Apache-2.0

#include "gateway/loop/client_user.h"

#include <string>
#include <variant>

#include "gtest/gtest.h"

namespace herald::gateway {
namespace {

SocketAnswered Yes(int64_t ticket, const std::string& user) {
  SocketAnswered answer;
  answer.ticket = ticket;
  answer.user.emplace().set_user_id(user);
  return answer;
}

TEST(TheUserOfAClient, IsThatOfItsFirstSignIn) {
  ClientUser client;
  EXPECT_EQ(client.user(), nullptr);
  client.OnAsked(1, "data of ada");
  SocketAnswered answer = Yes(1, "ada");
  const auto message = client.OnAnswer(answer);
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(std::get<SignedInMessage>(*message).user_data, "data of ada");
  ASSERT_NE(client.user(), nullptr);
  EXPECT_EQ(client.user()->user_id(), "ada");
}

TEST(TheUserOfAClient, StaysThoughTheClientSignsInAsAnother) {
  ClientUser client;
  for (const int64_t ticket : {1, 2, 3}) client.OnAsked(ticket, "data");
  SocketAnswered first = Yes(1, "ada");
  SocketAnswered other = Yes(2, "bob");
  SocketAnswered again = Yes(3, "ada");
  client.OnAnswer(first);
  const auto refused = client.OnAnswer(other);
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(std::get<SignInErrorMessage>(*refused).code,
            link::v1::Refused::CODE_UNAUTHORIZED);
  EXPECT_EQ(client.user()->user_id(), "ada");
  const auto repeated = client.OnAnswer(again);
  ASSERT_TRUE(repeated.has_value());
  EXPECT_TRUE(std::holds_alternative<SignedInMessage>(*repeated));
}

TEST(TheUserOfAClient, IsNotThatOfARefusedSignIn) {
  ClientUser client;
  client.OnAsked(1, "data");
  SocketAnswered no;
  no.ticket = 1;
  no.code = link::v1::Refused::CODE_UNAVAILABLE;
  no.reason = "later";
  const auto message = client.OnAnswer(no);
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(std::get<SignInErrorMessage>(*message).error, "later");
  EXPECT_EQ(client.user(), nullptr);
  EXPECT_FALSE(client.OnAnswer(no).has_value()) << "none waits any more";
}

}  // namespace
}  // namespace herald::gateway
