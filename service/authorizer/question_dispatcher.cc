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

// How long a parked question may wait at least: a pause (RefusalPauses) may be
// longer than a short timeout.
constexpr absl::Duration kParkedPatience = absl::Seconds(10);

}  // namespace

QuestionDispatcher::QuestionDispatcher(Options options)
    : options_(options), window_(options.in_flight_max, options.timeout) {}

absl::Time QuestionDispatcher::Admit(QuestionPtr question, absl::Time now,
                                     std::vector<Answered>& refused) {
  if (quarantine_.HasSocketOf(*question, now)) question->strikes = 1;
  question->excused = quarantine_.HasExcused(*question, now);
  question->watched = quarantine_.WatchesAddressOf(*question, now);
  question->waiting = QuestionBytes(waiting_bytes_, question->bytes);
  while (queued() >= options_.queue_max ||
         *waiting_bytes_ > options_.queue_bytes_max) {
    QuestionPtr other = queue_.GiveUpFor(*question);
    const bool self = other == nullptr;
    QuestionPtr& given_up = self ? question : other;
    refused.push_back(
        {std::move(given_up->done),
         Undecided("too many questions wait for the authorizer")});
    if (self) return absl::InfiniteFuture();
  }
  // `strikes` and `watched` were set above: QueueOf() depends on them.
  const absl::Time deadline = DeadlineOf(*question);
  QuestionQueue& queue = QueueOf(*question);
  queue.PushBack(std::move(question));
  return deadline;
}

void QuestionDispatcher::OnReturn(absl::Time now) {
  has_returned_ = false;
  pauses_.OnReturn(down_since_, now);
  // One lane at a time, if that was so when the process ended.
  if (strict_until_ > down_since_) strict_until_ = now + kStrict;
}

bool QuestionDispatcher::SkipPausing(QuestionQueue& queue, absl::Time now) {
  // Pauses begin anew after an outage, so they are renewed before the first
  // question after it is chosen.
  if (up_ && has_returned_) OnReturn(now);
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
  // The window is full. A client that has few questions in it does not wait for
  // those that have filled it.
  if (asked_ + window_.late() >= options_.in_flight_max ||
      asked_ + window_.late() >= window_.size() + kExtra) {
    return nullptr;
  }
  return queue_.PopOf([&](const PendingQuestion& next) {
    return HasFewAsked(next) && pauses_.NotBefore(next.socket(), now) <= now;
  });
}

bool QuestionDispatcher::HasFewAsked(const PendingQuestion& next) const {
  // Each question of a rogue gateway may be of another address.
  const size_t sources = std::max(queue_.turns(), asked_by_source_.size());
  if (sources > 1) {
    const auto own = asked_by_source_.find(next.source);
    return own == asked_by_source_.end() ||
           own->second * static_cast<int64_t>(sources) <= asked_;
  }
  return !asked_by_address_.contains(next.address);
}

QuestionPtr QuestionDispatcher::TakeForLane(StreamQuestions& lane,
                                            absl::Time now) {
  const bool is_free = lane.open.empty();
  const bool shares = !lane.suspect && lane.open.size() < kWatchedMax;
  // A suspect needs a free lane: only a lane that breaks with a single question
  // shows which one is poison.
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
  // Only Admit() looks a question up in the quarantine, so it may be skipped
  // only while the quarantine is empty.
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
    ++asked_by_source_[question->source];
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
  const auto source = asked_by_source_.find(question.source);
  if (--source->second == 0) asked_by_source_.erase(source);
}

absl::Time QuestionDispatcher::OnWritten(StreamQuestions& stream,
                                         absl::Time now) {
  const absl::Time deadline = now + options_.timeout;
  // The answer may be read before the end of the write is reported.
  const auto it = stream.open.find(stream.last_id);
  if (it == stream.open.end()) return deadline;
  it->second->delivered = true;
  // A question that is asked again keeps its deadline.
  it->second->deadline = std::min(it->second->deadline, deadline);
  return it->second->deadline;
}

QuestionDispatcher::DecisionOutcome QuestionDispatcher::OnDecision(
    StreamQuestions& stream, v1::Decision& decision, absl::Time now,
    std::vector<Answered>& answered) {
  const auto it = stream.open.find(decision.request_id());
  if (it == stream.open.end()) {
    // Too late for the socket, but it clears a suspect, and the window gets
    // its place back. Each of the two may have forgotten the question: the
    // window does not count those of lanes, nor lost ones.
    const int64_t serial = stream.first_serial + decision.request_id();
    const auto late = late_.Take(serial, serial);
    for (const QuestionPtr& one : late) {
      if (one->strikes > 0) Release(*one, now);
    }
    const bool counted = window_.TakeLate(serial);
    return counted || !late.empty() ? DecisionOutcome::kLate
                                    : DecisionOutcome::kUnknown;
  }
  const QuestionPtr question = std::move(it->second);
  stream.open.erase(it);
  Forget(stream, *question);
  // The window follows the main stream only: lanes have bounds of their own.
  // A lane doubles the lanes once, with its first decision: it has shown that
  // the authorizer serves as many streams.
  if (!stream.lane) {
    window_.OnAnswer(question->written, now, queue_.has_turn());
  } else if (!stream.proven && now >= strict_until_) {
    lanes_allowed_ = std::min(2 * lanes_allowed_, kLanesMax);
  }
  stream.proven = true;
  core::Verdict out = ToDecision(decision);
  if (out.status.ok()) {
    pauses_.OnAllowed(question->socket());
  } else {
    pauses_.OnDenied(question->socket(), now);
  }
  if (question->strikes > 0) Release(*question, now);
  answered.push_back(
      {std::move(question->done), std::move(out), now - question->asked});
  return DecisionOutcome::kUsed;
}

void QuestionDispatcher::Release(const PendingQuestion& answered,
                                 absl::Time now) {
  quarantine_.OnAnswered(answered);
  if (quarantine_.HasSocketOf(answered, now)) return;
  // Its other questions are suspects only because of that one. Without this,
  // a restart of the authorizer with one question of a socket in flight had
  // all its further questions asked alone.
  suspects_.TakeIf(
      [&](const PendingQuestion& question, bool /*parked*/) {
        return question.struck == absl::InfinitePast() &&
               question.socket() == answered.socket();
      },
      [this](QuestionPtr question) {
        question->strikes = 0;
        question->excused = false;
        QuestionQueue& queue = QueueOf(*question);
        queue.PushBack(std::move(question));
      });
}

void QuestionDispatcher::Strike(PendingQuestion& question, const StreamEnd& end,
                                bool excusable, absl::Time now) {
  question.struck = now;
  question.connection_stood = !end.connection_lost;
  if (excusable && !question.excused) {
    question.excused = true;
  } else {
    ++question.strikes;
  }
}

void QuestionDispatcher::Requeue(QuestionPtr question, const StreamEnd& end,
                                 bool excusable, absl::Time now,
                                 std::vector<QuestionPtr>& poisoned) {
  // A stream that we cancelled shows nothing about its questions, nor does a
  // write that has not ended.
  if (!end.by_us && question->delivered) {
    Strike(*question, end, excusable, now);
    if (question->strikes == 1) quarantine_.Suspect(*question, now);
  }
  if (question->strikes >= 2) return poisoned.push_back(std::move(question));
  if (question->strikes > 0) return suspects_.PushBack(std::move(question));
  QuestionQueue& queue = QueueOf(*question);
  queue.PushFront(std::move(question));
}

void QuestionDispatcher::StrikeLate(const StreamQuestions& stream,
                                    const StreamEnd& end, bool excusable,
                                    absl::Time now,
                                    std::vector<QuestionPtr>& poisoned) {
  // A stream that had no question shows nothing; most often its dial failed.
  if (end.by_us || stream.last_id == 0) return;
  // If the process has ended, the cause may be a question of another stream,
  // even of one that was cancelled before.
  std::vector<QuestionPtr> late =
      end.connection_lost ? late_.Take()
                          : late_.Take(stream.first_serial,
                                       stream.first_serial + stream.last_id);
  for (QuestionPtr& question : late) {
    // The first strike makes a suspect only, so it needs no excuse.
    Strike(*question, end, excusable && question->strikes > 0, now);
    if (question->strikes >= 2) {
      poisoned.push_back(std::move(question));
    } else {
      quarantine_.OnUnanswered(*question, now);
    }
  }
}

int QuestionDispatcher::OnStreamEnd(StreamQuestions& stream,
                                    const StreamEnd& end, absl::Time now,
                                    std::vector<Answered>& answered) {
  std::vector<int64_t> ids;
  for (const auto& [id, question] : stream.open) ids.push_back(id);
  // The last question is the first suspect: most inputs that break a stream do
  // so at once. And if an answer broke it (one that is too large), the
  // questions behind it are answered now. This order also lets PushFront() put
  // undelivered questions back as they were.
  std::sort(ids.begin(), ids.end(), std::greater<>());
  // Expire first: a question that is forgotten now is no possible cause. Count
  // before Forget() below, which changes the counts.
  late_.Expire(now);
  const auto own = static_cast<int64_t>(ids.size());
  const auto late = static_cast<int64_t>(late_.size());
  const int64_t open = asked_ + lanes_asked_;
  const bool lost = end.connection_lost && !end.by_us;
  const bool was_lost = now - connection_lost_ < kSameLoss;
  // With the connection all streams end, so any question that the authorizer
  // had may be the cause; late ones, too, for it may still work on them.
  const bool ambiguous = lost && (open > own || late > 0 || was_lost);
  const bool late_ambiguous = lost && (open + late > 1 || was_lost);
  if (lost && own + late > 0) connection_lost_ = now;
  // One lane at a time for a while: if an excused suspect ends the process
  // again, no other excused suspect may be open, or it is convicted as well.
  if (ambiguous && stream.lane && own > 0) {
    strict_until_ = now + kStrict;
    lanes_allowed_ = 1;
  }
  // If the connection stands, the authorizer still serves as many lanes.
  if (end.connection_lost && !stream.lane) lanes_allowed_ = 1;
  std::vector<QuestionPtr> poisoned;
  for (const int64_t id : ids) {
    QuestionPtr question = std::move(stream.open.at(id));
    Forget(stream, *question);
    // On the main stream a strike makes a suspect only, so it needs no excuse.
    Requeue(std::move(question), end, ambiguous && stream.lane, now, poisoned);
  }
  stream.open.clear();
  StrikeLate(stream, end, late_ambiguous, now, poisoned);
  window_.OnStreamEnd(stream.first_serial,
                      stream.first_serial + stream.last_id);
  const size_t before = answered.size();
  for (QuestionPtr& question : poisoned) {
    quarantine_.Add(*question, now);
    pauses_.OnDenied(question->socket(), now, kPoisonWeight);
    if (question->done == nullptr) continue;  // It had timed out.
    answered.push_back({std::move(question->done), Undecided(end.reason)});
  }
  poisoned_ += static_cast<int64_t>(poisoned.size());
  return static_cast<int>(answered.size() - before);
}

bool QuestionDispatcher::WantsLane(int lanes) const {
  return (suspects_.has_turn() || watched_.has_turn()) &&
         lanes < lanes_allowed_;
}

void QuestionDispatcher::OnUp() {
  up_ = true;
  has_returned_ = true;
  down_why_.clear();
}

void QuestionDispatcher::OnDown(absl::Time now, std::string why) {
  // The outage begins with the end of the last stream that worked; a dial that
  // fails does not begin it again.
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
    const int64_t serial = stream.first_serial + here->first;
    QuestionPtr question = std::move(here->second);
    stream.open.erase(here);
    Forget(stream, *question);
    if (!stream.lane) window_.OnLate(serial, question->written, now);
    late.push_back({std::move(question->done),
                    Undecided("the authorizer did not answer in time")});
    OnLate(serial, std::move(question), now);
  }
  return next;
}

void QuestionDispatcher::OnLate(int64_t serial, QuestionPtr question,
                                absl::Time now) {
  // Suspicion outlives the question: a question that broke streams slowly used
  // to expire before it was convicted, and its socket began anew each time.
  if (question->strikes > 0) quarantine_.OnUnanswered(*question, now);
  if (!question->delivered) return;
  if (question->strikes > 0) pauses_.OnDenied(question->socket(), now);
  late_.Add(serial, std::move(question), now);
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
  std::string why = up_ && !useless ? "the authorizer is overloaded"
                                    : "the authorizer cannot be reached";
  if (!up_ && !down_why_.empty()) absl::StrAppend(&why, ": ", down_why_);
  const auto take = [&](QuestionPtr question) {
    // Only if it was asked on a stream that broke.
    if (question->struck != absl::InfinitePast()) {
      quarantine_.OnUnanswered(*question, now);
    }
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
