// SPDX-License-Identifier: Apache-2.0
//
// How the service finds out that its authorizer's stream is of no use any more,
// and that it keeps a stream that is. The authorizers are gRPC servers with
// default settings, as users write them.

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "herald/v1/authorizer_service.grpc.pb.h"
#include "tests/service/rpc/authorizer/authorizer_link_world.h"

namespace herald::rpc {
namespace {

using testing_support::Allow;
using testing_support::Milliseconds;
using Stream =
    grpc::ServerReaderWriter<v1::AuthorizeResponse, v1::AuthorizeRequest>;

using AnAuthorizer = AuthorizerLinkWorld;

// A server with default settings, for a service that outlives it.
class Listening {
 public:
  explicit Listening(grpc::Service* service) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(),
                             &port_);
    builder.RegisterService(service);
    server_ = builder.BuildAndStart();
  }
  ~Listening() { server_->Shutdown(std::chrono::system_clock::now()); }

  std::string address() const { return absl::StrCat("127.0.0.1:", port_); }

 private:
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

// Opens streams and does nothing with them.
class DeafAuthorizer final : public v1::AuthorizerService::Service {
 public:
  grpc::Status Authorize(
      grpc::ServerContext* context,
      grpc::ServerReaderWriter<v1::AuthorizeResponse, v1::AuthorizeRequest>*
          stream) override {
    stream->SendInitialMetadata();
    WaitUntil([&] { return context->IsCancelled(); }, 10 * kPatience);
    return grpc::Status::OK;
  }
};

TEST_F(AnAuthorizer, ThatDoesNotReadFailsNoQuestionLaterThanThreeTimeouts) {
  DeafAuthorizer deaf;
  const Listening server(&deaf);
  const absl::Duration timeout = kSlowness * absl::Milliseconds(500);
  Dial({.target = server.address(), .timeout = timeout});
  ASSERT_TRUE(WaitUntil([&] { return link_->connected(); }));

  // Far more than the windows of flow control hold.
  for (int i = 0; i < 300; ++i) {
    Ask(absl::StrCat("private-", i), std::string(16 << 10, 'x'));
  }

  for (int i = 0; i < 300; ++i) {
    const Result result = results_.Wait(absl::StrCat("private-", i));
    EXPECT_TRUE(absl::IsUnavailable(result.decision.status));
    EXPECT_LT(result.after, 3 * timeout + kSlowness * absl::Seconds(1));
  }
}

// Reads every question, and answers none before Speak().
class MuteAuthorizer final : public v1::AuthorizerService::Service {
 public:
  grpc::Status Authorize(grpc::ServerContext* context,
                         Stream* stream) override {
    {
      const std::lock_guard lock(mutex_);
      peers_.push_back(context->peer());
    }
    v1::AuthorizeRequest question;
    while (stream->Read(&question)) {
      if (speaks_) stream->Write(Allow(question));
    }
    return grpc::Status::OK;
  }

  void Speak() { speaks_ = true; }

  // The peers of the streams.
  std::vector<std::string> peers() {
    const std::lock_guard lock(mutex_);
    return peers_;
  }

 private:
  std::atomic<bool> speaks_ = false;
  std::mutex mutex_;
  std::vector<std::string> peers_;
};

TEST_F(AnAuthorizer, ThatSendsNothingIsDialledAgainOnAnotherConnection) {
  MuteAuthorizer mute;
  const Listening server(&mute);
  const absl::Duration timeout = kShort;
  Dial({.target = server.address(), .timeout = timeout});
  int asked = 0;
  while (mute.peers().size() < 2 && asked < 20) {
    const Result result = AskAndWait(absl::StrCat("private-", asked++));
    EXPECT_TRUE(absl::IsUnavailable(result.decision.status));
    EXPECT_LT(result.after, 2 * timeout + kSlowness * absl::Seconds(1));
  }

  EXPECT_GE(asked, 3);
  ASSERT_TRUE(WaitUntil([&] { return mute.peers().size() >= 2; }));
  EXPECT_NE(mute.peers()[0], mute.peers()[1]) << "it may be half-open";
  EXPECT_TRUE(WaitUntil([&] { return observer_["down"] == 1; }));
  EXPECT_EQ(observer_["UNAVAILABLE"], 1);
  mute.Speak();
  EXPECT_TRUE(AskAndWait("private-later").decision.status.ok());
}

TEST_F(AnAuthorizer, ThatAnswersSomeQuestionsKeepsItsStream) {
  Dial(kShort);
  for (int i = 0; i < 4; ++i) {
    Ask(absl::StrCat("private-silence-", i), "silence");
    EXPECT_TRUE(AskAndWait(absl::StrCat("private-", i)).decision.status.ok());
    results_.Wait(absl::StrCat("private-silence-", i));
  }

  EXPECT_EQ(observer_["unavailable"], 4);
  EXPECT_EQ(server_.stream_count(), 1);
}

// By default a server ends the connection with `too_many_pings` at the third
// ping too many. With a ping every 5 s, as on links, that is after 20 s.
TEST_F(AnAuthorizer, WithDefaultSettingsKeepsAnIdleStream) {
  Dial({.target = "",
        .timeout = kLong,
        .keepalive_interval = absl::Minutes(10)});
  ASSERT_TRUE(AskAndWait("private-a").decision.status.ok());

  EXPECT_FALSE(
      WaitUntil([&] { return observer_["down"] > 0; }, Milliseconds(22'000)));
  EXPECT_EQ(server_.stream_count(), 1);
}

// Ends its streams with an error, at once or after a question.
class FailingAuthorizer final : public v1::AuthorizerService::Service {
 public:
  explicit FailingAuthorizer(bool reads) : reads_(reads) {}

  grpc::Status Authorize(grpc::ServerContext* /*context*/,
                         Stream* stream) override {
    v1::AuthorizeRequest question;
    if (reads_) stream->Read(&question);
    return {grpc::StatusCode::FAILED_PRECONDITION, "not today"};
  }

 private:
  const bool reads_;
};

TEST_F(AnAuthorizer, ThatEndsItsStreamIsQuotedInTheLog) {
  FailingAuthorizer failing(/*reads=*/false);
  const Listening server(&failing);
  Dial({.target = server.address(), .timeout = kShort});

  EXPECT_TRUE(WaitUntil([&] { return observer_["down"] > 0; }));
  link_->Stop();
  EXPECT_EQ(observer_["FAILED_PRECONDITION"], observer_["down"]);
}

TEST_F(AnAuthorizer, ThatEndsItsStreamOverAQuestionIsQuotedInTheLog) {
  FailingAuthorizer failing(/*reads=*/true);
  const Listening server(&failing);
  Dial({.target = server.address(), .timeout = kShort});
  AskAndWait("private-a");

  EXPECT_TRUE(WaitUntil([&] { return observer_["down"] > 0; }));
  link_->Stop();
  EXPECT_EQ(observer_["FAILED_PRECONDITION"], observer_["down"]);
}

// Throws on one token, as a program does that was not written for an input.
Responses ThrowOnPoison(const v1::AuthorizeRequest& question) {
  if (question.auth_token() == "poison") throw std::runtime_error("no\nuser");
  return testing_support::AnswerByToken(question);
}

TEST_F(AnAuthorizer, ThatEndsTwoStreamsOverAQuestionIsNotAskedItAgain) {
  Dial(kLong);
  server_.Answer(ThrowOnPoison);
  ASSERT_TRUE(AskAndWait("private-before").decision.status.ok());
  Ask("private-held", "silence", "192.0.2.1", "1.3");
  ASSERT_TRUE(WaitUntil([&] { return server_.question_count() == 2; }));
  server_.Answer([](const v1::AuthorizeRequest& question) {
    if (question.channel() == "private-held") return Responses{Allow(question)};
    return ThrowOnPoison(question);
  });

  const Result poison = AskAndWait("private-poison", "poison");

  EXPECT_TRUE(absl::IsUnavailable(poison.decision.status));
  EXPECT_EQ(poison.decision.status.message(),
            "the authorizer ended the stream (UNKNOWN: no user)");
  EXPECT_LT(poison.after, kLong / 2);
  EXPECT_TRUE(results_.Wait("private-held").decision.status.ok());
  EXPECT_EQ(observer_["poisoned"], 1);
  EXPECT_EQ(observer_["down"], 0) << "the connection stands";
}

TEST_F(AnAuthorizer, UnderPoisonAnswersTheOthersInTime) {
  Dial(kSlowness * absl::Seconds(4));
  server_.Answer(ThrowOnPoison);
  for (int i = 0; i < 50; ++i) {
    Ask(absl::StrCat("private-poison-", i), "poison", "198.51.100.1",
        absl::StrCat("1.", 100 + i % 5));
    const Result honest = AskAndWait(absl::StrCat("private-", i));
    EXPECT_TRUE(honest.decision.status.ok()) << honest.decision.status;
    EXPECT_LT(honest.after, kSlowness * absl::Seconds(2));
  }
  EXPECT_TRUE(WaitUntil([&] { return observer_["poisoned"] >= 5; }));
}

// Answers yes to one question after the other. Poison ends the stream, as
// slowly as a lookup that fails.
class SlowlyFailingAuthorizer final : public v1::AuthorizerService::Service {
 public:
  explicit SlowlyFailingAuthorizer(Milliseconds delay) : delay_(delay) {}

  grpc::Status Authorize(grpc::ServerContext* context,
                         Stream* stream) override {
    v1::AuthorizeRequest question;
    while (stream->Read(&question)) {
      if (question.auth_token() == "poison") {
        WaitUntil([&] { return context->IsCancelled(); }, delay_);
        return {grpc::StatusCode::UNKNOWN, "no user"};
      }
      stream->Write(Allow(question));
    }
    return grpc::Status::OK;
  }

 private:
  const Milliseconds delay_;
};

class AnAuthorizerThatFailsSlowly : public AuthorizerLinkWorld {
 protected:
  static constexpr int kAskedMax = 5;

  // One socket is convicted of its poison in the end, and another one has each
  // answer in time.
  void ExpectConviction(Milliseconds delay, absl::Duration timeout) {
    SlowlyFailingAuthorizer failing(delay);
    const Listening server(&failing);
    Dial({.target = server.address(), .timeout = timeout});
    EXPECT_TRUE(AskAndWait("private-first").decision.status.ok());
    for (int i = 0; i < kAskedMax && observer_["poisoned"] == 0; ++i) {
      const std::string channel = absl::StrCat("private-poison-", i);
      Ask(channel, "poison", "192.0.2.1", "1.3");
      EXPECT_TRUE(absl::IsUnavailable(results_.Wait(channel).decision.status));
      const Result honest = AskAndWait(absl::StrCat("private-", i));
      EXPECT_TRUE(honest.decision.status.ok()) << honest.decision.status;
    }
    EXPECT_TRUE(WaitUntil([&] { return observer_["poisoned"] > 0; }));

    // From now on it delays no question of the main stream.
    Ask("private-poison", "poison", "192.0.2.1", "1.3");
    const Result honest = AskAndWait("private-last");
    EXPECT_TRUE(honest.decision.status.ok()) << honest.decision.status;
    EXPECT_LT(honest.after, absl::FromChrono(delay) / 2);
    EXPECT_TRUE(
        absl::IsUnavailable(results_.Wait("private-poison").decision.status));
  }
};

TEST_F(AnAuthorizerThatFailsSlowly, ConvictsPoisonThatTimesOutAsASuspect) {
  ExpectConviction(Milliseconds(1200), absl::Seconds(2));
}

TEST_F(AnAuthorizerThatFailsSlowly, ConvictsPoisonThatTimesOutBeforeItBreaks) {
  ExpectConviction(Milliseconds(2400), absl::Seconds(2));
}

TEST_F(AnAuthorizer, ThatRestartsSlowlyConvictsTheSocketThatEndsIt) {
  Dial(kShort);
  for (int i = 1; i <= 2; ++i) {
    ASSERT_TRUE(WaitUntil([&] { return observer_["up"] == i; }));
    const std::string channel = absl::StrCat("private-", i);
    Ask(channel, "silence", "192.0.2.1", "1.3");
    ASSERT_TRUE(WaitUntil(
        [&] { return server_.question_count() == static_cast<size_t>(i); }));
    server_.Stop();
    EXPECT_TRUE(absl::IsUnavailable(results_.Wait(channel).decision.status));
    server_.Start();
  }
  EXPECT_TRUE(WaitUntil([&] { return observer_["poisoned"] == 1; }));
  ASSERT_TRUE(WaitUntil([&] { return observer_["up"] == 3; }));
  EXPECT_TRUE(AskAndWait("private-honest").decision.status.ok());
}

TEST_F(AnAuthorizer, ThatIsRestartedTwiceAnswersWaitingQuestions) {
  Dial(kLong);
  ASSERT_TRUE(AskAndWait("private-before").decision.status.ok());
  for (int i = 0; i < 2; ++i) {
    server_.Stop();
    Ask(absl::StrCat("private-", i), "yes", absl::StrCat("192.0.2.", i));
    server_.Start();
    EXPECT_TRUE(
        results_.Wait(absl::StrCat("private-", i)).decision.status.ok());
  }
  EXPECT_EQ(observer_["poisoned"], 0);
}

TEST_F(AnAuthorizer, ThatIgnoresKeepalivesGetsANewStreamAndLosesNoQuestion) {
  Dial({.target = "",
        .timeout = kLong,
        .keepalive_interval = absl::Milliseconds(100)});
  int asked = 0;
  EXPECT_TRUE(WaitUntil([&] {
    const std::string channel = absl::StrCat("private-", asked++);
    EXPECT_TRUE(AskAndWait(channel).decision.status.ok());
    absl::SleepFor(absl::Milliseconds(60 * (asked % 4)));
    return server_.stream_count() >= 4;
  }));
  EXPECT_EQ(observer_["down"], 0);
  EXPECT_EQ(observer_["up"], 1);
  EXPECT_EQ(server_.question_count(), static_cast<size_t>(asked));
}

TEST_F(AnAuthorizer, ThatAnswersKeepalivesKeepsItsStream) {
  server_.KnowKeepalives();
  Dial({.target = "",
        .timeout = kLong,
        .keepalive_interval = kSlowness * absl::Milliseconds(300)});
  EXPECT_TRUE(WaitUntil([&] { return server_.keepalive_count() >= 3; }));
  EXPECT_TRUE(AskAndWait("private-a").decision.status.ok());
  EXPECT_EQ(server_.stream_count(), 1);
  EXPECT_EQ(observer_["empty"], 0);
}

TEST_F(AnAuthorizer, IsUpBeforeItsFirstAnswer) {
  MuteAuthorizer mute;
  const Listening server(&mute);
  Dial({.target = server.address(), .timeout = kLong});
  EXPECT_TRUE(WaitUntil([&] { return observer_["up"] == 1; }));
}

}  // namespace
}  // namespace herald::rpc
