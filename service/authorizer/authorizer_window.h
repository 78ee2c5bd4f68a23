// SPDX-License-Identifier: Apache-2.0
//
// How many questions may be in flight at the authorizer.
//
// The deadline of a question runs from the moment it is written. If an
// authorizer has more questions than it decides in that time, every answer
// arrives too late, no socket is subscribed, and each retries. So the window
// follows the authorizer's capacity, as TCP's follows that of a network:
//
//   * It begins with kFirst, and grows while questions wait: by one with each
//     answer within an eighth of the timeout, so it doubles in the time of an
//     answer; by a quarter with each answer within half of the timeout. An
//     answer shows the window of the time when its question was written, so
//     doubling would overshoot: when the first slow answer arrives, twice as
//     many questions would be in flight already.
//   * Slower answers leave it unchanged.
//   * A question that times out halves it, once for all questions written
//     before.
//   * At any size, kLeast questions that still have time may be in flight, so
//     questions that are never answered cannot fill it.
//
// A question that has timed out is refused, but the authorizer still works on
// it. It counts until its answer arrives, the stream ends, or it is lost. A
// quick answer to a question written later shows that it is lost. A lost
// question is no sign of overload and does not halve the window.
//
// Threads: none of its own; the owner's lock guards it.

#ifndef HERALD_SERVICE_AUTHORIZER_AUTHORIZER_WINDOW_H_
#define HERALD_SERVICE_AUTHORIZER_AUTHORIZER_WINDOW_H_

#include <cstdint>
#include <limits>

#include "absl/container/btree_map.h"
#include "absl/time/time.h"

namespace herald::authorizer {

class AuthorizerWindow {
 public:
  // More than one socket may have open (contract::kPendingSubscribesMax), so
  // that one socket with unanswered questions does not block the others.
  static constexpr int64_t kFirst = 128;
  static constexpr int64_t kLeast = 4;

  // At most `max` questions; each is to be answered within `timeout`.
  AuthorizerWindow(int64_t max, absl::Duration timeout);

  int64_t size() const { return size_; }

  // Whether one more may be written, if `in_time` questions in flight have not
  // timed out.
  bool HasRoom(int64_t in_time) const;

  // Questions that have timed out and are still with the authorizer.
  int64_t late() const { return static_cast<int64_t>(late_.size()); }

  // A question that was written at `written` has been answered. `more`:
  // questions wait to be written.
  void OnAnswer(absl::Time written, absl::Time now, bool more);

  // The question `id`, written at `written`, has timed out.
  void OnLate(int64_t id, absl::Time written, absl::Time now);

  // An answer to `id` has arrived. True if that is a question that has timed
  // out; it no longer counts.
  bool TakeLate(int64_t id) { return late_.erase(id) > 0; }

  // A stream has ended, and with it the questions from `first` to `last`.
  void OnStreamEnd(int64_t first = 0,
                   int64_t last = std::numeric_limits<int64_t>::max());

 private:
  const int64_t max_;
  const absl::Duration half_timeout_;
  const absl::Duration eighth_timeout_;
  int64_t size_;
  int quarters_ = 0;  // Of a question, to be added to the size.

  absl::Time halved_ = absl::InfinitePast();  // The last time.
  // When the latest question was written that was answered quickly.
  absl::Time quick_ = absl::InfinitePast();

  // When each was written; ids are given in that order.
  absl::btree_map<int64_t, absl::Time> late_;
};

}  // namespace herald::authorizer

#endif  // HERALD_SERVICE_AUTHORIZER_AUTHORIZER_WINDOW_H_
