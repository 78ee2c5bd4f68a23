// SPDX-License-Identifier: Apache-2.0
//
// Follows the offsets of one sequence that may arrive with gaps and repeats:
// classifies each offset, and keeps the end of a gap and the one question that
// asks for the missing elements.
//
// Offsets begin at 1 and grow by one. Pure: it holds no elements of the
// sequence, and its owner sends the question.
//
// Threads: none of its own; its owner locks.
//
// Invariant: a gap ends behind last(), unless a question is open or its refusal
// not acted on.

#ifndef HERALD_PROTO_CONTRACT_SEQUENCE_TRACKER_H_
#define HERALD_PROTO_CONTRACT_SEQUENCE_TRACKER_H_

#include <algorithm>
#include <cstdint>
#include <utility>

#include "proto/contract/require.h"

namespace herald::contract {

class SequenceTracker {
 public:
  // The class of an offset, relative to the last one that was taken.
  enum class Order { kRepeat, kNext, kBehindGap };

  // `last` is the offset of the last element that is there; 0: none is.
  explicit SequenceTracker(int64_t last = 0) : last_(last) {}

  int64_t last() const { return last_; }

  Order OrderOf(int64_t offset) const {
    if (offset <= last_) return Order::kRepeat;
    return offset == last_ + 1 ? Order::kNext : Order::kBehindGap;
  }

  // Takes the next offset.
  void Advance() { ++last_; }

  // Elements from last() + 1 up to `offset` were sent and are not taken.
  // Returns whether that opens a gap. A repeat is not an error.
  bool Skip(int64_t offset) {
    if (OrderOf(offset) == Order::kRepeat) return false;
    const bool opens = !HasGap();
    gap_end_ = std::max(gap_end_, offset);
    return opens;
  }

  // Whether elements are missing that were sent. Skipped ones that were taken
  // since count until the question ends.
  bool HasGap() const { return gap_end_ > 0; }

  // Opens the question for the elements after `since`.
  // REQUIRES: no question is open.
  void Ask(int64_t since) {
    Require(!asking_);
    asking_ = true;
    asked_since_ = since;
  }
  bool IsAsking() const { return asking_; }

  // The `since` of the open question, or of the last one. The answer may begin
  // elsewhere, if the question left that to it.
  int64_t asked_since() const { return asked_since_; }
  void set_asked_since(int64_t since) { asked_since_ = since; }

  // Ends the question: all of its answer was taken.
  void EndAnswer() {
    asking_ = false;
    if (gap_end_ <= last_) gap_end_ = 0;
  }

  // Ends the question: nothing up to `available_since` is available any more.
  // REQUIRES: IsAsking().
  void EndRefusal(int64_t available_since) {
    Require(asking_);
    gap_is_lost_ = HasGap() && available_since >= last_;
    asking_ = false;
  }

  // Ends the question without an answer; the gap stays.
  void Withdraw() { asking_ = false; }

  // Moves last() to the end of a gap that a refusal has made permanent. Returns
  // whether there was one; its elements are lost.
  bool PassOverGap() {
    if (!std::exchange(gap_is_lost_, false)) return false;
    last_ = std::max(last_, std::exchange(gap_end_, 0));
    return true;
  }

  // Forgets the question and the gap.
  void Abandon() {
    asking_ = gap_is_lost_ = false;
    gap_end_ = 0;
  }

 private:
  int64_t last_;
  int64_t gap_end_ = 0;  // 0: there is no gap.
  bool gap_is_lost_ = false;
  bool asking_ = false;
  int64_t asked_since_ = 0;
};

}  // namespace herald::contract

#endif  // HERALD_PROTO_CONTRACT_SEQUENCE_TRACKER_H_
