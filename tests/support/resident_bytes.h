// SPDX-License-Identifier: Apache-2.0
//
// The memory of a process under test. It means nothing under AddressSanitizer,
// which keeps freed memory.

#ifndef HERALD_TESTS_SUPPORT_RESIDENT_BYTES_H_
#define HERALD_TESTS_SUPPORT_RESIDENT_BYTES_H_

#include <unistd.h>

#include <cstdint>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "tests/support/process.h"

namespace herald::testing_support {

#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool kMemoryCounts = false;
#else
inline constexpr bool kMemoryCounts = true;
#endif

// Its resident memory.
inline int64_t ResidentBytes(const Process& process) {
  std::ifstream file(absl::StrCat("/proc/", process.pid(), "/statm"));
  int64_t pages = 0;
  file >> pages >> pages;
  return pages * sysconf(_SC_PAGESIZE);
}

}  // namespace herald::testing_support

#endif  // HERALD_TESTS_SUPPORT_RESIDENT_BYTES_H_
