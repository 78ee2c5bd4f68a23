// SPDX-License-Identifier: Apache-2.0
//
// Decides which question is asked next, on which kind of stream, and how each
// question ends. Pure: the owner provides streams, time and lock.
//
// The life of a question:
//
//   Admit() -> queue -> open on the main stream ----------------> answered
//                ^             |
//                |        the stream breaks
//                |             v
//          not delivered    suspects -> open alone on a lane ---> answered
//                              ^             |
//                              +-- excused --+-- it breaks -----> poisoned
//
// Deadlines: a question times out `timeout` after it was written. Before that,
// it waits at most `timeout` for a stream. Behind other questions it waits at
// most kQueueWaits timeouts, as long as a whole queue can take. A question that
// is asked again keeps its deadline, and one that has timed out is not asked
// again: its client retries.
//
// Suspects: a question that was open on a stream that broke may have broken it.
// Suspects are asked one at a time on streams of their own, the lanes. There
// may be twice as many lanes as have proven to work, up to kLanesMax. A
// question that is open on a second stream that breaks is answered UNAVAILABLE,
// and further questions of its connection are suspects from the start.
//
// Slow poison: an input may break a stream after its question has timed out, or
// keep the authorizer down for longer than a timeout. So suspicion outlives the
// question: until a suspect's socket has an answer, its further questions are
// suspects from the start (Quarantine). A question that has timed out gets a
// strike if its stream breaks within a minute, or if a connection is lost
// (LateQuestions). A suspect that times out on a lane counts as a denial for
// the pauses of its socket.
//
// Watched questions: those of an address that breaks streams with one
// connection after the other (Quarantine). They are asked on lanes as well, so
// they cannot break the main stream. Up to kWatchedMax share a lane, so 64 are
// decided at the same time. One that breaks its lane makes few others suspects.
// Free lanes take suspects and watched questions in turn.
//
// If a stream was lost with its connection while questions were open on others,
// the cause is unknown. Then a question is excused once, and one lane at a time
// is used for kStrict. So a restart of the authorizer convicts no question that
// was not alone with it.
//
// Bounds: `queue_max` questions and `queue_bytes_max` bytes wait, suspects and
// parked ones included; beyond that, the source of gateways with the most loses
// some, of its client with the most. The main stream has at most as many as
// AuthorizerWindow allows, and kExtra more: for addresses that have none there,
// or, if gateways of several sources ask, for sources with no more than a fair
// share there.
//
// Threads: none of its own; the owner's lock guards it.

#ifndef HERALD_SERVICE_AUTHORIZER_QUESTION_DISPATCHER_H_
#define HERALD_SERVICE_AUTHORIZER_QUESTION_DISPATCHER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "proto/admission/source.h"
#include "proto/contract/limits.h"
#include "service/authorizer/authorizer_window.h"
#include "service/questions/late_questions.h"
#include "service/questions/pending_question.h"
#include "service/questions/quarantine.h"
#include "service/questions/question_queue.h"
#include "service/questions/refusal_pauses.h"

namespace herald::authorizer {

// The questions of one stream. A lane has one suspect or a few watched ones.
struct StreamQuestions {
  // `number`: greater than that of each stream before.
  StreamQuestions(int64_t number, bool is_lane)
      : lane(is_lane), first_serial(number << 32) {}

  const bool lane;
  const int64_t first_serial;  // A question's serial is this plus its id.
  bool proven = false;         // It has had a decision.
  bool suspect = false;        // Of a lane: its last question was a suspect.
  int64_t last_id = 0;
  absl::flat_hash_map<int64_t, QuestionPtr> open;  // By request_id.
};

// How a stream ended.
struct StreamEnd {
  bool by_us = false;            // Cancelled, or replaced.
  bool connection_lost = false;  // Other streams may be lost with it.
  std::string reason;            // Of the refusals.
};

class QuestionDispatcher {
 public:
  struct Options {
    absl::Duration timeout;
    int64_t in_flight_max = contract::kAuthorizerInFlightMax;
    int64_t queue_max = contract::kAuthorizerQueueMax;
    int64_t queue_bytes_max = contract::kAuthorizerQueueBytesMax;
  };

  static constexpr int kLanesMax = 16;
  static constexpr size_t kWatchedMax = 4;
  static constexpr absl::Duration kStrict = absl::Seconds(5);

  explicit QuestionDispatcher(Options options);

  // Enqueues a question. If the queue is full, others are moved to `refused`,
  // or this one is. Returns when it times out.
  absl::Time Admit(QuestionPtr question, absl::Time now,
                   std::vector<Answered>& refused);

  // Asks `question` on the main stream without the queue, if no other question
  // waits and it is not a suspect. nullptr if it has to be enqueued: `question`
  // is left as it is. REQUIRES: the stream can be written to.
  std::shared_ptr<v1::AuthorizeRequest> AskAtOnce(QuestionPtr& question,
                                                  StreamQuestions& main,
                                                  absl::Time now);

  // The next question for `stream`; nullptr if there is none.
  // REQUIRES: the stream can be written to.
  std::shared_ptr<v1::AuthorizeRequest> Next(StreamQuestions& stream,
                                             absl::Time now);
  // The question that was last taken for `stream` has been written. Returns its
  // deadline.
  absl::Time OnWritten(StreamQuestions& stream, absl::Time now);

  enum class DecisionOutcome { kUsed, kLate, kUnknown };
  DecisionOutcome OnDecision(StreamQuestions& stream, v1::Decision& decision,
                             absl::Time now, std::vector<Answered>& answered);

  // Takes its open questions back. Returns how many of them were poisoned; they
  // are in `answered`. Poison that had timed out before is only counted.
  int OnStreamEnd(StreamQuestions& stream, const StreamEnd& end, absl::Time now,
                  std::vector<Answered>& answered);

  // All poison so far.
  int64_t poisoned() const { return poisoned_; }

  // Whether there is work for one more than `lanes` lanes.
  bool WantsLane(int lanes) const;

  // The main stream works; no main stream works, because of `why`.
  void OnUp();
  void OnDown(absl::Time now, std::string why);
  bool up() const { return up_; }

  // Move the questions that have timed out to `late`: those of a stream, and
  // those of the queues. Return when the next one times out. `useless`: the
  // main stream has been cancelled, so that questions wait for a stream.
  absl::Time TakeLateOf(StreamQuestions& stream, absl::Time now,
                        std::vector<Answered>& late);
  absl::Time TakeLateWaiting(bool useless, absl::Time now,
                             std::vector<Answered>& late);

  // Answers all waiting questions, when the service stops.
  void TakeAll(absl::string_view why, std::vector<Answered>& all);

  int64_t queued() const {
    return static_cast<int64_t>(queue_.size()) + suspects();
  }
  // Suspects and watched questions that wait.
  int64_t suspects() const {
    return static_cast<int64_t>(suspects_.size() + watched_.size());
  }
  // Questions that the authorizer has, those that have timed out included.
  int64_t in_flight() const { return asked_ + lanes_asked_ + window_.late(); }
  // Whether questions wait because the window is full.
  bool IsBlocked() const;
  // When the next parked question can be asked.
  absl::Time next_unpark() const;

 private:
  static constexpr int kQueueWaits =
      contract::kAuthorizerQueueMax / contract::kAuthorizerInFlightMax + 1;
  static constexpr int64_t kExtra = 16;
  static constexpr int kPoisonWeight = 8;  // Denials that a poison counts as.

  // Moves `question` to the open ones of `stream`.
  std::shared_ptr<v1::AuthorizeRequest> Open(QuestionPtr question,
                                             StreamQuestions& stream,
                                             absl::Time now);
  QuestionPtr TakeMain(absl::Time now);
  // Whether a question may exceed a full window.
  bool HasFewAsked(const PendingQuestion& next) const;
  QuestionPtr TakeForLane(StreamQuestions& lane, absl::Time now);
  QuestionQueue& QueueOf(const PendingQuestion& question);
  // Parks sockets that have to pause. False if no question has a turn then.
  bool SkipPausing(QuestionQueue& queue, absl::Time now);
  void Forget(StreamQuestions& stream, const PendingQuestion& question);
  // A suspect was answered. If its socket is no longer a suspect, its waiting
  // questions that were never struck are not either.
  void Release(const PendingQuestion& answered, absl::Time now);
  // `excusable`: the question may not have been the cause.
  static void Strike(PendingQuestion& question, const StreamEnd& end,
                     bool excusable, absl::Time now);
  void Requeue(QuestionPtr question, const StreamEnd& end, bool excusable,
               absl::Time now, std::vector<QuestionPtr>& poisoned);
  void StrikeLate(const StreamQuestions& stream, const StreamEnd& end,
                  bool excusable, absl::Time now,
                  std::vector<QuestionPtr>& poisoned);
  // An open question has timed out. REQUIRES: its `done` has been taken.
  void OnLate(int64_t serial, QuestionPtr question, absl::Time now);
  // The first question after an outage is chosen.
  void OnReturn(absl::Time now);
  absl::Time DeadlineOf(const PendingQuestion& question) const;

  const Options options_;
  const QuestionBytes::Total waiting_bytes_ =
      std::make_shared<std::atomic<int64_t>>(0);
  QuestionQueue queue_;
  QuestionQueue suspects_;
  QuestionQueue watched_;
  bool watched_first_ = false;  // On the next free lane.
  AuthorizerWindow window_;
  RefusalPauses pauses_;
  Quarantine quarantine_;
  LateQuestions late_;
  int64_t poisoned_ = 0;
  absl::flat_hash_map<std::string, int64_t> asked_by_address_;
  absl::flat_hash_map<admission::Source, int64_t> asked_by_source_;
  int64_t asked_ = 0;        // Open on streams that are not lanes.
  int64_t lanes_asked_ = 0;  // Open on lanes.
  int lanes_allowed_ = 1;
  absl::Time strict_until_ = absl::InfinitePast();
  absl::Time connection_lost_ = absl::InfinitePast();
  bool up_ = false;
  bool has_returned_ = false;  // OnReturn() is due.
  absl::Time down_since_ = absl::InfinitePast();
  std::string down_why_;
};

}  // namespace herald::authorizer

#endif  // HERALD_SERVICE_AUTHORIZER_QUESTION_DISPATCHER_H_
