// SPDX-License-Identifier: Apache-2.0
//
// The status of a whole whose parts end in any order, and on any threads.

#ifndef HERALD_SERVICE_CHANNEL_JOINED_STATUS_H_
#define HERALD_SERVICE_CHANNEL_JOINED_STATUS_H_

#include <atomic>
#include <cstddef>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "proto/contract/mutex.h"

namespace herald::core {

class JoinedStatus {
 public:
  explicit JoinedStatus(size_t parts) : open_(parts) {}

  // One part has ended. True if it was the last one.
  bool Join(const absl::Status& status = absl::OkStatus()) {
    if (!status.ok()) {
      contract::MutexLock lock(&mu_);
      status_.Update(status);
    }
    return --open_ == 0;
  }

  // The first error of a part.
  absl::Status status() const {
    contract::MutexLock lock(&mu_);
    return status_;
  }

 private:
  std::atomic<size_t> open_;
  mutable contract::Mutex mu_;
  absl::Status status_ ABSL_GUARDED_BY(mu_);
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_CHANNEL_JOINED_STATUS_H_
