// SPDX-License-Identifier: Apache-2.0
//
// What a user's authorizer may do to the service, good and bad. The authorizer
// is a real gRPC server that says what each test tells it to.

#include "service/rpc/authorizer_link.h"

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "proto/contract/names.h"
#include "service/rpc/timer_thread.h"
#include "tests/support/deadline.h"
#include "tests/support/scripted_authorizer.h"

namespace herald::rpc {
namespace {

using ::testing::HasSubstr;
using testing_support::Allow;
using testing_support::AllowUser;
using testing_support::Deny;
using testing_support::kPatience;
using testing_support::kSlowness;
using testing_support::RevokeUser;
using testing_support::ScriptedAuthorizer;
using testing_support::WaitUntil;
using Responses = std::vector<v1::AuthorizeResponse>;

constexpr absl::Duration kShort = absl::Milliseconds(300);
constexpr absl::Duration kLong = absl::Seconds(20);

// What came back for one question, and after how long.
struct Result {
  core::Decision decision;
  absl::Duration after;
};

// Collects results by the channel that was asked about.
class Results {
 public:
  absl::AnyInvocable<void(core::Decision)> Take(const std::string& channel) {
    return [this, channel, asked = absl::Now()](core::Decision decision) {
      const std::lock_guard lock(mutex_);
      EXPECT_FALSE(results_.contains(channel)) << channel << " was told twice";
      results_[channel] = {std::move(decision), absl::Now() - asked};
    };
  }

  // The result, within a bound; another status if there is none.
  Result Wait(const std::string& channel) {
    const bool came = WaitUntil(
        [&] {
          const std::lock_guard lock(mutex_);
          return results_.contains(channel);
        },
        3 * kPatience);
    const std::lock_guard lock(mutex_);
    if (came) return results_[channel];
    return {{absl::InternalError("no decision came"), {}, {}}, {}};
  }

  size_t count() {
    const std::lock_guard lock(mutex_);
    return results_.size();
  }

 private:
  std::mutex mutex_;
  std::map<std::string, Result> results_;
};

class Observer final : public AuthorizerObserver {
 public:
  void OnAuthorizerUp() override { Count("up"); }
  void OnAuthorizerDown(const absl::Status& /*why*/) override { Count("down"); }
  void OnDecision(absl::string_view outcome,
                  std::optional<absl::Duration> latency) override {
    Count(outcome);
    if (latency.has_value()) Count("latency");
  }
  void OnAuthorizerIgnored(absl::string_view reason) override { Count(reason); }

  int operator[](const std::string& name) {
    const std::lock_guard lock(mutex_);
    return counts_[name];
  }

 private:
  void Count(absl::string_view name) {
    const std::lock_guard lock(mutex_);
    ++counts_[std::string(name)];
  }

  std::mutex mutex_;
  std::map<std::string, int> counts_;
};

class AnAuthorizer : public ::testing::Test {
 protected:
  ~AnAuthorizer() override {
    if (link_ != nullptr) link_->Stop();
    timers_.Stop();
  }

  void Dial(AuthorizerLink::Options options) {
    if (options.target.empty()) options.target = server_.address();
    link_ = AuthorizerLink::Create(
        std::move(options), &timers_, &observer_,
        [this](v1::Revocation revocation) -> absl::Status {
          if (revocation.subject_case() == v1::Revocation::SUBJECT_NOT_SET) {
            return absl::InvalidArgumentError("it names nobody");
          }
          const std::lock_guard lock(mutex_);
          revocations_.push_back(std::move(revocation));
          return absl::OkStatus();
        });
    link_->Start();
  }
  void Dial(absl::Duration timeout) {
    Dial({.target = "", .timeout = timeout});
  }

  void Ask(const std::string& channel, const std::string& token = "yes") {
    core::Question question;
    question.socket_id = "1.2";
    question.channel = channel;
    question.auth_token = token;
    question.channel_data = R"({"a":1})";
    question.connection.set_origin("https://example.com");
    (*question.connection.mutable_headers())["cookie"] = "id=7";
    link_->Authorize(std::move(question), results_.Take(channel));
  }

  Result AskAndWait(const std::string& channel,
                    const std::string& token = "yes") {
    Ask(channel, token);
    return results_.Wait(channel);
  }

  size_t revocation_count() {
    const std::lock_guard lock(mutex_);
    return revocations_.size();
  }

  ScriptedAuthorizer server_;
  TimerThread timers_;
  Observer observer_;
  Results results_;
  std::mutex mutex_;
  std::vector<v1::Revocation> revocations_;
  std::shared_ptr<AuthorizerLink> link_;
};

TEST_F(AnAuthorizer, IsAskedWithAllThatIsKnown) {
  Dial(kLong);
  EXPECT_TRUE(AskAndWait("private-a").decision.status.ok());

  const v1::AuthorizeRequest question = server_.questions().at(0);
  EXPECT_EQ(question.request_id(), 1);
  EXPECT_EQ(question.socket_id(), "1.2");
  EXPECT_EQ(question.channel(), "private-a");
  EXPECT_EQ(question.auth_token(), "yes");
  EXPECT_EQ(question.channel_data(), R"({"a":1})");
  EXPECT_EQ(question.connection().origin(), "https://example.com");
  EXPECT_EQ(question.connection().headers().at("cookie"), "id=7");
  EXPECT_TRUE(link_->connected());
  EXPECT_EQ(observer_["up"], 1);
  EXPECT_EQ(observer_["allowed"], 1);
  EXPECT_EQ(observer_["latency"], 1);
}

TEST_F(AnAuthorizer, SaysYesWithAMemberAndForAWhile) {
  Dial(kLong);
  server_.Answer([](const v1::AuthorizeRequest& question) {
    return Responses{testing_support::Expiring(
        AllowUser(question, "ada", "{}"), testing_support::Milliseconds(1500))};
  });

  const core::Decision decision = AskAndWait("presence-a").decision;

  ASSERT_TRUE(decision.status.ok());
  ASSERT_TRUE(decision.member.has_value());
  EXPECT_EQ(decision.member->user_id(), "ada");
  EXPECT_EQ(decision.expires_after, absl::Milliseconds(1500));
}

TEST_F(AnAuthorizer, SaysNoAndItsReasonIsCutBetweenCharacters) {
  Dial(kLong);
  std::string reason(contract::kReasonBytesMax - 1, 'a');
  reason += "é";
  server_.Answer([reason](const v1::AuthorizeRequest& question) {
    return Responses{Deny(question, reason)};
  });

  const core::Decision decision = AskAndWait("private-a").decision;

  EXPECT_TRUE(absl::IsPermissionDenied(decision.status));
  EXPECT_EQ(decision.status.message(), reason.substr(0, reason.size() - 2));
  EXPECT_EQ(observer_["denied"], 1);
}

TEST_F(AnAuthorizer, ThatIsSilentIsUnavailableAtTheDeadline) {
  Dial(kShort);

  const Result result = AskAndWait("private-a", "silence");

  EXPECT_TRUE(absl::IsUnavailable(result.decision.status));
  EXPECT_GE(result.after, kShort);
  EXPECT_LT(result.after, kSlowness * absl::Seconds(2));
  EXPECT_EQ(observer_["unavailable"], 1);
  EXPECT_EQ(observer_["latency"], 0);
}

TEST_F(AnAuthorizer, ThatIsAwayIsUnavailableAfterOneTimeout) {
  server_.Stop();
  Dial(kShort);

  const Result result = AskAndWait("private-a");

  EXPECT_TRUE(absl::IsUnavailable(result.decision.status));
  EXPECT_GE(result.after, kShort);
  EXPECT_LT(result.after, kSlowness * absl::Seconds(2));
  EXPECT_FALSE(link_->connected());
  EXPECT_EQ(observer_["down"], 1);  // However often it is dialled.
}

TEST_F(AnAuthorizer, ThatComesBackIsAskedAtOnce) {
  server_.Stop();
  Dial(kLong);
  Ask("private-a");
  server_.Start();

  EXPECT_TRUE(results_.Wait("private-a").decision.status.ok());
}

TEST_F(AnAuthorizer, IsAskedAgainUnderANewIdWhenItsStreamBreaks) {
  Dial(kLong);
  EXPECT_TRUE(AskAndWait("private-first").decision.status.ok());
  Ask("private-a", "silence");
  Ask("private-b", "silence");
  ASSERT_TRUE(WaitUntil([&] { return server_.question_count() == 3; }));
  server_.Stop();
  server_.Answer([](const v1::AuthorizeRequest& question) {
    return Responses{Allow(question)};
  });
  server_.Start();

  EXPECT_TRUE(results_.Wait("private-a").decision.status.ok());
  EXPECT_TRUE(results_.Wait("private-b").decision.status.ok());
  const auto questions = server_.questions();
  ASSERT_EQ(questions.size(), 5u);
  // Ids are of their stream; the last one comes first.
  EXPECT_EQ(questions[3].channel(), "private-b");
  EXPECT_EQ(questions[3].request_id(), 1);
  EXPECT_EQ(questions[4].channel(), "private-a");
  EXPECT_EQ(questions[4].request_id(), 2);
  EXPECT_EQ(observer_["up"], 2);
  EXPECT_EQ(observer_["down"], 1);
}

TEST_F(AnAuthorizer, DoesNotGetMoreTimeByBreakingItsStream) {
  const absl::Duration timeout = kSlowness * absl::Seconds(1);
  Dial(timeout);
  Ask("private-a", "silence");
  ASSERT_TRUE(WaitUntil([&] { return server_.question_count() == 1; }));
  server_.Stop();
  server_.Start();
  ASSERT_TRUE(WaitUntil(
      [&] { return server_.question_count() == 2 || results_.count() == 1; }));

  const Result result = results_.Wait("private-a");

  EXPECT_TRUE(absl::IsUnavailable(result.decision.status));
  EXPECT_GE(result.after, timeout);
  EXPECT_LT(result.after, 2 * timeout);
}

TEST_F(AnAuthorizer, ThatLiesIsIgnoredAndCounted) {
  Dial(kLong);
  server_.Answer([](const v1::AuthorizeRequest& question) {
    v1::AuthorizeRequest other;
    other.set_request_id(question.request_id() + 1000);
    v1::AuthorizeRequest none;
    none.set_request_id(-1);
    return Responses{Allow(other), Allow(none), v1::AuthorizeResponse(),
                     Deny(question, "the first answer counts"),
                     Allow(question)};
  });

  const core::Decision decision = AskAndWait("private-a").decision;

  EXPECT_EQ(decision.status.message(), "the first answer counts");
  EXPECT_TRUE(WaitUntil([&] { return observer_["unknown_request"] == 3; }));
  EXPECT_EQ(observer_["empty"], 1);
  EXPECT_EQ(results_.count(), 1u);
}

TEST_F(AnAuthorizer, ThatAnswersTooLateChangesNothing) {
  Dial(kShort);
  AskAndWait("private-a", "silence");
  server_.Say(Allow(server_.questions().at(0)));

  EXPECT_TRUE(WaitUntil([&] { return observer_["unknown_request"] == 1; }));
  EXPECT_EQ(results_.count(), 1u);
}

TEST_F(AnAuthorizer, WithOneAbsurdAnswerDoesNotFailTheOthers) {
  Dial(kSlowness * absl::Seconds(2));
  server_.Answer([](const v1::AuthorizeRequest& question) {
    if (question.channel() != "private-evil") return Responses{Allow(question)};
    return Responses{AllowUser(question, "evil", std::string(17 << 20, 'x'))};
  });

  Ask("private-evil");
  EXPECT_TRUE(AskAndWait("private-good").decision.status.ok());
  EXPECT_TRUE(
      absl::IsUnavailable(results_.Wait("private-evil").decision.status));
  EXPECT_TRUE(AskAndWait("private-later").decision.status.ok());
}

TEST_F(AnAuthorizer, RevokesUnaskedAndOnlyWhatNamesSomebody) {
  Dial(kLong);
  server_.Say(RevokeUser("ada", "private-a", "left the team"));
  server_.Say(v1::AuthorizeResponse());
  v1::AuthorizeResponse nobody;
  nobody.mutable_revocation()->set_channel("private-a");
  server_.Say(nobody);

  EXPECT_TRUE(WaitUntil([&] { return observer_["invalid_revocation"] == 1; }));
  ASSERT_EQ(revocation_count(), 1u);
  EXPECT_EQ(revocations_[0].user_id(), "ada");
  EXPECT_EQ(revocations_[0].channel(), "private-a");
  EXPECT_EQ(revocations_[0].reason(), "left the team");
}

TEST_F(AnAuthorizer, HasNoMoreQuestionsInFlightThanItMay) {
  Dial({.target = "", .timeout = kLong, .in_flight_max = 3, .queue_max = 100});
  for (int i = 0; i < 10; ++i) Ask(absl::StrCat("private-", i), "silence");
  ASSERT_TRUE(WaitUntil([&] { return server_.question_count() == 3; }));

  // Each answer makes room for one.
  for (size_t i = 0; i < 7; ++i) {
    server_.Say(Allow(server_.questions().at(i)));
    ASSERT_TRUE(WaitUntil([&] { return server_.question_count() == 4 + i; }));
    EXPECT_TRUE(
        results_.Wait(absl::StrCat("private-", i)).decision.status.ok());
    EXPECT_EQ(results_.count(), i + 1);
  }
}

TEST_F(AnAuthorizer, WithAFullQueueIsUnavailableAtOnce) {
  Dial({.target = "", .timeout = kLong, .in_flight_max = 2, .queue_max = 5});
  for (int i = 0; i < 2; ++i) Ask(absl::StrCat("private-", i), "silence");
  ASSERT_TRUE(WaitUntil([&] { return server_.question_count() == 2; }));
  for (int i = 2; i < 7; ++i) Ask(absl::StrCat("private-", i), "silence");
  EXPECT_EQ(results_.count(), 0u);

  const Result result = AskAndWait("private-too-many");

  EXPECT_TRUE(absl::IsUnavailable(result.decision.status));
  EXPECT_LT(result.after, kLong / 2);
  EXPECT_EQ(results_.count(), 1u);
}

TEST_F(AnAuthorizer, BehindAFullFlightIsStillAskedWhenTheFlightTimesOut) {
  Dial({.target = "", .timeout = kShort, .in_flight_max = 1, .queue_max = 5});
  Ask("private-a", "silence");
  Ask("private-b", "yes");

  EXPECT_TRUE(absl::IsUnavailable(results_.Wait("private-a").decision.status));
  EXPECT_TRUE(results_.Wait("private-b").decision.status.ok());
}

TEST_F(AnAuthorizer, ThatIsStoppedAnswersEverythingOpenAndWhatComesLater) {
  Dial({.target = "", .timeout = kLong, .in_flight_max = 2, .queue_max = 100});
  for (int i = 0; i < 5; ++i) Ask(absl::StrCat("private-", i), "silence");
  ASSERT_TRUE(WaitUntil([&] { return server_.question_count() == 2; }));

  link_->Stop();

  EXPECT_EQ(results_.count(), 5u);
  EXPECT_TRUE(absl::IsUnavailable(results_.Wait("private-4").decision.status));
  EXPECT_TRUE(absl::IsUnavailable(AskAndWait("private-late").decision.status));
  link_->Stop();  // Twice does no harm.
}

// Opens streams and does nothing with them until it is told to end.
class DeafAuthorizer final : public v1::AuthorizerService::Service {
 public:
  grpc::Status Authorize(
      grpc::ServerContext* context,
      grpc::ServerReaderWriter<v1::AuthorizeResponse, v1::AuthorizeRequest>*
          stream) override {
    stream->SendInitialMetadata();
    WaitUntil([&] { return ended_ || context->IsCancelled(); }, 10 * kPatience);
    return grpc::Status::OK;
  }
  void End() { ended_ = true; }

 private:
  std::atomic<bool> ended_ = false;
};

TEST_F(AnAuthorizer, ThatDoesNotReadFailsNobodyLaterThanTwoTimeouts) {
  DeafAuthorizer deaf;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(),
                           &port);
  builder.RegisterService(&deaf);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  const absl::Duration timeout = kSlowness * absl::Milliseconds(500);
  Dial({.target = absl::StrCat("127.0.0.1:", port), .timeout = timeout});
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
  link_->Stop();
  deaf.End();
  server->Shutdown();
}

TEST(Durations, AreTakenAsTheAuthorizerMeantThem) {
  google::protobuf::Duration duration;
  EXPECT_EQ(ToDuration(duration), absl::ZeroDuration());
  duration.set_seconds(1);
  duration.set_nanos(500'000'000);
  EXPECT_EQ(ToDuration(duration), absl::Milliseconds(1500));
  duration.set_seconds(-1);
  EXPECT_EQ(ToDuration(duration), absl::ZeroDuration());  // Signs disagree.
  duration.set_nanos(0);
  EXPECT_LT(ToDuration(duration), absl::ZeroDuration());
  duration.set_seconds(std::numeric_limits<int64_t>::max());
  EXPECT_GT(ToDuration(duration), absl::Hours(24 * 365 * 1000));
}

}  // namespace
}  // namespace herald::rpc
