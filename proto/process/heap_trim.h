// SPDX-License-Identifier: Apache-2.0
//
// Gives memory back that a flood has left behind. What is freed in the middle
// of a heap stays with the process otherwise: glibc returns the end of it only.
//
// To return it takes a heap's lock for 25 ms per 100 MiB, and so do the
// threads that allocate there; so it is done when there is much of it, and when
// it is not taken again within a while.
//
// Threads: one of its own.

#ifndef HERALD_PROTO_PROCESS_HEAP_TRIM_H_
#define HERALD_PROTO_PROCESS_HEAP_TRIM_H_

#include <cstdint>
#include <thread>

#include "absl/time/time.h"
#include "proto/contract/condition.h"

namespace herald::process {

struct HeapState {
  int64_t resident_bytes = 0;  // Of the process.
  int64_t free_bytes = 0;      // Of these, free in its heaps.
};

// Whether so much is free that it is worth to be returned: 32 MiB, and a
// quarter of what is resident.
bool IsWorthTrimming(const HeapState& heap);

// To ask for free_bytes takes a walk over all that is free.
HeapState ReadHeap();

// One for a process.
class HeapTrim {
 public:
  explicit HeapTrim(absl::Duration interval = absl::Milliseconds(500));
  ~HeapTrim();
  HeapTrim(const HeapTrim&) = delete;
  HeapTrim& operator=(const HeapTrim&) = delete;

 private:
  void Run(absl::Duration interval);

  contract::Notification stop_;
  std::thread thread_;
};

}  // namespace herald::process

#endif  // HERALD_PROTO_PROCESS_HEAP_TRIM_H_
