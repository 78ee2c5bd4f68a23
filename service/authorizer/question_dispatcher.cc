// SPDX-License-Identifier: Apache-2.0

#include "service/authorizer/question_dispatcher.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "service/authorizer/authorizer_answer.h"

namespace herald::authorizer {
namespace {

// Within this time, all streams of a lost connection end.
constexpr absl::Duration kSameLoss = absl::Milliseconds(250);

// How long a parked question may wait at least, however short the timeout is.
constexpr absl::Duration kParkedPatience = absl::Seconds(10);

}  // namespace

QuestionDispatcher::QuestionDispatcher(Options options)
    : options_(options), window_(options.in_flight_max, options.timeout) {}

absl::Time QuestionDispatcher::Admit(QuestionPtr question, absl::Time now,
                                     std::vector<Answered>& refused) {
  if (quarantine_.HasSocketOf(*question, now)) question->strikes = 1;
  question->watched = quarantine_.WatchesAddressOf(*question, now);
  question->waiting = QuestionBytes(waiting_bytes_, question->bytes);
  while (queued() >= options_.queue_max ||
         *waiting_bytes_ > options_.queue_bytes_max) {
    QuestionPtr other = queue_.GiveUpFor(question->address, question->socket());
    const bool self = other == nullptr;
    QuestionPtr& given_up = self ? question : other;
    refused.push_back(
        {std::move(given_up->done),
         Undecided("too many questions wait for the authorizer")});
    if (self) return absl::InfiniteFuture();
  }
  const absl::Time deadline = DeadlineOf(*question);
  QuestionQueue& queue = QueueOf(*question);
  queue.PushBack(std::move(question));
  return deadline;
}

bool QuestionDispatcher::SkipPausing(QuestionQueue& queue, absl::Time now) {
  queue.Unpark(now);
  while (queue.has_turn()) {
    const absl::Time until = pauses_.NotBefore(queue.front().socket(), now);
    if (until <= now) return true;
    queue.ParkFront(until);
  }
  return false;
}

QuestionPtr QuestionDispatcher::TakeMain(absl::Time now) {
  if (!SkipPausing(queue_, now)) return nullptr;
  if (window_.HasRoom(asked_)) return queue_.Pop();
  // The window is full. An address that has no question in it does not wait for
  // those that have filled it.
  if (asked_ + window_.late() >= options_.in_flight_max ||
      asked_ + window_.late() >= window_.size() + kExtra) {
    return nullptr;
  }
  return queue_.PopOf([this](const std::string& address) {
    return !asked_by_address_.contains(address);
  });
}

QuestionPtr QuestionDispatcher::TakeForLane(StreamQuestions& lane,
                                            absl::Time now) {
  const bool is_free = lane.open.empty();
  const bool shares = !lane.suspect && lane.open.size() < kWatchedMax;
  const bool suspects = is_free && SkipPausing(suspects_, now);
  const bool watched = (is_free || shares) && SkipPausing(watched_, now);
  if (!suspects && !watched) return nullptr;
  lane.suspect = suspects && !(watched && watched_first_);
  if (is_free) watched_first_ = lane.suspect;
  return lane.suspect ? suspects_.Pop() : watched_.Pop();
}

QuestionQueue& QuestionDispatcher::QueueOf(const PendingQuestion& question) {
  if (question.strikes > 0) return suspects_;
  return question.watched ? watched_ : queue_;
}

std::shared_ptr<v1::AuthorizeRequest> QuestionDispatcher::Next(
    StreamQuestions& stream, absl::Time now) {
  QuestionPtr question = stream.lane ? TakeForLane(stream, now) : TakeMain(now);
  if (question == nullptr) return nullptr;
  return Open(std::move(question), stream, now);
}

std::shared_ptr<v1::AuthorizeRequest> QuestionDispatcher::AskAtOnce(
    QuestionPtr& question, StreamQuestions& main, absl::Time now) {
  if (queue_.size() > 0 || !quarantine_.IsEmpty(now) ||
      !window_.HasRoom(asked_) ||
      pauses_.NotBefore(question->socket(), now) > now) {
    return nullptr;
  }
  return Open(std::move(question), main, now);
}

std::shared_ptr<v1::AuthorizeRequest> QuestionDispatcher::Open(
    QuestionPtr question, StreamQuestions& stream, absl::Time now) {
  const int64_t id = ++stream.last_id;
  question->request->set_request_id(id);
  question->written = now;
  question->waiting = {};
  question->asked = std::min(question->asked, now);
  question->delivered = false;
  pauses_.OnAsked(question->socket(), now);
  if (stream.lane) {
    ++lanes_asked_;
  } else {
    ++asked_;
    ++asked_by_address_[question->address];
  }
  std::shared_ptr<v1::AuthorizeRequest> request = question->request;
  stream.open.emplace(id, std::move(question));
  return request;
}

void QuestionDispatcher::Forget(StreamQuestions& stream,
                                const PendingQuestion& question) {
  if (stream.lane) {
    --lanes_asked_;
    return;
  }
  --asked_;
  const auto it = asked_by_address_.find(question.address);
  if (--it->second == 0) asked_by_address_.erase(it);
}

absl::Time QuestionDispatcher::OnWritten(StreamQuestions& stream,
                                         absl::Time now) {
  const absl::Time deadline = now + options_.timeout;
  const auto it = stream.open.find(stream.last_id);
  if (it == stream.open.end()) return deadline;
  it->second->delivered = true;
  it->second->deadline = std::min(it->second->deadline, deadline);
  return it->second->deadline;
}

QuestionDispatcher::Answer QuestionDispatcher::OnDecision(
    StreamQuestions& stream, v1::Decision& decision, absl::Time now,
    std::vector<Answered>& answered) {
  const auto it = stream.open.find(decision.request_id());
  if (it == stream.open.end()) {
    const bool late =
        window_.TakeLate(stream.first_serial + decision.request_id());
    return late ? Answer::kLate : Answer::kUnknown;
  }
  const QuestionPtr question = std::move(it->second);
  stream.open.erase(it);
  Forget(stream, *question);
  if (!stream.lane) {
    window_.OnAnswer(question->written, now, queue_.has_turn());
  } else if (!stream.proven && now >= strict_until_) {
    lanes_allowed_ = std::min(2 * lanes_allowed_, kLanesMax);
  }
  stream.proven = true;
  core::Decision out = ToDecision(decision);
  if (out.status.ok()) {
    pauses_.OnAllowed(question->socket());
  } else {
    pauses_.OnDenied(question->socket(), now);
  }
  answered.push_back(
      {std::move(question->done), std::move(out), now - question->asked});
  return Answer::kUsed;
}

void QuestionDispatcher::Requeue(QuestionPtr question, StreamQuestions& stream,
                                 const StreamEnd& end, bool ambiguous,
                                 std::vector<QuestionPtr>& poisoned) {
  if (!end.by_us && question->delivered) {
    if (stream.lane && ambiguous && !question->excused) {
      question->excused = true;
    } else {
      ++question->strikes;
    }
  }
  if (question->strikes >= 2) return poisoned.push_back(std::move(question));
  if (question->strikes > 0) return suspects_.PushBack(std::move(question));
  QuestionQueue& queue = QueueOf(*question);
  queue.PushFront(std::move(question));
}

int QuestionDispatcher::OnStreamEnd(StreamQuestions& stream,
                                    const StreamEnd& end, absl::Time now,
                                    std::vector<Answered>& answered) {
  std::vector<int64_t> ids;
  for (const auto& [id, question] : stream.open) ids.push_back(id);
  // The last question is the first suspect: most inputs that break a stream do
  // so at once. And if an answer broke it (one that is too large), the
  // questions behind it are answered now.
  std::sort(ids.begin(), ids.end(), std::greater<>());
  const auto own = static_cast<int64_t>(ids.size());
  const bool others = asked_ + lanes_asked_ > own;
  const bool ambiguous =
      end.connection_lost && (others || now - connection_lost_ < kSameLoss);
  if (end.connection_lost && own > 0) connection_lost_ = now;
  if (ambiguous && stream.lane && own > 0) {
    strict_until_ = now + kStrict;
    lanes_allowed_ = 1;
  }
  // If the connection stands, as many lanes still work.
  if (end.connection_lost && !stream.lane) lanes_allowed_ = 1;
  std::vector<QuestionPtr> poisoned;
  for (const int64_t id : ids) {
    QuestionPtr question = std::move(stream.open.at(id));
    Forget(stream, *question);
    Requeue(std::move(question), stream, end, ambiguous, poisoned);
  }
  stream.open.clear();
  window_.OnStreamEnd(stream.first_serial,
                      stream.first_serial + stream.last_id);
  for (QuestionPtr& question : poisoned) {
    quarantine_.Add(*question, now);
    pauses_.OnDenied(question->socket(), now, kPoisonWeight);
    answered.push_back({std::move(question->done), Undecided(end.reason)});
  }
  return static_cast<int>(poisoned.size());
}

bool QuestionDispatcher::WantsLane(int lanes) const {
  return (suspects_.has_turn() || watched_.has_turn()) &&
         lanes < lanes_allowed_;
}

void QuestionDispatcher::OnUp() {
  up_ = true;
  down_why_.clear();
}

void QuestionDispatcher::OnDown(absl::Time now, std::string why) {
  // Since the last stream that worked: dialling in vain prolongs nothing.
  if (up_) down_since_ = now;
  up_ = false;
  down_why_ = std::move(why);
}

absl::Time QuestionDispatcher::DeadlineOf(
    const PendingQuestion& question) const {
  if (question.deadline != absl::InfiniteFuture()) return question.deadline;
  const absl::Time last = question.arrived + kQueueWaits * options_.timeout;
  if (up_) return last;
  return std::min(last,
                  std::max(question.arrived, down_since_) + options_.timeout);
}

absl::Time QuestionDispatcher::TakeLateOf(StreamQuestions& stream,
                                          absl::Time now,
                                          std::vector<Answered>& late) {
  absl::Time next = absl::InfiniteFuture();
  for (auto it = stream.open.begin(); it != stream.open.end();) {
    const auto here = it++;
    const absl::Time deadline = DeadlineOf(*here->second);
    if (deadline > now) {
      next = std::min(next, deadline);
      continue;
    }
    const QuestionPtr question = std::move(here->second);
    Forget(stream, *question);
    if (!stream.lane) {
      window_.OnLate(stream.first_serial + here->first, question->written, now);
    }
    late.push_back({std::move(question->done),
                    Undecided("the authorizer did not answer in time")});
    stream.open.erase(here);
  }
  return next;
}

absl::Time QuestionDispatcher::TakeLateWaiting(bool useless, absl::Time now,
                                               std::vector<Answered>& late) {
  absl::Time next = absl::InfiniteFuture();
  const auto gone = [&](const PendingQuestion& question, bool parked) {
    absl::Time deadline = DeadlineOf(question);
    const bool asked = question.deadline != absl::InfiniteFuture();
    if (useless && !asked) {
      deadline = std::min(deadline, question.arrived + options_.timeout);
    }
    if (parked) {
      deadline = std::max(deadline, question.arrived + kParkedPatience);
    }
    if (deadline > now) next = std::min(next, deadline);
    return deadline <= now;
  };
  std::string why = up_ && !useless ? "the authorizer has too much to do"
                                    : "the authorizer cannot be reached";
  if (!up_ && !down_why_.empty()) absl::StrAppend(&why, ": ", down_why_);
  const auto take = [&](QuestionPtr question) {
    late.push_back({std::move(question->done), Undecided(why)});
  };
  for (QuestionQueue* queue : {&queue_, &suspects_, &watched_}) {
    queue->TakeIf(gone, take);
  }
  return next;
}

void QuestionDispatcher::TakeAll(absl::string_view why,
                                 std::vector<Answered>& all) {
  const auto every = [](const PendingQuestion&, bool) { return true; };
  const auto take = [&](QuestionPtr question) {
    all.push_back({std::move(question->done), Undecided(why)});
  };
  for (QuestionQueue* queue : {&queue_, &suspects_, &watched_}) {
    queue->TakeIf(every, take);
  }
}

bool QuestionDispatcher::IsBlocked() const {
  return queue_.has_turn() && !window_.HasRoom(asked_);
}

absl::Time QuestionDispatcher::next_unpark() const {
  return std::min(
      {queue_.next_unpark(), suspects_.next_unpark(), watched_.next_unpark()});
}

}  // namespace herald::authorizer
