// SPDX-License-Identifier: Apache-2.0
//
// The truth, put together from all answers to publishers and all events of
// listeners: which message is where in each channel's history. And the attempts
// of the publishers, from which follows which messages may be there twice.
//
// Some facts can be judged at once, others only when all is known: whether a
// missing message was addressed to others only, or whether a message that came
// twice was in the service when that was killed. Judge() does so in the end.
//
// A life is the time from one start of the service to its end. It is counted
// twice, so that a doubt is never one against Herald: `begun` ends are counted
// before the signal, `done` ends when the process is reaped. So an attempt
// began in a life not before `done` and ended in one not after `begun`.
//
// Failure: a contradiction to known facts, or to a promise.
//
// Threads: any; it locks itself.

#ifndef HERALD_TESTS_END_TO_END_CHAOS_LEDGER_H_
#define HERALD_TESTS_END_TO_END_CHAOS_LEDGER_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "proto/contract/mutex.h"
#include "tests/end_to_end/chaos/channel.h"
#include "tests/end_to_end/chaos/message.h"

namespace herald::chaos {

class Ledger {
 public:
  // A publisher is going to publish, and not to the socket `except`.
  void Publish(MessageId id, std::vector<std::string> channels,
               std::string except = "");

  // It tries; `life` are the ends of the service that are done. It has been
  // answered with OK, or not at all; `life` are those that have begun.
  void BeginAttempt(MessageId id, int64_t life);
  void EndAttempt(MessageId id, int64_t life);

  // A receipt of the publisher. `where` is nothing if there was no epoch.
  void Acknowledge(MessageId id, const Channel& channel,
                   const std::optional<Position>& where);

  // A listener has received a message, at a place if the channel has a history.
  void Receive(const Listener& listener, MessageId id,
               const std::optional<Position>& where);

  // Another witness of a place, such as a page of GetHistory.
  void Witness(const std::string& who, const std::string& channel,
               const Position& where, MessageId id);

  // A listener did not receive the messages from `first` to `last`; right only
  // if all of them excepted its socket.
  void Miss(const Listener& listener, const std::string& epoch, int64_t first,
            int64_t last);

  // A listener was notified that the history goes on at another place, and of
  // no loss.
  void MoveOn(const Listener& listener, const Position& from,
              const Position& to);

  // Without a history: a listener received a message on one connection again,
  // or after later ones of its publisher.
  void ReceiveAgain(const Listener& listener, MessageId id);
  void ReceiveLate(const Listener& listener, MessageId id);

  // Judges the facts that had to wait. REQUIRES: every attempt has ended.
  void Judge() const;

  // Every place up to `end` is known: the history has no message without an
  // answer to its publisher.
  void CheckComplete(const std::string& channel, const Position& end) const;

  // A channel whose history is never evicted has at most one epoch in each
  // life.
  void CheckEpochs(const std::string& channel, int64_t lives) const;

  // The message at a place, if it is known.
  std::optional<MessageId> At(const std::string& channel,
                              const Position& where) const;

  // Whether it was repeated while the service was killed, and so may count
  // twice.
  bool MayCountTwice(MessageId id) const;

  // How much there is.
  int64_t message_count() const;
  int64_t hearing_count() const;

 private:
  struct Place {
    std::string channel;
    Position where;
  };
  struct Message {
    std::vector<std::string> channels;
    std::string except;
    int64_t attempts = 0;
    int64_t first_life = 0;  // Of the first attempt.
    int64_t last_life = 0;   // Of the last.
    int64_t begin = 0;       // When the first attempt began.
    std::vector<Place> places;
    std::vector<std::string> plain;  // Channels without a history just then.
  };
  struct Entry {
    MessageId id;
    std::string witness;  // The first one,
    int64_t known = 0;    // and when.
  };
  using Epoch = std::map<int64_t, Entry>;  // By offset.
  struct Doubt {
    Listener listener;
    std::string epoch;
    int64_t first = 0;
    int64_t last = 0;
  };
  struct Move {
    Listener listener;
    Position from;
    Position to;
  };
  // A message that a channel did not number, and when its publisher knew.
  struct Plain {
    std::string channel;
    MessageId id;
    int64_t known = 0;
  };
  struct Repeat {
    Listener listener;
    MessageId id;
  };

  Message& Known(const std::string& who, const std::string& channel,
                 MessageId id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void PutAt(const std::string& who, const std::string& channel,
             const Position& where, MessageId id)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  const Entry* Find(const std::string& channel, const std::string& epoch,
                    int64_t offset) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool SpansLives(const Message& message) const;
  void JudgeMissed(const Listener& listener, const std::string& epoch,
                   int64_t offset, bool at_end) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool AnyLost(const Listener& listener) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void JudgePlaces() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void JudgeOrder() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void JudgePlain(const Plain& plain) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void JudgeMove(const Move& move) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  mutable contract::Mutex mu_;
  absl::flat_hash_map<MessageId, Message> messages_ ABSL_GUARDED_BY(mu_);
  // The truth, by channel and epoch.
  std::map<std::string, std::map<std::string, Epoch>> truth_
      ABSL_GUARDED_BY(mu_);
  int64_t hearing_count_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t now_ ABSL_GUARDED_BY(mu_) = 0;  // Counts calls.

  // To be judged.
  std::vector<Doubt> doubts_ ABSL_GUARDED_BY(mu_);
  std::vector<Move> moves_ ABSL_GUARDED_BY(mu_);
  std::vector<Plain> plain_ ABSL_GUARDED_BY(mu_);
  std::vector<Repeat> repeats_ ABSL_GUARDED_BY(mu_);
};

}  // namespace herald::chaos

#endif  // HERALD_TESTS_END_TO_END_CHAOS_LEDGER_H_
