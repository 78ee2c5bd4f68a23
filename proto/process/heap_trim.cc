// SPDX-License-Identifier: Apache-2.0

#include "proto/process/heap_trim.h"

#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/log/log.h"

namespace herald::process {
namespace {

constexpr int64_t kWorthBytes = 32 << 20;
constexpr int kLooks = 3;

// Read without memory of ours, which may be short.
int64_t ResidentBytes() {
  const int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  char text[128] = {};
  const ssize_t size = read(file, text, sizeof(text) - 1);
  close(file);
  long pages = 0;
  if (size <= 0 || std::sscanf(text, "%*d %ld", &pages) != 1) return 0;
  return int64_t{pages} * sysconf(_SC_PAGESIZE);
}

}  // namespace

bool IsWorthTrimming(const HeapState& heap) {
  return heap.free_bytes >= kWorthBytes &&
         heap.free_bytes >= heap.resident_bytes / 4;
}

HeapState ReadHeap() {
  return {ResidentBytes(), static_cast<int64_t>(mallinfo2().fordblks)};
}

HeapTrim::HeapTrim(absl::Duration interval)
    : thread_([this, interval] { Run(interval); }) {}

HeapTrim::~HeapTrim() {
  stop_.Notify();
  thread_.join();
}

void HeapTrim::Run(absl::Duration interval) {
  // The smallest size of the process, or its size after the last trim. Only if
  // the process has grown beyond that may more memory be free.
  int64_t base = ResidentBytes();
  int worth_count = 0;
  while (!stop_.WaitForNotificationWithTimeout(interval)) {
    const int64_t resident = ResidentBytes();
    base = std::min(base, resident);
    const bool is_worth =
        resident - base >= kWorthBytes && IsWorthTrimming(ReadHeap());
    // Several times, so that memory that is freed and soon used again is not
    // returned in between.
    worth_count = is_worth ? worth_count + 1 : 0;
    if (worth_count < kLooks) continue;
    worth_count = 0;
    malloc_trim(0);
    base = ResidentBytes();
    Log(LogLevel::kInfo, "memory given back",
        {{"bytes", resident - base}, {"resident_bytes", base}});
  }
}

}  // namespace herald::process
