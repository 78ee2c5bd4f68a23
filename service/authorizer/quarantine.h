// SPDX-License-Identifier: Apache-2.0
//
// The sockets and addresses whose questions have ended streams of the
// authorizer ("poison").
//
// A socket is in quarantine for kPeriod after its last poison. The address of a
// proxy is the address of many clients, so an address is watched only while its
// clients open one socket after the other: once kSockets of its sockets have
// sent poison, each within kPeriod after the one before, until kPeriod after
// the last one.
//
// Bound: kSourcesMax entries; then the one that ends first is forgotten.
//
// Threads: none of its own; the owner's lock guards it.

#ifndef HERALD_SERVICE_AUTHORIZER_QUARANTINE_H_
#define HERALD_SERVICE_AUTHORIZER_QUARANTINE_H_

#include <cstddef>
#include <list>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "service/authorizer/pending_question.h"

namespace herald::authorizer {

class Quarantine {
 public:
  static constexpr absl::Duration kPeriod = absl::Minutes(1);
  static constexpr size_t kSourcesMax = 4096;
  static constexpr int kSockets = 3;

  void Add(const PendingQuestion& question, absl::Time now);
  bool HasSocketOf(const PendingQuestion& question, absl::Time now) const;
  bool WatchesAddressOf(const PendingQuestion& question, absl::Time now) const;
  // Whether no socket and no address is in it.
  bool IsEmpty(absl::Time now) const {
    return until_.empty() || until_.back().until <= now;
  }
  size_t size() const { return until_.size(); }

 private:
  struct Entry {
    std::string source;
    absl::Time until;
    int count;  // How often it was added.
  };
  using List = std::list<Entry>;

  void Add(std::string source, absl::Time now);
  int CountOf(const std::string& source, absl::Time now) const;

  List until_;  // In the order in which they end.
  absl::flat_hash_map<std::string, List::iterator> by_source_;
};

}  // namespace herald::authorizer

#endif  // HERALD_SERVICE_AUTHORIZER_QUARANTINE_H_
