// SPDX-License-Identifier: Apache-2.0
//
// Inside of AuthorizerLink: how many questions the authorizer may have at once.
//
// A question has its deadline from the moment it is written. So an authorizer
// that has more of them than it decides in that time answers every one of them
// too late, works for nobody, and is asked again by everybody. The window
// follows what it can do, as a sender's follows what a network can:
//
//   * it begins small, and grows by one with each quick answer (less than half
//     of the timeout) while questions wait: it doubles in the time of an
//     answer;
//   * a question that is not answered in time halves it, once for all that were
//     written before;
//   * with answers in between it stays as it is.
//
//   * whatever it is, a few may be with the authorizer that still have time, so
//     that it cannot be filled with questions that nobody will answer.
//
// Who is out of time is told so, but the question is still with the authorizer,
// and counts, until its answer comes after all, the stream ends, or it is lost:
// an authorizer that answers quickly what was written behind a question will
// not come back to that. A lost one says nothing about the others, so it does
// not halve the window.
//
// Threads: none of its own; the link's lock guards it.

#ifndef HERALD_SERVICE_RPC_AUTHORIZER_WINDOW_H_
#define HERALD_SERVICE_RPC_AUTHORIZER_WINDOW_H_

#include <cstdint>

#include "absl/container/btree_map.h"
#include "absl/time/time.h"

namespace herald::rpc {

class AuthorizerWindow {
 public:
  // Before anything is known: more than one socket may ask at a time
  // (contract::kPendingSubscribesMax), or it would keep all others waiting.
  static constexpr int64_t kFirst = 128;
  static constexpr int64_t kLeast = 4;  // And that many still have time.

  // At most `max` questions; each is to be answered within `timeout`.
  AuthorizerWindow(int64_t max, absl::Duration timeout);

  int64_t size() const { return size_; }

  // Whether one more may be written, if `in_time` are with the authorizer that
  // still have time.
  bool HasRoom(int64_t in_time) const;

  // Questions that were given up and are still with the authorizer.
  int64_t late() const { return static_cast<int64_t>(late_.size()); }

  // A question that was written at `written` has been answered. `more` says
  // whether others wait to be written.
  void OnAnswer(absl::Time written, absl::Time now, bool more);

  // The question `id`, written at `written`, has had no answer in time.
  void OnLate(int64_t id, absl::Time written, absl::Time now);

  // Whether `id` is one of those. It has been answered, and counts no more.
  bool TakeLate(int64_t id) { return late_.erase(id) > 0; }

  // The stream has ended, and with it all that it was asked.
  void OnStreamEnd();

 private:
  const int64_t max_;
  const absl::Duration timeout_;
  int64_t size_;

  // When it was halved last; when the last one was written that was answered
  // quickly.
  absl::Time halved_ = absl::InfinitePast();
  absl::Time quick_ = absl::InfinitePast();

  // When each was written; ids are given in that order.
  absl::btree_map<int64_t, absl::Time> late_;
};

}  // namespace herald::rpc

#endif  // HERALD_SERVICE_RPC_AUTHORIZER_WINDOW_H_
