// SPDX-License-Identifier: Apache-2.0
//
// A server process of the benchmark. Its output goes into memory that the
// benchmark can inspect, so no thread has to read along.
//
// Threads: the main thread: the kernel kills the process when the thread that
// started it ends, so that nothing outlives a crash.
//
// Lifetime: the destructor kills and reaps.

#ifndef HERALD_TESTS_BENCHMARK_CHILD_PROCESS_H_
#define HERALD_TESTS_BENCHMARK_CHILD_PROCESS_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace herald::benchmark {

class ChildProcess {
 public:
  // Starts `arguments[0]`, a path, with the environment of the benchmark
  // without `BROADCAST_*`, in `/`.
  explicit ChildProcess(const std::vector<std::string>& arguments);
  ~ChildProcess();

  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const { return pid_; }

  // Waits for the line `listening what=WHAT address=ADDRESS`, which all
  // programs of this tree print, and returns the address.
  //
  // Failure: the process ends, or the line does not come. The message shows the
  // output.
  std::string ListeningAddress(absl::string_view what);

  // Failure: it has ended.
  void CheckAlive();

 private:
  // All that it has written so far.
  std::string Output() const;

  const std::string name_;
  int output_ = -1;
  pid_t pid_ = -1;
};

// Prints such a line. For the servers that the benchmark itself provides.
void PrintListening(absl::string_view what, int port);

}  // namespace herald::benchmark

#endif  // HERALD_TESTS_BENCHMARK_CHILD_PROCESS_H_
