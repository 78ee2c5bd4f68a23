// SPDX-License-Identifier: Apache-2.0
//
// A bound that sources share. Below it a source may have any part of it. Beyond
// it, sources with more than a fair share lose their oldest entries, so a
// source that floods harms itself.
//
// Invariant: entries stand in the order in which they were added, and `weight_`
// is their sum.
//
// Threads: one at a time.

#ifndef HERALD_PROTO_ADMISSION_FAIR_SHARES_H_
#define HERALD_PROTO_ADMISSION_FAIR_SHARES_H_

#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "proto/admission/source.h"

namespace herald::admission {

class FairShares {
 public:
  // Something that takes a part of the bound. Leaves it when it is destroyed.
  class Entry {
   public:
    Entry() = default;
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;
    virtual ~Entry() { Leave(); }

    // It was taken out, to make room. May destroy itself, and no other entry.
    virtual void OnEvicted() = 0;

    void Leave();
    bool is_in() const { return shares_ != nullptr; }

    // The next one in the order of age, or nullptr. REQUIRES: is_in().
    Entry* newer() const { return newer_; }

   private:
    friend class FairShares;

    FairShares* shares_ = nullptr;
    Entry* older_ = nullptr;
    Entry* newer_ = nullptr;
    Source source_ = kNoSource;
    int64_t weight_ = 0;
  };

  // Entries of a weight of `weight_max` together stay.
  explicit FairShares(int64_t weight_max) : weight_max_(weight_max) {}
  ~FairShares();
  FairShares(const FairShares&) = delete;
  FairShares& operator=(const FairShares&) = delete;

  // Nothing is evicted before EvictIfFull().
  void SetMax(int64_t weight_max) { weight_max_ = weight_max; }

  // Enters it as the newest, or moves one there that is in already.
  void Add(Entry* entry, Source source, int64_t weight);

  // REQUIRES: entry->is_in().
  void SetWeight(Entry* entry, int64_t weight);

  // If the bound is exceeded, evicts entries until an eighth of it is free, so
  // that the next entries need no search. Returns the number of evictions.
  //
  // The oldest entry goes first, if its source has more than a fair share: the
  // weight that all sources may keep so that the rest fits. The first one of
  // which `may_go` is false ends the search.
  int64_t EvictIfFull(absl::FunctionRef<bool(const Entry&)> may_go);
  int64_t EvictIfFull() {
    return EvictIfFull([](const Entry& /*entry*/) { return true; });
  }

  // nullptr if there is none.
  Entry* oldest() const { return oldest_; }

  int64_t weight() const { return weight_; }

 private:
  // The fair share, if sources of these weights have to fit into `weight`.
  int64_t ShareOf(std::vector<int64_t> weights, int64_t weight) const;

  int64_t weight_max_;
  int64_t weight_ = 0;
  Entry* oldest_ = nullptr;
  Entry* newest_ = nullptr;
};

}  // namespace herald::admission

#endif  // HERALD_PROTO_ADMISSION_FAIR_SHARES_H_
