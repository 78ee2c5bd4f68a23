// SPDX-License-Identifier: Apache-2.0
//
// The waiting questions of the gateways of one source, in a fair order: the
// addresses of clients take turns, the sockets of an address take turns, and a
// socket's questions keep their order. So a client that asks as fast as it can
// delays others by one question a turn.
//
// The questions of a socket that has to pause are parked: they have no turns
// until the pause is over.
//
// Cost: O(1) per question. O(log n) for parked questions, and for addresses and
// sockets with kHeavy questions or more. These are sorted by their number of
// questions, so that a full queue drops one of the client with the most.
//
// Threads: none of its own; the owner's lock guards it.

#ifndef HERALD_SERVICE_QUESTIONS_SOURCE_QUEUE_H_
#define HERALD_SERVICE_QUESTIONS_SOURCE_QUEUE_H_

#include <cstddef>
#include <list>
#include <string>
#include <utility>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "service/questions/pending_question.h"

namespace herald::authorizer {

class SourceQueue {
 public:
  // Parked questions included.
  size_t size() const { return size_; }
  // Whether Pop() has a question to take.
  bool has_turn() const { return !addresses_.empty(); }

  void PushBack(QuestionPtr question) { Push(std::move(question), false); }
  // Puts it before the others of its socket.
  void PushFront(QuestionPtr question) { Push(std::move(question), true); }

  // The question that is next in turn. REQUIRES: has_turn().
  const PendingQuestion& front() const;
  // Takes that question. REQUIRES: has_turn().
  QuestionPtr Pop();
  // Takes the next question of the first address for which `may` holds, if that
  // is among the next `looks`; nullptr otherwise. REQUIRES: looks > 0.
  QuestionPtr PopOf(absl::FunctionRef<bool(const PendingQuestion& next)> may,
                    int looks);

  // Parks all questions of the socket that is next in turn.
  // REQUIRES: has_turn().
  void ParkFront(absl::Time until);
  // Puts parked questions back into the turns once their pause is over.
  void Unpark(absl::Time now);
  // When the next pause is over; InfiniteFuture() if none is parked.
  absl::Time next_unpark() const;

  // Removes and returns a question, to make room for a new one of `address` and
  // `socket`. It is a parked one, if there is any. Otherwise it is the last one
  // of the socket with the most, at the address with the most. Returns nullptr
  // if the new question's own client has the most.
  QuestionPtr GiveUpFor(const std::string& address, const std::string& socket);
  // The same to make room for another source: without a client that has many,
  // it is the last question in the order of turns. REQUIRES: size() > 0.
  QuestionPtr GiveUp();

  // Takes all questions out for which `gone` holds, and passes them to `take`.
  void TakeIf(absl::FunctionRef<bool(const PendingQuestion&, bool parked)> gone,
              absl::FunctionRef<void(QuestionPtr)> take);

 private:
  static constexpr size_t kHeavy = 4;

  // Most sockets and addresses have one question, for a moment. So questions
  // are in a list, which allocates less than a deque, and the keys of the maps
  // are views of `id` and `key`.
  struct SocketQueue {
    std::string id;
    std::list<QuestionPtr> questions;
  };
  using SocketQueues = std::list<SocketQueue>;
  struct AddressQueue {
    std::string key;
    size_t size = 0;
    SocketQueues turns;  // The next one first.
    absl::flat_hash_map<absl::string_view, SocketQueues::iterator> sockets;
    absl::btree_set<std::pair<size_t, SocketQueue*>> heavy;
  };
  using AddressQueues = std::list<AddressQueue>;

  void Push(QuestionPtr question, bool first);
  // The entry of an address, or of a socket; a new one if there is none.
  AddressQueue& AddressOf(const std::string& key);
  static SocketQueue& SocketOf(AddressQueue& address, const std::string& id);
  // A question of `address` and `socket` was added (+1) or taken (-1).
  void Count(AddressQueue& address, SocketQueue& socket, int change);
  // Takes the first or the last question of a socket. Removes entries that are
  // empty then.
  QuestionPtr Take(AddressQueues::iterator address,
                   SocketQueues::iterator socket, bool first);
  void DropIfEmpty(AddressQueues::iterator address,
                   SocketQueues::iterator socket);
  void Filter(AddressQueue& address, SocketQueue& socket,
              absl::FunctionRef<bool(const PendingQuestion&, bool parked)> gone,
              absl::FunctionRef<void(QuestionPtr)> take);
  QuestionPtr TakeTurn(AddressQueues::iterator address);
  QuestionPtr TakeLastParked();
  QuestionPtr TakeLastOfHeaviest(AddressQueue& address);

  size_t size_ = 0;
  AddressQueues addresses_;  // The next one first. None is empty.
  absl::flat_hash_map<absl::string_view, AddressQueues::iterator> by_key_;
  absl::btree_set<std::pair<size_t, AddressQueue*>> heavy_;
  absl::btree_multimap<absl::Time, QuestionPtr> parked_;
};

}  // namespace herald::authorizer

#endif  // HERALD_SERVICE_QUESTIONS_SOURCE_QUEUE_H_
