// SPDX-License-Identifier: Apache-2.0
//
// Turns off abseil's search for deadlocks.
//
// gRPC's mutexes are absl::Mutex, and Debian's abseil is not built for release:
// it adds each lock that is taken under another one to a graph of the whole
// process, and aborts if that closes a cycle, even if no two threads ever meet
// there.

#ifndef HERALD_PROTO_PROCESS_MUTEX_CHECKS_H_
#define HERALD_PROTO_PROCESS_MUTEX_CHECKS_H_

#include "absl/synchronization/mutex.h"

namespace herald::process {

// Turns it off for the whole process. Call it first in main().
inline void DisableMutexChecks() {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
}

}  // namespace herald::process

#endif  // HERALD_PROTO_PROCESS_MUTEX_CHECKS_H_
