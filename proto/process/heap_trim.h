// SPDX-License-Identifier: Apache-2.0
//
// Returns memory to the system after a flood. Otherwise memory that is freed in
// the middle of a heap stays with the process: glibc returns only its end.
//
// Returning holds a heap's lock for 25 ms per 100 MiB, and threads that
// allocate there wait. So it is done only if much memory is free and is not
// used again within a while.
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

// Whether enough is free to be worth returning: 32 MiB, and a quarter of the
// resident memory.
bool IsWorthTrimming(const HeapState& heap);

// Reading free_bytes takes a walk over all free memory.
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
