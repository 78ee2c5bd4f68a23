// SPDX-License-Identifier: Apache-2.0

#include "service/questions/question_queue.h"

#include <algorithm>
#include <iterator>

namespace herald::authorizer {

QuestionQueue::Sources::iterator QuestionQueue::SourceOf(
    admission::Source key) {
  const auto known = by_key_.find(key);
  if (known != by_key_.end()) return known->second;
  parked_.emplace_back().key = key;
  const auto source = std::prev(parked_.end());
  by_key_.emplace(key, source);
  return source;
}

void QuestionQueue::Settle(Sources::iterator source) {
  const SourceQueue& queue = source->queue;
  size_ += queue.size() - source->size;
  source->size = queue.size();
  const absl::Time unpark = queue.next_unpark();
  if (unpark != source->unpark) {
    unparks_.erase({source->unpark, source->key});
    source->unpark = unpark;
    if (unpark != absl::InfiniteFuture())
      unparks_.insert({unpark, source->key});
  }
  if (queue.has_turn() != source->has_turn) {
    Sources& from = source->has_turn ? turns_ : parked_;
    Sources& to = source->has_turn ? parked_ : turns_;
    to.splice(to.end(), from, source);
    source->has_turn = queue.has_turn();
  }
  if (source->size > 0) return;
  by_key_.erase(source->key);
  parked_.erase(source);
}

void QuestionQueue::PushBack(QuestionPtr question) {
  const auto source = SourceOf(question->source);
  source->queue.PushBack(std::move(question));
  Settle(source);
}

void QuestionQueue::PushFront(QuestionPtr question) {
  const auto source = SourceOf(question->source);
  source->queue.PushFront(std::move(question));
  Settle(source);
}

QuestionPtr QuestionQueue::Pop() {
  const auto source = turns_.begin();
  turns_.splice(turns_.end(), turns_, source);
  QuestionPtr question = source->queue.Pop();
  Settle(source);
  return question;
}

QuestionPtr QuestionQueue::PopOf(
    absl::FunctionRef<bool(const PendingQuestion& next)> may) {
  // Bounded, so that a question costs O(1) however many addresses wait.
  const auto sources =
      static_cast<int>(std::min(turns_.size(), static_cast<size_t>(kLooks)));
  int left = sources;
  for (auto source = turns_.begin(); left > 0; ++source, --left) {
    QuestionPtr question = source->queue.PopOf(may, kLooks / sources);
    if (question == nullptr) continue;
    turns_.splice(turns_.end(), turns_, source);
    Settle(source);
    return question;
  }
  return nullptr;
}

void QuestionQueue::ParkFront(absl::Time until) {
  const auto source = turns_.begin();
  source->queue.ParkFront(until);
  Settle(source);
}

void QuestionQueue::Unpark(absl::Time now) {
  while (!unparks_.empty() && unparks_.begin()->first <= now) {
    const auto source = by_key_.at(unparks_.begin()->second);
    source->queue.Unpark(now);
    Settle(source);
  }
}

absl::Time QuestionQueue::next_unpark() const {
  return unparks_.empty() ? absl::InfiniteFuture() : unparks_.begin()->first;
}

QuestionPtr QuestionQueue::GiveUpFor(const PendingQuestion& newer) {
  const auto known = by_key_.find(newer.source);
  const size_t own = known == by_key_.end() ? 0 : known->second->size;
  // The new question counts, too. So its own source gives way unless it stays
  // below the one with the most.
  auto heaviest = by_key_.end();
  size_t most = own + 1;
  for (auto source = by_key_.begin(); source != by_key_.end(); ++source) {
    if (source->second->size <= most) continue;
    most = source->second->size;
    heaviest = source;
  }
  const auto giving = heaviest == by_key_.end() ? known : heaviest;
  if (giving == by_key_.end()) return nullptr;
  const Sources::iterator source = giving->second;
  QuestionPtr question =
      giving == known ? source->queue.GiveUpFor(newer.address, newer.socket())
                      : source->queue.GiveUp();
  Settle(source);
  return question;
}

void QuestionQueue::TakeIf(
    absl::FunctionRef<bool(const PendingQuestion&, bool parked)> gone,
    absl::FunctionRef<void(QuestionPtr)> take) {
  // Parked ones first: a source may move there from the turns.
  for (Sources* sources : {&parked_, &turns_}) {
    for (auto source = sources->begin(); source != sources->end();) {
      const auto here = source++;
      here->queue.TakeIf(gone, take);
      Settle(here);
    }
  }
}

}  // namespace herald::authorizer
