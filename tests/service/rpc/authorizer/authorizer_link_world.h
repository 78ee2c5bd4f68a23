// SPDX-License-Identifier: Apache-2.0
//
// A fixture: an AuthorizerLink, the authorizer that it dials, and the result of
// each question. The authorizer is a real gRPC server that answers as each test
// scripts it.

#ifndef HERALD_TESTS_SERVICE_RPC_AUTHORIZER_AUTHORIZER_LINK_WORLD_H_
#define HERALD_TESTS_SERVICE_RPC_AUTHORIZER_AUTHORIZER_LINK_WORLD_H_

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "service/process/timer_thread.h"
#include "service/rpc/authorizer/authorizer_link.h"
#include "tests/support/deadline.h"
#include "tests/support/scripted_authorizer.h"

namespace herald::rpc {

using testing_support::kPatience;
using testing_support::kSlowness;
using testing_support::ScriptedAuthorizer;
using testing_support::WaitUntil;
using Responses = std::vector<v1::AuthorizeResponse>;

// Long enough for a good answer, and short enough to wait for.
inline constexpr absl::Duration kShort = absl::Milliseconds(500 * kSlowness);
inline constexpr absl::Duration kLong = absl::Seconds(20);

// The decision of one question, and how long it took.
struct Result {
  core::Verdict decision;
  absl::Duration after;
};

// Collects results by the channel that was asked about.
class Results {
 public:
  absl::AnyInvocable<void(core::Verdict)> Take(const std::string& channel) {
    return [this, channel, asked = absl::Now()](core::Verdict decision) {
      const std::lock_guard lock(mutex_);
      EXPECT_FALSE(results_.contains(channel))
          << channel << " was decided twice";
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

class CountingObserver final : public AuthorizerObserver {
 public:
  void OnAuthorizerUp() override { Count("up"); }
  void OnAuthorizerDown(const absl::Status& why) override {
    Count(absl::StatusCodeToString(why.code()));
    Count("down");
  }
  void OnAuthorizerStreamBroken(const absl::Status& /*why*/,
                                int poisoned) override {
    Count("broken");
    for (; poisoned > 0; --poisoned) Count("poisoned");
  }
  void OnDecision(absl::string_view outcome,
                  std::optional<absl::Duration> latency) override {
    Count(outcome);
    if (latency.has_value()) Count("latency");
  }
  void OnAuthorizerQueueFull() override { Count("queue_full"); }
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

class AuthorizerLinkWorld : public ::testing::Test {
 protected:
  ~AuthorizerLinkWorld() override {
    if (link_ != nullptr) link_->Stop();
    timers_.Stop();
  }

  void Dial(AuthorizerLink::Options options) {
    if (options.target.empty()) options.target = server_.address();
    link_ = AuthorizerLink::Create(
        std::move(options), &timers_, &observer_,
        [this](v1::Revocation revocation) -> absl::Status {
          if (revocation.subject_case() == v1::Revocation::SUBJECT_NOT_SET) {
            return absl::InvalidArgumentError("it has no subject");
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

  void Ask(const std::string& channel, const std::string& token = "yes",
           const std::string& address = "", const std::string& socket = "1.2") {
    core::Question question;
    question.socket_id = socket;
    question.channel = channel;
    question.auth_token = token;
    question.channel_data = R"({"a":1})";
    v1::Connection connection;
    connection.set_remote_address(address);
    connection.set_origin("https://example.com");
    (*connection.mutable_headers())["cookie"] = "id=7";
    question.connection = connection.SerializeAsString();
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
  service::TimerThread timers_;
  CountingObserver observer_;
  Results results_;
  std::mutex mutex_;
  std::vector<v1::Revocation> revocations_;
  std::shared_ptr<AuthorizerLink> link_;
};

}  // namespace herald::rpc

#endif  // HERALD_TESTS_SERVICE_RPC_AUTHORIZER_AUTHORIZER_LINK_WORLD_H_
