// SPDX-License-Identifier: Apache-2.0
//
// The CPU time and memory of processes, as the kernel counts them.

#ifndef HERALD_TESTS_BENCHMARK_PROCESS_USAGE_H_
#define HERALD_TESTS_BENCHMARK_PROCESS_USAGE_H_

#include <sys/types.h>

#include <cstdint>
#include <vector>

namespace herald::benchmark {

// CPU time, user and system, of all threads of all `pids`, in nanoseconds.
//
// Failure: one of them is not there.
int64_t CpuTime(const std::vector<pid_t>& pids);

// Resident memory of all `pids`, in bytes.
//
// Failure: one of them is not there, or its memory is not ours to see.
int64_t ResidentBytes(const std::vector<pid_t>& pids);

}  // namespace herald::benchmark

#endif  // HERALD_TESTS_BENCHMARK_PROCESS_USAGE_H_
