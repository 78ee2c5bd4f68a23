// SPDX-License-Identifier: Apache-2.0
//
// The ports of the service's core, as fakes. FakeAuthorizer answers and
// FakeTimers moves only on demand, and FakeSink keeps its messages; so each
// test chooses its own interleaving.

#ifndef HERALD_TESTS_SERVICE_CORE_HUB_FAKES_H_
#define HERALD_TESTS_SERVICE_CORE_HUB_FAKES_H_

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "service/channel/encoding.h"
#include "service/memory/memory_engine.h"
#include "tests/service/core/fake_timers.h"
#include "tests/service/core/hub.h"

namespace herald::core {

class FakeAuthorizer final : public Authorizer {
 public:
  void Authorize(Question question,
                 absl::AnyInvocable<void(Verdict)> done) override {
    questions.push_back(std::move(question));
    waiting_.push_back(std::move(done));
  }

  void SignIn(const SignInQuestion& question,
              absl::AnyInvocable<void(Verdict)> done) override {
    sign_ins.push_back(question);
    waiting_.push_back(std::move(done));
  }

  // Answers the oldest question, of either kind.
  void Answer(Verdict decision) {
    ASSERT_FALSE(waiting_.empty());
    auto done = std::move(waiting_.front());
    waiting_.erase(waiting_.begin());
    done(std::move(decision));
    if (after_each) after_each();
  }
  void Allow(const std::string& user = "") {
    Verdict yes;
    if (!user.empty()) yes.member.emplace().set_user_id(user);
    Answer(std::move(yes));
  }

  size_t waiting() const { return waiting_.size(); }
  // REQUIRES: one is waiting.
  const Question& Oldest() const {
    return questions[questions.size() - waiting_.size()];
  }

  std::vector<Question> questions;
  std::vector<SignInQuestion> sign_ins;
  std::function<void()> after_each;  // Called behind every answer.

 private:
  std::vector<absl::AnyInvocable<void(Verdict)>> waiting_;
};

// Keeps chunks; reads them as a gateway or as a Watch would.
class FakeSink final : public Sink {
 public:
  void Enqueue(Chunk chunk) override {
    std::lock_guard<std::mutex> lock(mu_);
    chunks_.push_back(std::move(chunk));
  }
  bool EnqueueWhisper(Chunk chunk) override {
    if (whisper_full) return false;
    Enqueue(std::move(chunk));
    return true;
  }
  bool HasRoomForState() const override { return !state_full; }
  void EnqueueState(Chunk chunk) override {
    ++states;
    Enqueue(std::move(chunk));
  }
  void EnqueueMissed(Chunk chunk) override {
    v1::ServerMessage message;
    *message.mutable_event() = DecodeEvent(chunk).value();
    EnqueueState(EncodeWatch(std::move(message)));
  }
  void Flush() override {
    if (on_flush) on_flush();
  }
  void Close(absl::Status why) override {
    {
      std::lock_guard<std::mutex> lock(mu_);
      if (closed.ok()) closed = std::move(why);
    }
    if (on_close) std::exchange(on_close, nullptr)();
  }

  std::vector<link::v1::ServiceItem> Items() {
    std::string frame;
    std::lock_guard<std::mutex> lock(mu_);
    for (const Chunk& chunk : std::exchange(chunks_, {})) frame += *chunk;
    link::v1::AttachResponse response;
    EXPECT_TRUE(response.ParseFromString(frame));
    return {response.items().begin(), response.items().end()};
  }

  std::vector<v1::ServerMessage> Messages() {
    std::vector<v1::ServerMessage> messages;
    std::lock_guard<std::mutex> lock(mu_);
    for (const Chunk& chunk : std::exchange(chunks_, {})) {
      v1::WatchResponse response;
      EXPECT_TRUE(response.ParseFromString(*chunk));
      messages.push_back(response.message());
    }
    return messages;
  }

  absl::Status closed;
  std::function<void()> on_flush;
  std::function<void()> on_close;  // For the first one.
  bool whisper_full = false;       // For whispers only.
  bool state_full = false;         // No more of it is begun.
  std::atomic<int> states{0};      // Chunks outside of the bound.

 private:
  std::mutex mu_;
  std::vector<Chunk> chunks_;
};

}  // namespace herald::core

#endif  // HERALD_TESTS_SERVICE_CORE_HUB_FAKES_H_
