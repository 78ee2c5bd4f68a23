// SPDX-License-Identifier: Apache-2.0
//
// A child process whose standard output and standard error arrive as lines.
//
// Threads: the main thread only. The kernel signals a child when the thread
// that started it ends.
//
// Lifetime: a child has a session of its own, so that a terminal's Ctrl-C does
// not reach it. If this process is killed, the kernel sends it SIGTERM. The
// destructor kills a child that still runs.

#ifndef HERALD_CLIENTS_SUPERVISOR_CHILD_H_
#define HERALD_CLIENTS_SUPERVISOR_CHILD_H_

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace herald::supervisor {

// Names and values.
using Environment = std::vector<std::pair<std::string, std::string>>;

class Child {
 public:
  // Starts `command`, with a path or a name in PATH as its first word, with
  // `environment` added to this process's own. A command that does not exist is
  // not an error here: the child prints the reason and exits with 127.
  // UNAVAILABLE: no file descriptor or process is left for it.
  static absl::StatusOr<std::unique_ptr<Child>> Start(
      const std::vector<std::string>& command, const Environment& environment);

  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child();

  pid_t pid() const { return pid_; }

  // The descriptor that is readable when output has arrived; -1 at its end.
  int output() const { return output_; }

  // Reads the output that has arrived, without waiting, and calls `on_line` for
  // each line. A line of more than 64 KiB arrives in several parts. The last
  // line arrives even if it lacks its end.
  void Read(absl::FunctionRef<void(absl::string_view line)> on_line);

  // The status of wait(2) when the child has ended, from then on.
  const std::optional<int>& Reap();

  // Does nothing after Reap() has returned a status.
  void Signal(int number) const;

 private:
  Child(pid_t pid, int output) : pid_(pid), output_(output) {}

  void CloseOutput();

  const pid_t pid_;
  int output_;
  std::string rest_;  // A line without its end.
  std::optional<int> status_;
};

// `ended with code 2`, `was killed by signal 9 (Killed)`.
std::string DescribeEnd(int status);

}  // namespace herald::supervisor

#endif  // HERALD_CLIENTS_SUPERVISOR_CHILD_H_
