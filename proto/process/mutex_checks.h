// SPDX-License-Identifier: Apache-2.0
//
// No search for deadlocks where there is work to do.
//
// gRPC's mutexes are absl::Mutex, and Debian's abseil is not built for release:
// it enters each lock that is taken under another one into a graph of the whole
// process, and aborts where that closes a circle, whether or not two threads
// ever meet there.

#ifndef HERALD_PROTO_PROCESS_MUTEX_CHECKS_H_
#define HERALD_PROTO_PROCESS_MUTEX_CHECKS_H_

#include "absl/synchronization/mutex.h"

namespace herald::process {

// Ends that, for all of the process. To be called first in main().
inline void DisableMutexChecks() {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
}

}  // namespace herald::process

#endif  // HERALD_PROTO_PROCESS_MUTEX_CHECKS_H_
