// SPDX-License-Identifier: Apache-2.0
//
// Questions to an authorizer that answers late, twice, unasked or never, and
// whose streams break. Promise: each question is answered once, within a
// bounded time, and with yes only if the authorizer has allowed it; all bounds
// of question_dispatcher.h hold.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "service/authorizer/question_dispatcher.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/refusal.h"

namespace herald::fuzz {
namespace {

using authorizer::Answered;
using authorizer::QuestionDispatcher;
using authorizer::StreamQuestions;
using contract::Require;

constexpr absl::Duration kTimeout = absl::Seconds(1);
constexpr int64_t kInFlightMax = 16;
constexpr int64_t kQueueMax = 24;
// More than kQueueWaits timeouts, and than a parked question waits.
constexpr absl::Duration kPatience = absl::Minutes(1);

struct Stream {
  Stream(int64_t number, bool is_lane) : questions(number, is_lane) {}
  StreamQuestions questions;
  bool is_writing = false;
};

struct Question {
  bool is_answered = false;
  bool may_be_allowed = false;
};

class World {
 public:
  void Step(Input& input) {
    switch (input.Below(8)) {
      case 0:
      case 1:
        Admit(input);
        break;
      case 2:
        OpenStream();
        break;
      case 3:
      case 4:
        Write(input);
        break;
      case 5:
        Decide(input);
        break;
      case 6:
        EndStream(input);
        break;
      default:
        Advance(absl::Milliseconds(10 * input.Byte()));
    }
    Deliver();
    RequireBounds();
  }

  // Nothing happens any more but that time passes.
  void End() {
    Advance(kPatience);
    Deliver();
    for (const auto& question : questions_) Require(question->is_answered);
    Require(dispatcher_.queued() == 0);
    while (!streams_.empty()) End(streams_.size() - 1, {.by_us = true});
    Require(dispatcher_.in_flight() == 0);
    Require(answered_.empty());
  }

 private:
  void Admit(Input& input) {
    auto question = std::make_unique<authorizer::PendingQuestion>();
    question->request = std::make_shared<v1::AuthorizeRequest>();
    question->request->set_socket_id(absl::StrCat("1.", input.Below(6)));
    question->request->set_channel(absl::StrCat(questions_.size()));
    question->address = absl::StrCat("address ", input.Below(3));
    question->bytes = 100 * input.Byte();
    question->arrived = now_;
    auto known = std::make_shared<Question>();
    questions_.push_back(known);
    question->done = [known](const core::Verdict& decision) {
      Require(!std::exchange(known->is_answered, true));
      Require(!decision.status.ok() || known->may_be_allowed);
    };
    Stream* const main = MainStream();
    if (main != nullptr && !main->is_writing && input.Flag()) {
      main->is_writing =
          dispatcher_.AskAtOnce(question, main->questions, now_) != nullptr;
      if (main->is_writing) return;
    }
    dispatcher_.Admit(std::move(question), now_, answered_);
  }

  void OpenStream() {
    if (MainStream() == nullptr) {
      streams_.push_back(std::make_unique<Stream>(++last_number_, false));
      dispatcher_.OnUp();
    } else if (dispatcher_.WantsLane(lanes())) {
      streams_.push_back(std::make_unique<Stream>(++last_number_, true));
    }
  }

  // Begins a write, or ends the one that is under way.
  void Write(Input& input) {
    if (streams_.empty()) return;
    Stream& stream = *streams_[Index(input)];
    if (std::exchange(stream.is_writing, false)) {
      dispatcher_.OnWritten(stream.questions, now_);
    } else {
      stream.is_writing = dispatcher_.Next(stream.questions, now_) != nullptr;
    }
  }

  // Ids count from 1, so some were never given and some are gone.
  void Decide(Input& input) {
    if (streams_.empty()) return;
    Stream& stream = *streams_[Index(input)];
    v1::Decision decision;
    decision.set_request_id(int64_t{input.Byte()} - 1);
    decision.set_allowed(input.Flag());
    const auto asked = stream.questions.open.find(decision.request_id());
    const bool is_asked = asked != stream.questions.open.end();
    if (is_asked) {
      const auto index = std::stoul(asked->second->request->channel());
      questions_[index]->may_be_allowed = decision.allowed();
    }
    const auto answer =
        dispatcher_.OnDecision(stream.questions, decision, now_, answered_);
    Require((answer == QuestionDispatcher::DecisionOutcome::kUsed) == is_asked);
  }

  void EndStream(Input& input) {
    if (streams_.empty()) return;
    const size_t index = Index(input);
    End(index, {.by_us = input.Flag(),
                .connection_lost = input.Flag(),
                .reason = "it broke"});
  }

  void End(size_t index, const authorizer::StreamEnd& end) {
    const std::unique_ptr<Stream> stream = std::move(streams_[index]);
    streams_.erase(streams_.begin() + static_cast<ptrdiff_t>(index));
    const auto before = answered_.size();
    const int poisoned =
        dispatcher_.OnStreamEnd(stream->questions, end, now_, answered_);
    Require(answered_.size() == before + static_cast<size_t>(poisoned));
    Require(stream->questions.open.empty());
    if (!stream->questions.lane) dispatcher_.OnDown(now_, "it broke");
  }

  void Advance(absl::Duration time) {
    now_ += time;
    for (const auto& stream : streams_) {
      const absl::Time next =
          dispatcher_.TakeLateOf(stream->questions, now_, answered_);
      Require(next > now_);
    }
    const bool is_useless = MainStream() == nullptr;
    Require(dispatcher_.TakeLateWaiting(is_useless, now_, answered_) > now_);
  }

  void Deliver() {
    for (Answered& one : std::exchange(answered_, {})) {
      IsOkOr(one.decision.status, {absl::StatusCode::kPermissionDenied,
                                   absl::StatusCode::kUnavailable});
      one.done(std::move(one.decision));
    }
  }

  // A question of a broken stream returns to the queue even if that is full.
  void RequireBounds() const {
    Require(lanes() <= QuestionDispatcher::kLanesMax);
    Require(dispatcher_.queued() >= dispatcher_.suspects());
    Require(dispatcher_.queued() <=
            kQueueMax + kInFlightMax +
                QuestionDispatcher::kLanesMax *
                    int64_t{QuestionDispatcher::kWatchedMax});
    for (const auto& stream : streams_) {
      const size_t open_max = stream->questions.lane
                                  ? QuestionDispatcher::kWatchedMax
                                  : size_t{kInFlightMax};
      Require(stream->questions.open.size() <= open_max);
    }
  }

  Stream* MainStream() const {
    for (const auto& stream : streams_) {
      if (!stream->questions.lane) return stream.get();
    }
    return nullptr;
  }

  int lanes() const {
    return static_cast<int>(streams_.size()) -
           (MainStream() == nullptr ? 0 : 1);
  }

  size_t Index(Input& input) const {
    return static_cast<size_t>(input.Below(static_cast<int>(streams_.size())));
  }

  QuestionDispatcher dispatcher_{{.timeout = kTimeout,
                                  .in_flight_max = kInFlightMax,
                                  .queue_max = kQueueMax,
                                  .queue_bytes_max = 100'000}};
  absl::Time now_ = absl::UnixEpoch();
  int64_t last_number_ = 0;
  std::vector<std::unique_ptr<Stream>> streams_;
  std::vector<std::shared_ptr<Question>> questions_;
  std::vector<Answered> answered_;
};

}  // namespace
}  // namespace herald::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  herald::fuzz::Input input(data, size);
  herald::fuzz::World world;
  while (!input.empty()) world.Step(input);
  world.End();
  return 0;
}
