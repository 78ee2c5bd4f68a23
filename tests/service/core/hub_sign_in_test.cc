// SPDX-License-Identifier: Apache-2.0
//
// Questions about a socket itself: its user.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/service/core/settled_hub.h"

namespace herald::core {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class SigningIn : public SettledHub {
 protected:
  static link::v1::GatewayItem SignIn(int64_t ticket) {
    link::v1::GatewayItem item;
    link::v1::SocketQuestion& question = *item.mutable_socket_question();
    question.set_ticket(ticket);
    question.set_socket_id("1.5");
    question.mutable_sign_in()->set_auth_token("signature");
    question.mutable_sign_in()->set_user_data(R"({"id":"ada"})");
    return item;
  }

  std::unique_ptr<FakeGateway> gateway_ = Attached(1);
};

TEST_F(SigningIn, IsAnsweredWithTheUser) {
  ASSERT_TRUE(gateway_->Send(SignIn(3)).ok());
  ASSERT_THAT(authorizer_.sign_ins, SizeIs(1));
  EXPECT_EQ(authorizer_.sign_ins[0].socket_id, "1.5");
  EXPECT_EQ(authorizer_.sign_ins[0].auth_token, "signature");
  EXPECT_EQ(authorizer_.sign_ins[0].user_data, R"({"id":"ada"})");
  EXPECT_THAT(gateway_->Received(), IsEmpty());
  authorizer_.Allow("ada");
  EXPECT_THAT(gateway_->Received(), ElementsAre("user 3 ada"));
}

TEST_F(SigningIn, IsRefusedWithTheCodeOfTheDecision) {
  for (int64_t ticket = 1; ticket <= 4; ++ticket) {
    ASSERT_TRUE(gateway_->Send(SignIn(ticket)).ok());
  }
  authorizer_.Answer({absl::PermissionDeniedError("no"), {}});
  authorizer_.Answer({absl::InvalidArgumentError("no user"), {}});
  authorizer_.Answer({absl::UnavailableError("away"), {}});
  authorizer_.Allow();  // Without a user.
  EXPECT_THAT(gateway_->Received(),
              ElementsAre("no 1 CODE_UNAUTHORIZED", "no 2 CODE_INVALID_MESSAGE",
                          "no 3 CODE_UNAVAILABLE", "no 4 CODE_UNAUTHORIZED"));
}

TEST_F(SigningIn, IsNotAnsweredOnALinkThatHasEnded) {
  ASSERT_TRUE(gateway_->Send(SignIn(1)).ok());
  gateway_->Lose();
  authorizer_.Allow("ada");
  EXPECT_THAT(gateway_->Received(), IsEmpty());
}

TEST_F(SigningIn, OfAnUnknownKindIsUnavailable) {
  link::v1::GatewayItem item = SignIn(1);
  item.mutable_socket_question()->clear_question();
  ASSERT_TRUE(gateway_->Send(std::move(item)).ok());
  EXPECT_THAT(gateway_->Received(), ElementsAre("no 1 CODE_UNAVAILABLE"));
}

TEST_F(SigningIn, OfASocketOfAnotherGatewayEndsTheLink) {
  link::v1::GatewayItem item = SignIn(1);
  item.mutable_socket_question()->set_socket_id("2.5");
  EXPECT_FALSE(gateway_->Send(std::move(item)).ok());
  EXPECT_THAT(authorizer_.sign_ins, IsEmpty());
}

class SigningInEarly : public SettledHub {
 protected:
  SigningInEarly() : SettledHub(0, 0, /*settle=*/false) {}
};

TEST_F(SigningInEarly, IsUnavailable) {
  const std::unique_ptr<FakeGateway> gateway = Attached(1);
  link::v1::GatewayItem item;
  item.mutable_socket_question()->set_ticket(1);
  item.mutable_socket_question()->set_socket_id("1.5");
  item.mutable_socket_question()->mutable_sign_in();
  ASSERT_TRUE(gateway->Send(std::move(item)).ok());
  EXPECT_THAT(gateway->Received(), ElementsAre("no 1 CODE_UNAVAILABLE"));
}

}  // namespace
}  // namespace herald::core
