// SPDX-License-Identifier: Apache-2.0
//
// How much each source has used of something lately, beside the source with the
// most. A bound that cannot evict, a queue for one, leaves its last part to
// sources that have used little.
//
// Time is counted in use, so there is no clock: all amounts are halved when
// their sum has reached twice the window.
//
// Memory: the sources of one to two windows.
//
// Threads: one at a time.

#ifndef HERALD_PROTO_ADMISSION_RECENT_USE_H_
#define HERALD_PROTO_ADMISSION_RECENT_USE_H_

#include <cstdint>

#include "absl/container/flat_hash_map.h"
#include "proto/admission/source.h"

namespace herald::admission {

class RecentUse {
 public:
  // REQUIRES: `window` > 0.
  explicit RecentUse(int64_t window) : window_(window) {}

  // REQUIRES: `amount` > 0.
  void Add(Source source, int64_t amount);

  // From 0, for a source without recent use, to 1, for the one with the most.
  double ShareOf(Source source) const;

  // Whether any other source has recent use.
  bool HasOthers(Source source) const;

  // Sources with recent use.
  int64_t sources() const { return static_cast<int64_t>(uses_.size()); }

 private:
  void Halve();

  const int64_t window_;
  absl::flat_hash_map<Source, int64_t> uses_;
  int64_t all_ = 0;
  int64_t largest_ = 0;
};

}  // namespace herald::admission

#endif  // HERALD_PROTO_ADMISSION_RECENT_USE_H_
