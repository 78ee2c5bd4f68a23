// SPDX-License-Identifier: Apache-2.0
//
// The sockets and addresses that have sent questions which ended streams of the
// authorizer ("poison"), or may have.
//
// A socket is in quarantine for kPeriod after its last poison.
//
// A suspect is in it, too. A socket becomes one when a stream breaks that had a
// question of it, and stays one until a question asked alone is answered. It is
// released kPeriod after the last sign of guilt in any case. Answers release a
// socket only once. After two breaks that left a question of it unanswered, it
// stays for kPeriod. Otherwise it could send poison and other questions in
// turn.
//
// The address of a proxy is the address of many clients, so an address is
// watched only if its clients open one socket after the other. Watching begins
// when kSockets of its sockets have sent poison, or when kSockets breaks of
// single streams have left questions of new sockets unanswered. Each of these
// must follow the one before within kPeriod. Watching ends kPeriod after the
// last one.
//
// Bound: kSourcesMax entries; beyond that, the first to expire is evicted.
//
// Threads: none of its own; the owner's lock guards it.

#ifndef HERALD_SERVICE_QUESTIONS_QUARANTINE_H_
#define HERALD_SERVICE_QUESTIONS_QUARANTINE_H_

#include <cstddef>
#include <list>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "service/questions/pending_question.h"

namespace herald::authorizer {

class Quarantine {
 public:
  static constexpr absl::Duration kPeriod = absl::Minutes(1);
  static constexpr size_t kSourcesMax = 4096;
  static constexpr int kSockets = 3;
  // Breaks within this time count as one.
  static constexpr absl::Duration kSameBreak = absl::Seconds(1);

  // The question is poison.
  void Add(const PendingQuestion& question, absl::Time now);

  // A stream that had the question has broken.
  void Suspect(const PendingQuestion& question, absl::Time now);
  // A suspect has timed out, before it was asked alone or after.
  void OnUnanswered(const PendingQuestion& question, absl::Time now);
  // A suspect has been answered: allowed or denied.
  void OnAnswered(const PendingQuestion& question);

  // Whether the question is a suspect from the start, and whether an earlier
  // one of its socket was excused (PendingQuestion::excused).
  bool HasSocketOf(const PendingQuestion& question, absl::Time now) const;
  bool HasExcused(const PendingQuestion& question, absl::Time now) const;
  bool WatchesAddressOf(const PendingQuestion& question, absl::Time now) const;
  // Whether it knows no socket and no address.
  bool IsEmpty(absl::Time now) const {
    return until_.empty() || until_.back().until <= now;
  }
  size_t size() const { return until_.size(); }

 private:
  struct Entry {
    std::string source;
    absl::Time until;
    int poisons = 0;  // Of an address: its sockets that have sent poison.
    int breaks = 0;   // Breaks that left a question unanswered.
    absl::Time last_break = absl::InfinitePast();
    bool suspect = false;
    bool excused = false;
  };
  using EntryList = std::list<Entry>;

  // The entry of `source`, which ends a kPeriod from now; a new one if there is
  // none. Valid until the next call.
  Entry& Renew(std::string source, absl::Time now);
  // nullptr if there is none.
  const Entry* Find(const std::string& source, absl::Time now) const;
  static bool CountBreak(Entry& entry, absl::Time when);
  void DropFirst();

  EntryList until_;  // In the order in which they end.
  absl::flat_hash_map<std::string, EntryList::iterator> by_source_;
};

}  // namespace herald::authorizer

#endif  // HERALD_SERVICE_QUESTIONS_QUARANTINE_H_
