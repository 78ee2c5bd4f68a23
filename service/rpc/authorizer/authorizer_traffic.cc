// SPDX-License-Identifier: Apache-2.0

#include "service/rpc/authorizer/authorizer_traffic.h"

#include <algorithm>
#include <utility>

#include "service/authorizer/authorizer_answer.h"

namespace herald::rpc {
namespace {

using authorizer::Undecided;

// How often the connection of a new stream is checked.
constexpr absl::Duration kStartCheckInterval = absl::Milliseconds(20);

}  // namespace

AuthorizerTraffic::AuthorizerTraffic(AuthorizerStream::Host* host,
                                     AuthorizerOptions options)
    : options_(std::move(options)),
      streams_(host, {.target = options_.target,
                      .keepalive_interval = options_.keepalive_interval,
                      .keepalive_timeout = options_.keepalive_timeout}),
      dispatcher_({.timeout = options_.timeout,
                   .in_flight_max = options_.in_flight_max,
                   .queue_max = options_.queue_max}) {}

void AuthorizerTraffic::Stop(absl::Time now, Work& work) {
  stopped_ = true;
  for (const StreamPtr& stream : streams_.all()) {
    // By us, so no question becomes a suspect. Their questions return to the
    // queue, and are answered with the others below.
    dispatcher_.OnStreamEnd(stream->questions, {.by_us = true, .reason = ""},
                            now, work.answers);
    stream->Cancel();
  }
  dispatcher_.TakeAll("the service is stopping", work.answers);
}

bool AuthorizerTraffic::Ask(authorizer::QuestionPtr question, absl::Time now,
                            Work& work) {
  if (stopped_) {
    work.answers.push_back(
        {std::move(question->done), Undecided("the service is stopping")});
    return true;
  }
  if (WriteAtOnce(question, now, work)) {
    work.sweep = now + options_.timeout;
    return true;
  }
  work.sweep = dispatcher_.Admit(std::move(question), now, work.answers);
  const bool full = !work.answers.empty();
  // With a stream it is asked within a timeout, or has a sweep of its own.
  if (streams_.main() != nullptr) {
    work.sweep = std::min(work.sweep, now + options_.timeout);
  }
  Pump(now, work);
  return !full;
}

bool AuthorizerTraffic::WriteAtOnce(authorizer::QuestionPtr& question,
                                    absl::Time now, Work& work) {
  const StreamPtr& main = streams_.main();
  if (main == nullptr || !main->usable()) return false;
  auto request = dispatcher_.AskAtOnce(question, main->questions, now);
  if (request == nullptr) return false;
  main->HoldQuestion(std::move(request), now);
  work.write.push_back(main);
  return true;
}

void AuthorizerTraffic::WriteNext(const StreamPtr& stream, absl::Time now,
                                  Work& work) {
  if (!stream->usable()) return;
  auto request = dispatcher_.Next(stream->questions, now);
  if (request == nullptr) return;
  stream->HoldQuestion(std::move(request), now);
  work.write.push_back(stream);
}

void AuthorizerTraffic::Pump(absl::Time now, Work& work) {
  if (stopped_) return;
  if (streams_.main() != nullptr) WriteNext(streams_.main(), now, work);
  if (dispatcher_.suspects() == 0) return;
  for (const StreamPtr& stream : streams_.all()) {
    if (stream->role == Role::kLane) WriteNext(stream, now, work);
  }
  // Without a connection that stands, a lane would only fail.
  if (!dispatcher_.up() || now < lanes_not_before_) return;
  while (dispatcher_.WantsLane(streams_.lanes())) {
    work.start.push_back(streams_.Open(Role::kLane));
    WriteNext(StreamPtr(work.start.back()), now, work);
  }
}

void AuthorizerTraffic::Dial(absl::Time now, Work& work) {
  work.start.push_back(streams_.Open(Role::kMain));
  Pump(now, work);
}

void AuthorizerTraffic::OnStreamWorks(AuthorizerStream* stream, absl::Time now,
                                      Work& work) {
  if (std::exchange(stream->works, true)) return;
  // First: it is the main stream then, and may report that the authorizer is
  // up.
  if (stream == streams_.next().get()) Promote(now, work);
  if (stream != streams_.main().get() || dispatcher_.up() || stopped_) return;
  dispatcher_.OnUp();
  reported_down_ = false;
  work.went_up = true;
  Pump(now, work);
}

void AuthorizerTraffic::OnWritten(AuthorizerStream* stream, bool ok,
                                  absl::Time now, Work& work) {
  if (ok && !stream->half_closed) {
    stream->token.Release();
  } else {
    stream->token.End();
  }
  stream->request = nullptr;
  stream->last_write = now;
  if (ok && std::exchange(stream->writes_question, false)) {
    // The answer may have been read before; then none is awaited.
    if (dispatcher_.in_flight() > 0) {
      stream->silent_since = std::min(stream->silent_since, now);
    }
    work.sweep = dispatcher_.OnWritten(stream->questions, now);
    // A server may send nothing before its first answer, so a written question
    // shows that the stream works.
    OnStreamWorks(stream, now, work);
  }
  if (stream->role == Role::kRetiring) Retire(streams_.Share(stream), work);
  Pump(now, work);
}

void AuthorizerTraffic::NoteSignOfLife(AuthorizerStream* stream,
                                       absl::Time now) const {
  stream->last_read = now;
  stream->keepalive_due = absl::InfiniteFuture();
  stream->silent_since =
      dispatcher_.in_flight() > 0 ? now : absl::InfiniteFuture();
}

void AuthorizerTraffic::OnRead(AuthorizerStream* stream,
                               const v1::AuthorizeResponse* response,
                               absl::Time now, Work& work) {
  if (response != nullptr && response->has_ready()) {
    stream->knows_keepalives = true;
  }
  NoteSignOfLife(stream, now);
  OnStreamWorks(stream, now, work);
}

authorizer::QuestionDispatcher::DecisionOutcome AuthorizerTraffic::OnDecision(
    AuthorizerStream* stream, v1::Decision& decision, absl::Time now,
    Work& work) {
  const auto used =
      dispatcher_.OnDecision(stream->questions, decision, now, work.answers);
  NoteSignOfLife(stream, now);
  OnStreamWorks(stream, now, work);
  if (stream->role == Role::kRetiring) Retire(streams_.Share(stream), work);
  Pump(now, work);
  return used;
}

AuthorizerTraffic::StreamLoss AuthorizerTraffic::OnStreamDone(
    AuthorizerStream* stream, const grpc::Status& status, absl::Time now,
    Work& work) {
  StreamLoss loss;
  const authorizer::StreamEnd end = stream->HowEnded(status);
  const bool was_main = stream == streams_.main().get();
  // Removed before its questions are taken back: the next stream, if there is
  // one, is the main one from here on, and Pump() writes to it.
  const StreamPtr self = streams_.Remove(stream);
  const int64_t poisoned_before = dispatcher_.poisoned();
  dispatcher_.OnStreamEnd(stream->questions, end, now, work.answers);
  loss.poisoned = static_cast<int>(dispatcher_.poisoned() - poisoned_before);
  work.sweep = now + options_.timeout;
  // Its own fault only: the connection stands, and it has answered.
  loss.broken = !end.by_us && !end.connection_lost && !status.ok() &&
                stream->questions.proven;
  loss.lost = was_main;
  if (was_main) {
    OnMainDone(stream->WhyEnded(status), now, loss, work);
  } else if (stream->questions.lane && stream->cut == nullptr) {
    loss.lost = loss.broken = true;
    // A lane that took no question would be opened again immediately, for the
    // same suspect.
    if (end.connection_lost || stream->questions.last_id == 0) {
      lanes_not_before_ = now + RedialBackoff();
      work.sweep = lanes_not_before_;
    }
  }
  loss.broken |= loss.poisoned > 0;
  Pump(now, work);
  return loss;
}

void AuthorizerTraffic::OnMainDone(const absl::Status& why, absl::Time now,
                                   StreamLoss& loss, Work& work) {
  if (stopped_) return;
  const StreamPtr& main = streams_.main();
  if (!loss.broken && (main == nullptr || !main->works)) {
    loss.down = dispatcher_.up() || !reported_down_;
    reported_down_ = true;
    dispatcher_.OnDown(now, authorizer::CleanStatus(why));
  }
  if (main == nullptr) {
    // Broken by its own fault, the stream leaves a connection that stands: the
    // other questions wait for no backoff.
    work.redial = loss.broken ? absl::ZeroDuration() : RedialBackoff();
  }
}

void AuthorizerTraffic::Promote(absl::Time now, Work& work) {
  const StreamPtr old = streams_.Promote();
  if (old != nullptr) Retire(old, work);
  Pump(now, work);
}

void AuthorizerTraffic::Retire(const StreamPtr& stream, Work& work) {
  if (!AuthorizerStreams::Retire(stream.get())) return;
  work.write.push_back(stream);
  work.retire.push_back(stream);
}

std::optional<absl::Duration> AuthorizerTraffic::CheckStart(
    const StreamPtr& stream, absl::Time now, Work& work) {
  const bool starting = stream == streams_.main() || stream == streams_.next();
  if (stopped_ || !starting || stream->works || stream->reading_ended) {
    return std::nullopt;
  }
  if (!streams_.Stands(stream, now)) return kStartCheckInterval;
  OnStreamWorks(stream.get(), now, work);
  return std::nullopt;
}

absl::Time AuthorizerTraffic::CheckIdle(const StreamPtr& stream, absl::Time now,
                                        Work& work) {
  AuthorizerStreams::Due due = streams_.CheckIdle(stream, now);
  if (due.write != nullptr) work.write.push_back(std::move(due.write));
  if (due.opened != nullptr) work.start.push_back(std::move(due.opened));
  return due.again;
}

void AuthorizerTraffic::Sweep(absl::Time now, Work& work) {
  work.sweep = TakeLate(now, work);
  Pump(now, work);
}

void AuthorizerTraffic::GiveUpLane(AuthorizerStream* lane, absl::Time now) {
  // It never has time for another question.
  // It stays open for a while all the same, because a late break still convicts
  // the suspect.
  if (lane->questions.open.empty()) return streams_.Keep(lane, now);
  lane->half_closed = true;
  AuthorizerStreams::Cut(lane, AuthorizerStreams::kUnanswered);
}

absl::Time AuthorizerTraffic::TakeLate(absl::Time now, Work& work) {
  absl::Time next = absl::InfiniteFuture();
  for (const StreamPtr& stream : streams_.all()) {
    const size_t before = work.answers.size();
    next = std::min(
        next, dispatcher_.TakeLateOf(stream->questions, now, work.answers));
    const bool unanswered = work.answers.size() > before;
    if (stream == streams_.main()) {
      next = std::min(next, streams_.CheckUse(now, options_.timeout, unanswered,
                                              dispatcher_.IsBlocked()));
    }
    if (unanswered && stream->role == Role::kRetiring) Retire(stream, work);
    if (unanswered && stream->role == Role::kLane) {
      GiveUpLane(stream.get(), now);
    }
    if (stream->role == Role::kOverdue) {
      next = std::min(next, AuthorizerStreams::CheckOverdue(stream.get(), now));
    }
  }
  // After the streams: CheckUse() may have cancelled the main one, and then the
  // questions that wait have no stream.
  const bool useless =
      streams_.main() != nullptr && streams_.main()->cut != nullptr;
  next =
      std::min(next, dispatcher_.TakeLateWaiting(useless, now, work.answers));
  return std::min(next, dispatcher_.next_unpark());
}

}  // namespace herald::rpc
