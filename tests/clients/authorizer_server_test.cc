// SPDX-License-Identifier: Apache-2.0
//
// The promises of herald/client/authorizer_server.h and channel_authorizer.h,
// seen from the other end of herald/v1/authorizer_service.proto: Herald's.

#include "herald/client/authorizer_server.h"

#include <functional>
#include <set>
#include <stdexcept>
#include <thread>

#include "gmock/gmock.h"
#include "grpcpp/generic/generic_stub.h"
#include "gtest/gtest.h"
#include "tests/clients/gate.h"
#include "tests/clients/raw_authorizer_stream.h"

namespace herald::client {
namespace {

using ::testing::HasSubstr;
using testing_support::DialAlone;
using testing_support::Gate;
using testing_support::RawAuthorizerStream;

// Decides by the token: the rules of each test are in the words of its tokens.
class Authorizer final : public ChannelAuthorizer {
 public:
  Decision Authorize(const v1::AuthorizeRequest& question) override {
    const std::string& token = question.auth_token();
    if (token == "slow") gate.Pass();
    if (token == "throw") throw std::runtime_error("no such session");
    if (token == "undecided") return Undecided();
    if (token == "no") return Deny("sign in first");
    if (rule) return rule(question);
    return AllowMember("ada", R"({"name":"Ada"})");
  }

  Gate gate;
  std::function<Decision(const v1::AuthorizeRequest&)> rule;
};

class Authorizing : public ::testing::Test {
 protected:
  void Start(AuthorizerServerOptions options = {}) {
    options.address = "127.0.0.1:0";
    auto server = AuthorizerServer::Start(options, &authorizer_);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  // The decision about one question with the given answer of the user.
  v1::Decision DecideWith(const Decision& decision) {
    authorizer_.rule = [decision](const auto&) { return decision; };
    if (server_ == nullptr) Start();
    RawAuthorizerStream herald(server_->port());
    herald.Ask(1, "private-a");
    return herald.TakeDecision();
  }

  Authorizer authorizer_;
  std::unique_ptr<AuthorizerServer> server_;
};

TEST_F(Authorizing, ShowsTheQuestionAndReturnsTheAnswer) {
  v1::AuthorizeRequest seen;
  authorizer_.rule = [&](const v1::AuthorizeRequest& question) {
    seen = question;
    return AllowMember("ada", R"({"name":"Ada"})");
  };
  Start();
  RawAuthorizerStream herald(server_->port());

  herald.Ask(7, "presence-room", "user:ada", "3.4");
  const v1::Decision decision = herald.TakeDecision();

  EXPECT_EQ(decision.request_id(), 7);
  EXPECT_TRUE(decision.allowed());
  EXPECT_EQ(decision.member().user_id(), "ada");
  EXPECT_EQ(decision.member().user_info(), R"({"name":"Ada"})");
  EXPECT_FALSE(decision.has_expires_after());
  EXPECT_EQ(seen.channel(), "presence-room");
  EXPECT_EQ(seen.auth_token(), "user:ada");
  EXPECT_EQ(seen.socket_id(), "3.4");
}

TEST_F(Authorizing, AllowsWithoutAMember) {
  const v1::Decision decision = DecideWith(Allow());
  EXPECT_TRUE(decision.allowed());
  EXPECT_FALSE(decision.has_member());
}

TEST_F(Authorizing, DeniesWithAReason) {
  const v1::Decision decision = DecideWith(Deny("sign in first"));
  EXPECT_FALSE(decision.allowed());
  EXPECT_EQ(decision.reason(), "sign in first");
}

TEST_F(Authorizing, LimitsTheLifeOfAYes) {
  const v1::Decision decision =
      DecideWith(Allow().ExpiresAfter(absl::Milliseconds(90'500)));
  EXPECT_EQ(decision.expires_after().seconds(), 90);
  EXPECT_EQ(decision.expires_after().nanos(), 500'000'000);
}

TEST_F(Authorizing, TurnsAYesThatHeraldCouldNotAcceptIntoANo) {
  const struct {
    Decision answer;
    std::string reason;
  } kCases[] = {
      {Allow().ExpiresAfter(absl::ZeroDuration()), "expired"},
      {AllowMember(std::string(129, 'x')), "128"},
      {AllowMember("\xff"), "UTF-8"},
      {AllowMember("ada", std::string(10 << 20, ' ')), "user_info"},
  };
  for (const auto& [answer, reason] : kCases) {
    const v1::Decision decision = DecideWith(answer);
    EXPECT_FALSE(decision.allowed()) << reason;
    EXPECT_FALSE(decision.has_member()) << reason;
    EXPECT_THAT(decision.reason(), HasSubstr(reason));
  }
}

TEST_F(Authorizing, CutsAReasonAndReplacesOneThatIsNotUtf8) {
  EXPECT_EQ(DecideWith(Deny(std::string(5000, 'x'))).reason().size(), 1024u);
  EXPECT_THAT(DecideWith(Deny("\xff")).reason(), HasSubstr("UTF-8"));
}

TEST_F(Authorizing, DeniesWhenTheUserThrowsAndGoesOn) {
  Start();
  RawAuthorizerStream herald(server_->port());

  herald.Ask(1, "private-a", "throw");
  const v1::Decision thrown = herald.TakeDecision();
  herald.Ask(2, "private-a");

  EXPECT_FALSE(thrown.allowed());
  EXPECT_EQ(thrown.reason(), "the authorizer failed");
  EXPECT_TRUE(herald.TakeDecision().allowed());
}

TEST_F(Authorizing, AnswersNothingWhenUndecided) {
  Start();
  RawAuthorizerStream herald(server_->port());

  // More than may be open at once: an undecided one does not count for ever.
  for (int i = 0; i < 3000; ++i) {
    ASSERT_TRUE(herald.Ask(i, "private-a", "undecided"));
  }
  herald.Ask(9000, "private-a");

  EXPECT_EQ(herald.TakeDecision().request_id(), 9000);
  EXPECT_EQ(herald.waiting(), 0u);
}

TEST_F(Authorizing, IsNotHeldUpByASlowDecision) {
  Start({.threads = 2});
  authorizer_.gate.Close();
  RawAuthorizerStream herald(server_->port());
  herald.Ask(1, "private-a", "slow");
  ASSERT_TRUE(authorizer_.gate.WaitForArrivals(1));

  std::set<int64_t> answered;
  for (int i = 2; i < 502; ++i) ASSERT_TRUE(herald.Ask(i, "private-a"));
  for (int i = 2; i < 502; ++i) {
    answered.insert(herald.TakeDecision().request_id());
  }

  EXPECT_EQ(answered.size(), 500u);
  EXPECT_EQ(answered.count(1), 0u);
  authorizer_.gate.Open();
  EXPECT_EQ(herald.TakeDecision().request_id(), 1);
}

TEST_F(Authorizing, DecidesAsManyAtOnceAsThereAreThreads) {
  Start({.threads = 8});
  authorizer_.gate.Close();
  RawAuthorizerStream herald(server_->port());
  for (int i = 1; i <= 20; ++i) herald.Ask(i, "private-a", "slow");

  EXPECT_TRUE(authorizer_.gate.WaitForArrivals(8));
  authorizer_.gate.Open();
  std::set<int64_t> answered;
  for (int i = 1; i <= 20; ++i) {
    answered.insert(herald.TakeDecision().request_id());
  }
  EXPECT_EQ(answered.size(), 20u);
}

TEST_F(Authorizing, TakesAFloodOfQuestionsWithoutLosingOne) {
  Start({.threads = 1});
  authorizer_.gate.Close();
  RawAuthorizerStream herald(server_->port());
  herald.Ask(0, "private-a", "slow");
  ASSERT_TRUE(authorizer_.gate.WaitForArrivals(1));
  // Far more than are read while nothing is answered; this writes until flow
  // control stops it.
  std::thread flood([&] {
    for (int i = 1; i < 5000; ++i) herald.Ask(i, "private-a");
  });

  authorizer_.gate.Open();

  std::set<int64_t> answered;
  for (int i = 0; i < 5000; ++i) {
    answered.insert(herald.TakeDecision().request_id());
  }
  flood.join();
  EXPECT_EQ(answered.size(), 5000u);
}

TEST_F(Authorizing, AnswersEachServiceOnItsOwnStream) {
  Start();
  RawAuthorizerStream one(server_->port());
  RawAuthorizerStream two(server_->port());

  one.Ask(1, "private-a");
  two.Ask(2, "private-a", "no");

  EXPECT_EQ(one.TakeDecision().request_id(), 1);
  EXPECT_EQ(two.TakeDecision().request_id(), 2);
}

TEST_F(Authorizing, AnswersAlsoRepeatedAndAbsurdIds) {
  Start();
  RawAuthorizerStream herald(server_->port());
  for (const int64_t id : {int64_t{5}, int64_t{5}, int64_t{-1}, int64_t{0}}) {
    herald.Ask(id, "");
    EXPECT_EQ(herald.TakeDecision().request_id(), id);
  }
}

TEST_F(Authorizing, SurvivesGarbage) {
  Start();
  RawAuthorizerStream herald(server_->port());
  herald.Ask(1, "private-a");
  EXPECT_EQ(herald.TakeDecision().request_id(), 1);

  // Bytes that are no AuthorizeRequest, on a stream of their own.
  grpc::GenericStub stub(DialAlone(server_->port()));
  grpc::ClientContext context;
  grpc::CompletionQueue queue;
  auto stream = stub.PrepareCall(
      &context, "/herald.v1.AuthorizerService/Authorize", &queue);
  const auto await = [&queue] {
    void* tag = nullptr;
    bool ok = false;
    return queue.Next(&tag, &ok) && ok;
  };
  stream->StartCall(nullptr);
  ASSERT_TRUE(await());
  const grpc::Slice garbage("\xff\xff\xff not a message");
  stream->Write(grpc::ByteBuffer(&garbage, 1), nullptr);
  ASSERT_TRUE(await());
  grpc::ByteBuffer answer;
  stream->Read(&answer, nullptr);
  EXPECT_TRUE(await());  // `ready`, which is sent unasked.
  stream->Read(&answer, nullptr);
  EXPECT_FALSE(await());
  grpc::Status status;
  stream->Finish(&status, nullptr);
  await();

  herald.Ask(2, "private-a");
  EXPECT_EQ(herald.TakeDecision().request_id(), 2);
}

TEST_F(Authorizing, EndsQuietlyWhenHeraldLeaves) {
  Start();
  RawAuthorizerStream herald(server_->port());
  herald.Ask(1, "private-a");
  herald.TakeDecision();

  herald.HalfClose();

  EXPECT_TRUE(herald.TakeEnd().ok());
}

TEST_F(Authorizing, RefusesMoreStreamsThanAllowed) {
  Start({.streams_max = 1});
  RawAuthorizerStream one(server_->port());
  one.Ask(1, "private-a");
  one.TakeDecision();

  RawAuthorizerStream two(server_->port());
  EXPECT_EQ(two.TakeEnd().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST_F(Authorizing, ReportsThatAPortIsTaken) {
  Start();
  Authorizer other;
  const std::string taken = "127.0.0.1:" + std::to_string(server_->port());

  auto second = AuthorizerServer::Start({.address = taken}, &other);

  EXPECT_TRUE(absl::IsUnavailable(second.status()));
  EXPECT_THAT(std::string(second.status().message()), HasSubstr(taken));
}

TEST_F(Authorizing, NamesAnAddressThatIsNone) {
  Authorizer authorizer;
  const auto server =
      AuthorizerServer::Start({.address = "nowhere"}, &authorizer);
  EXPECT_EQ(server.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(server.status().message()), HasSubstr("\"nowhere\""));
}

TEST_F(Authorizing, EndsItsStreamsWhenItStops) {
  Start();
  RawAuthorizerStream herald(server_->port());
  herald.Ask(1, "private-a");
  herald.TakeDecision();

  server_->Shutdown();
  server_->Shutdown();

  EXPECT_EQ(herald.TakeEnd().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(Authorizing, WaitsForTheDecisionsUnderWayWhenItStops) {
  Start({.threads = 1});
  authorizer_.gate.Close();
  RawAuthorizerStream herald(server_->port());
  herald.Ask(1, "private-a", "slow");
  herald.Ask(2, "private-a", "slow");
  ASSERT_TRUE(authorizer_.gate.WaitForArrivals(1));
  std::thread opener([&] {
    herald.TakeEnd();  // The streams end before the decisions do.
    authorizer_.gate.Open();
  });

  server_.reset();

  opener.join();
}

TEST_F(Authorizing, StopsWhileItIsAsked) {
  Start({.threads = 4});
  RawAuthorizerStream one(server_->port());
  RawAuthorizerStream two(server_->port());
  std::thread asker([&] {
    for (int i = 0; one.Ask(i, "private-a") && two.Ask(i, "private-a"); ++i) {
    }
  });
  one.TakeDecision();

  server_.reset();

  asker.join();
}

}  // namespace
}  // namespace herald::client
