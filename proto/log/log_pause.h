// SPDX-License-Identifier: Apache-2.0
//
// Keeps lines that peers cause to one in a second: the next one that is logged
// has the number of those that were not.
//
//   const std::optional<int64_t> unlogged = pause_.Pass();
//   if (unlogged.has_value()) Log(…, {{"not_logged", *unlogged}});
//
// Threads: any.

#ifndef HERALD_PROTO_LOG_LOG_PAUSE_H_
#define HERALD_PROTO_LOG_LOG_PAUSE_H_

#include <cstdint>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "proto/contract/condition.h"
#include "proto/contract/mutex.h"

namespace herald::process {

class LogPause {
 public:
  // How many lines were held back since the last one; nothing if this one must
  // be, too.
  std::optional<int64_t> Pass() ABSL_LOCKS_EXCLUDED(mu_) {
    contract::MutexLock lock(&mu_);
    const absl::Time now = contract::SteadyNow();
    if (now - last_ < absl::Seconds(1)) {
      ++unlogged_;
      return std::nullopt;
    }
    last_ = now;
    return std::exchange(unlogged_, 0);
  }

 private:
  contract::Mutex mu_;
  absl::Time last_ ABSL_GUARDED_BY(mu_) = absl::InfinitePast();
  int64_t unlogged_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace herald::process

#endif  // HERALD_PROTO_LOG_LOG_PAUSE_H_
