// SPDX-License-Identifier: Apache-2.0
//
// The promises of AuthorizerServer about revoked grants: every Herald service
// receives the revocation, also one that was away, and no grant slips past it.

#include <functional>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "herald/client/authorizer_server.h"
#include "tests/clients/gate.h"
#include "tests/clients/raw_authorizer_stream.h"

namespace herald::client {
namespace {

using testing_support::Gate;
using testing_support::RawAuthorizerStream;
using testing_support::WaitUntil;

// Allows every user as "ada", as soon as the gate is open.
class GatedAuthorizer final : public ChannelAuthorizer {
 public:
  Decision Authorize(const v1::AuthorizeRequest&) override {
    gate.Pass();
    return AllowMember("ada");
  }

  Gate gate;
};

class Revoking : public ::testing::Test {
 protected:
  void Start(AuthorizerServerOptions options = {}) {
    options.address = "127.0.0.1:0";
    auto server = AuthorizerServer::Start(options, &authorizer_);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  // A stream that is known to be open.
  std::unique_ptr<RawAuthorizerStream> Dial() {
    auto herald = std::make_unique<RawAuthorizerStream>(server_->port());
    herald->Ask(1, "private-first");
    herald->TakeDecision();
    return herald;
  }

  // The decision about a question during which `meanwhile` happens.
  v1::Decision DecideWhile(const std::function<void()>& meanwhile) {
    Start();
    const auto herald = Dial();
    authorizer_.gate.Close();
    herald->Ask(2, "private-a", "", "3.4");
    EXPECT_TRUE(authorizer_.gate.WaitForArrivals(1));
    meanwhile();
    herald->TakeRevocation();
    authorizer_.gate.Open();
    return herald->TakeDecision();
  }

  GatedAuthorizer authorizer_;
  std::unique_ptr<AuthorizerServer> server_;
};

TEST_F(Revoking, ReachesEveryOpenStream) {
  Start();
  const auto one = Dial();
  const auto two = Dial();

  ASSERT_TRUE(server_->RevokeUser("ada", "private-a", "closed").ok());
  ASSERT_TRUE(server_->RevokeSocket("1.2", "", "").ok());

  for (const auto& herald : {one.get(), two.get()}) {
    const v1::Revocation user = herald->TakeRevocation();
    EXPECT_EQ(user.user_id(), "ada");
    EXPECT_EQ(user.channel(), "private-a");
    EXPECT_EQ(user.reason(), "closed");
    const v1::Revocation socket = herald->TakeRevocation();
    EXPECT_EQ(socket.socket_id(), "1.2");
    EXPECT_EQ(socket.channel(), "");
  }
}

TEST_F(Revoking, IsRepeatedFirstOnANewStream) {
  Start();
  for (const char* user : {"ada", "bob", "eve"}) {
    ASSERT_TRUE(server_->RevokeUser(user, "", "").ok());
  }

  RawAuthorizerStream herald(server_->port());
  herald.Ask(1, "private-a");

  EXPECT_EQ(herald.TakeRevocation().user_id(), "ada");
  EXPECT_EQ(herald.TakeRevocation().user_id(), "bob");
  EXPECT_EQ(herald.TakeRevocation().user_id(), "eve");
  EXPECT_EQ(herald.TakeDecision().request_id(), 1);
}

TEST_F(Revoking, RepeatsNoMoreThanItRemembers) {
  Start({.revocations_max = 2});
  for (const char* user : {"ada", "bob", "eve"}) {
    ASSERT_TRUE(server_->RevokeUser(user, "", "").ok());
  }

  RawAuthorizerStream herald(server_->port());
  herald.Ask(1, "private-a");

  EXPECT_EQ(herald.TakeRevocation().user_id(), "bob");
  EXPECT_EQ(herald.TakeRevocation().user_id(), "eve");
  EXPECT_EQ(herald.TakeDecision().request_id(), 1);
}

TEST_F(Revoking, ForgetsOldOnes) {
  Start({.revocation_memory = absl::Milliseconds(20)});
  ASSERT_TRUE(server_->RevokeUser("ada", "", "").ok());
  // Each attempt is a new service that dials; one day it is not notified.
  EXPECT_TRUE(WaitUntil([&] {
    RawAuthorizerStream herald(server_->port());
    herald.Ask(1, "private-a");
    EXPECT_TRUE(WaitUntil([&] { return herald.waiting() > 0; }));
    return herald.TakeAnswer().has_decision();
  }));
}

TEST_F(Revoking, TurnsAYesThatIsUnderWayIntoANo) {
  const v1::Decision decision = DecideWhile([&] {
    ASSERT_TRUE(server_->RevokeUser("ada", "private-a", "closed").ok());
  });

  EXPECT_FALSE(decision.allowed());
  EXPECT_EQ(decision.reason(), "closed");
}

TEST_F(Revoking, HoldsForTheSocketOfAYesThatIsInFlight) {
  EXPECT_FALSE(DecideWhile([&] {
                 ASSERT_TRUE(server_->RevokeSocket("3.4", "", "").ok());
               }).allowed());
}

TEST_F(Revoking, LeavesOtherUsersAlone) {
  EXPECT_TRUE(DecideWhile([&] {
                ASSERT_TRUE(server_->RevokeUser("ada", "private-b", "").ok());
              }).allowed());
}

TEST_F(Revoking, DoesNotHoldForAQuestionThatIsAskedLater) {
  Start();
  const auto herald = Dial();
  ASSERT_TRUE(server_->RevokeUser("ada", "", "").ok());
  herald->TakeRevocation();

  herald->Ask(2, "private-a");

  EXPECT_TRUE(herald->TakeDecision().allowed());
}

TEST_F(Revoking, CutsAServiceThatDoesNotRead) {
  Start({.revocations_max = 100});
  RawAuthorizerStream deaf(server_->port(),
                           RawAuthorizerStream::Reads::kNothing);
  deaf.Ask(1, "private-a");
  // Enough to fill the buffers between the two, and the memory once more; the
  // other services receive all of it.
  const std::string reason(1024, 'x');
  for (int i = 0; i < 20'000; ++i) {
    ASSERT_TRUE(server_->RevokeUser("ada", "", reason).ok());
  }

  EXPECT_FALSE(deaf.TakeEnd().ok());
  EXPECT_LT(deaf.waiting(), 20'000u);
  RawAuthorizerStream herald(server_->port());
  herald.Ask(1, "private-a");
  for (int i = 0; i < 100; ++i) herald.TakeRevocation();
  EXPECT_EQ(herald.TakeDecision().request_id(), 1);
}

TEST_F(Revoking, RefusesImpossibleNames) {
  Start();
  for (const absl::Status& status :
       {server_->RevokeSocket("x", "", ""), server_->RevokeSocket("", "", ""),
        server_->RevokeUser("", "", ""), server_->RevokeUser("\xff", "", ""),
        server_->RevokeUser("ada", "#news", ""),
        server_->RevokeUser("ada", "", "\xff")}) {
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  }
  const auto herald = Dial();
  EXPECT_EQ(herald->waiting(), 0u);
}

}  // namespace
}  // namespace herald::client
