// SPDX-License-Identifier: Apache-2.0
//
// Addresses of gateways that failed a call by their silence, by an error or by
// the end of their link, for a minute from then on. So the gateways of one
// address fail one call in a minute, and not one for each of them or for each
// link.
//
// Threads: any.

#ifndef HERALD_SERVICE_CALLS_PROBATION_H_
#define HERALD_SERVICE_CALLS_PROBATION_H_

#include <cstddef>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "proto/admission/source.h"
#include "proto/contract/mutex.h"
#include "service/gateways/attachment.h"

namespace herald::core {

inline constexpr absl::Duration kProbation = absl::Minutes(1);

class Probation {
 public:
  // The gateway failed a call.
  void Begin(Attachment& gateway, absl::Time now) ABSL_LOCKS_EXCLUDED(mu_);

  // Whether the gateway is on probation, for itself or for its address.
  bool Covers(const Attachment& gateway, absl::Time now) const
      ABSL_LOCKS_EXCLUDED(mu_);

 private:
  // Sources that are remembered. At the bound those whose time is over are
  // forgotten. If there is none, new ones are not added.
  static constexpr size_t kSourcesMax = 10'000;

  mutable contract::Mutex mu_;
  // When the probation of a source ends.
  absl::flat_hash_map<admission::Source, absl::Time> sources_
      ABSL_GUARDED_BY(mu_);
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_CALLS_PROBATION_H_
