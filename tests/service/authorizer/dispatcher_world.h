// SPDX-License-Identifier: Apache-2.0
//
// A fixture: a QuestionDispatcher, the time, and the results by channel.

#ifndef HERALD_TESTS_SERVICE_AUTHORIZER_DISPATCHER_WORLD_H_
#define HERALD_TESTS_SERVICE_AUTHORIZER_DISPATCHER_WORLD_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "service/authorizer/question_dispatcher.h"
#include "tests/service/questions/questions.h"

namespace herald::authorizer {

inline constexpr absl::Duration kTimeout = absl::Seconds(1);
inline const StreamEnd kThrown = {.reason =
                                      "the authorizer ended the stream (X)"};
inline const StreamEnd kCrashed = {.connection_lost = true,
                                   .reason = "crashed"};
inline const StreamEnd kGivenUp = {.by_us = true, .reason = ""};

class DispatcherWorld : public ::testing::Test {
 protected:
  DispatcherWorld() { dispatcher_.OnUp(); }

  void Admit(const std::string& channel, const std::string& address = "a",
             const std::string& socket = "1.1",
             admission::Source source = admission::kNoSource) {
    QuestionPtr question = Ask(address, socket, channel, now_, source);
    question->done = [this, channel](core::Verdict decision) {
      results_[channel] = decision.status;
    };
    dispatcher_.Admit(std::move(question), At(now_), answered_);
    Deliver();
  }

  // Writes the next question. Its channel; empty if there is none.
  std::string Write(StreamQuestions& stream) {
    const auto request = dispatcher_.Next(stream, At(now_));
    if (request == nullptr) return "";
    dispatcher_.OnWritten(stream, At(now_));
    return request->channel();
  }

  void Answer(StreamQuestions& stream, int64_t id, bool allowed) {
    v1::Decision decision;
    decision.set_request_id(id);
    decision.set_allowed(allowed);
    dispatcher_.OnDecision(stream, decision, At(now_), answered_);
    Deliver();
  }

  int End(StreamQuestions& stream, const StreamEnd& end) {
    const int poisoned =
        dispatcher_.OnStreamEnd(stream, end, At(now_), answered_);
    Deliver();
    return poisoned;
  }

  // Refuses questions that have timed out.
  void TimeOut(StreamQuestions& stream) {
    dispatcher_.TakeLateOf(stream, At(now_), answered_);
    Deliver();
  }
  void TimeOutWaiting() {
    dispatcher_.TakeLateWaiting(false, At(now_), answered_);
    Deliver();
  }

  // The process of the authorizer ends, and a new one is there 2 s later.
  void Restart() {
    dispatcher_.OnDown(At(now_), "crashed");
    now_ += 2;
    TimeOutWaiting();
    dispatcher_.OnUp();
  }

  // A question of this socket ends a main stream, and then a lane.
  void Poison(const std::string& socket) {
    StreamQuestions main(next_stream_++, false);
    StreamQuestions lane(next_stream_++, true);
    Admit("poison", "a", socket);
    EXPECT_EQ(Write(main), "poison");
    EXPECT_EQ(End(main, kThrown), 0);
    EXPECT_EQ(Write(lane), "poison");
    EXPECT_EQ(End(lane, kThrown), 1);
  }

  void Deliver() {
    for (Answered& one : answered_) one.done(std::move(one.decision));
    answered_.clear();
  }

  double now_ = 0;
  int64_t next_stream_ = 1;
  QuestionDispatcher dispatcher_{{.timeout = kTimeout}};
  std::vector<Answered> answered_;
  std::map<std::string, absl::Status> results_;
};

}  // namespace herald::authorizer

#endif  // HERALD_TESTS_SERVICE_AUTHORIZER_DISPATCHER_WORLD_H_
