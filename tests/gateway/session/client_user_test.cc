// SPDX-License-Identifier: Apache-2.0
//
// Sign-ins of one client. Their messages in a dialect are tested in
// shard_dialects_test.cc.

#include "gateway/session/client_user.h"

#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "proto/contract/limits.h"
#include "tests/gateway/dialects/line_dialect.h"
#include "tests/gateway/gateway_world.h"

namespace herald::gateway {
namespace {

class TheUserOfAClient : public GatewayWorld {
 protected:
  // The ticket of a sign-in that the service was asked about.
  int64_t SignIn(const std::string& data) {
    const auto refusal = user_.SignIn({"proof", data}, client_, &state_);
    EXPECT_FALSE(refusal.has_value());
    return uplink_->items.back().socket_question().ticket();
  }
  std::optional<ServerMessage> Allow(int64_t ticket, const std::string& id) {
    SocketAnswered answer;
    answer.ticket = ticket;
    answer.user.emplace().set_user_id(id);
    return user_.OnAnswer(answer);
  }

  FakeSocket socket_;
  LineDialect lines_;
  LoopState state_{{}, &router_, &loops_[0], &observer_, loops_[0].now};
  HeaderPool pool_;
  ClientState client_{nullptr, &socket_, &lines_, 8,
                      pool_.Make(HeaderPool::Builder("203.0.113.7"))};
  ClientUser user_;
};

TEST_F(TheUserOfAClient, IsThatOfItsFirstSignIn) {
  Attach();
  EXPECT_EQ(user_.user(), nullptr);
  const auto message = Allow(SignIn("data of ada"), "ada");
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(std::get<SignedInMessage>(*message).user_data, "data of ada");
  ASSERT_NE(user_.user(), nullptr);
  EXPECT_EQ(user_.user()->user_id(), "ada");
}

TEST_F(TheUserOfAClient, StaysThoughTheClientSignsInAsAnother) {
  Attach();
  const int64_t first = SignIn("1");
  const int64_t other = SignIn("2");
  const int64_t again = SignIn("3");
  Allow(first, "ada");
  const auto refused = Allow(other, "bob");
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(std::get<SignInErrorMessage>(*refused).code,
            link::v1::Refused::CODE_UNAUTHORIZED);
  EXPECT_EQ(user_.user()->user_id(), "ada");
  const auto repeated = Allow(again, "ada");
  ASSERT_TRUE(repeated.has_value());
  EXPECT_TRUE(std::holds_alternative<SignedInMessage>(*repeated));
}

TEST_F(TheUserOfAClient, IsNotThatOfARefusedSignIn) {
  Attach();
  SocketAnswered no;
  no.ticket = SignIn("data");
  no.code = link::v1::Refused::CODE_UNAVAILABLE;
  no.reason = "later";
  const auto message = user_.OnAnswer(no);
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(std::get<SignInErrorMessage>(*message).error, "later");
  EXPECT_EQ(user_.user(), nullptr);
  EXPECT_FALSE(user_.OnAnswer(no).has_value()) << "none waits any more";
}

TEST_F(TheUserOfAClient, IsNotAskedForWithoutALinkOrWithTooMuch) {
  const auto unreachable = user_.SignIn({"a", "{}"}, client_, &state_);
  ASSERT_TRUE(unreachable.has_value());
  EXPECT_EQ(std::get<SignInErrorMessage>(*unreachable).code,
            link::v1::Refused::CODE_UNAVAILABLE);
  Attach();
  const auto too_long =
      user_.SignIn({std::string(contract::kAuthTokenBytesMax + 1, 'x'), "{}"},
                   client_, &state_);
  ASSERT_TRUE(too_long.has_value());
  EXPECT_EQ(std::get<SignInErrorMessage>(*too_long).code,
            link::v1::Refused::CODE_UNAUTHORIZED);
  EXPECT_TRUE(uplink_->items.empty());
}

}  // namespace
}  // namespace herald::gateway
