// SPDX-License-Identifier: Apache-2.0

#include "tests/benchmark/process_usage.h"

#include <time.h>

#include <cstring>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/benchmark/clock.h"
#include "tests/benchmark/failure.h"

namespace herald::benchmark {
namespace {

// /proc/PID/stat counts in hundredths of a second; this clock in nanoseconds.
int64_t CpuTimeOf(pid_t pid) {
  clockid_t clock{};
  timespec time{};
  const int error = ::clock_getcpuclockid(pid, &clock);
  if (error != 0) Fail("process ", pid, ": ", std::strerror(error));
  if (::clock_gettime(clock, &time) != 0) FailCall("clock_gettime");
  return ToNanoseconds(time);
}

// From smaps_rollup: the figure of statm may be some hundred pages behind.
int64_t ResidentBytesOf(pid_t pid) {
  std::ifstream file(absl::StrCat("/proc/", pid, "/smaps_rollup"));
  std::string word;
  while (file >> word) {
    int64_t kilobytes = 0;
    if (word == "Rss:" && file >> kilobytes) return kilobytes * 1024;
  }
  Fail("/proc/", pid, "/smaps_rollup cannot be read");
}

}  // namespace

int64_t CpuTime(const std::vector<pid_t>& pids) {
  int64_t sum = 0;
  for (const pid_t pid : pids) sum += CpuTimeOf(pid);
  return sum;
}

int64_t ResidentBytes(const std::vector<pid_t>& pids) {
  int64_t sum = 0;
  for (const pid_t pid : pids) sum += ResidentBytesOf(pid);
  return sum;
}

}  // namespace herald::benchmark
