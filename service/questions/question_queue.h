// SPDX-License-Identifier: Apache-2.0
//
// The waiting questions of all gateways: the sources of gateways take turns,
// and so do the clients of each (source_queue.h). A gateway reports the
// addresses of its clients itself. So a rogue one has any number of addresses
// with one question each, but only one source. With gateways of one source, its
// order is that of the queue.
//
// Cost: O(1) per question, beside that of a source's queue. O(n) in the number
// of sources that wait to make room in a full queue.
//
// Threads: none of its own; the owner's lock guards it.

#ifndef HERALD_SERVICE_QUESTIONS_QUESTION_QUEUE_H_
#define HERALD_SERVICE_QUESTIONS_QUESTION_QUEUE_H_

#include <cstddef>
#include <list>
#include <utility>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/time/time.h"
#include "proto/admission/source.h"
#include "service/questions/pending_question.h"
#include "service/questions/source_queue.h"

namespace herald::authorizer {

class QuestionQueue {
 public:
  // Parked questions included.
  size_t size() const { return size_; }
  // Whether Pop() has a question to take.
  bool has_turn() const { return !turns_.empty(); }
  // How many sources take turns.
  size_t turns() const { return turns_.size(); }

  void PushBack(QuestionPtr question);
  // Puts it before the others of its socket.
  void PushFront(QuestionPtr question);

  // The question that is next in turn. REQUIRES: has_turn().
  const PendingQuestion& front() const { return turns_.front().queue.front(); }
  // Takes that question. REQUIRES: has_turn().
  QuestionPtr Pop();
  // Takes the next question of the first address for which `may` holds, if that
  // is among the next kLooks, which the sources share; nullptr otherwise.
  QuestionPtr PopOf(absl::FunctionRef<bool(const PendingQuestion& next)> may);

  // Parks all questions of the socket that is next in turn.
  // REQUIRES: has_turn().
  void ParkFront(absl::Time until);
  // Puts parked questions back into the turns once their pause is over.
  void Unpark(absl::Time now);
  // When the next pause is over; InfiniteFuture() if none is parked.
  absl::Time next_unpark() const;

  // Removes and returns a question, to make room for `newer`: one of the source
  // with the most. If that is the source of `newer`, its clients are compared
  // (SourceQueue::GiveUpFor()). Returns nullptr if `newer` has to give way.
  QuestionPtr GiveUpFor(const PendingQuestion& newer);

  // Takes all questions out for which `gone` holds, and passes them to `take`.
  void TakeIf(absl::FunctionRef<bool(const PendingQuestion&, bool parked)> gone,
              absl::FunctionRef<void(QuestionPtr)> take);

 private:
  static constexpr int kLooks = 16;

  struct SourceEntry {
    admission::Source key = admission::kNoSource;
    SourceQueue queue;
    // As Settle() has counted it.
    size_t size = 0;
    bool has_turn = false;
    absl::Time unpark = absl::InfiniteFuture();
  };
  using Sources = std::list<SourceEntry>;

  // The entry of a source; a new one if there is none.
  Sources::iterator SourceOf(admission::Source key);
  // Follows a change of a source's queue. Removes the source if it is empty.
  void Settle(Sources::iterator source);

  size_t size_ = 0;
  Sources turns_;   // The next one first. Each has a turn.
  Sources parked_;  // All questions of these are parked.
  absl::flat_hash_map<admission::Source, Sources::iterator> by_key_;
  absl::btree_set<std::pair<absl::Time, admission::Source>> unparks_;
};

}  // namespace herald::authorizer

#endif  // HERALD_SERVICE_QUESTIONS_QUESTION_QUEUE_H_
