// SPDX-License-Identifier: Apache-2.0
//
// Runs programs together on a terminal: starts each when the one before it is
// ready, prints their output with the program's name before each line, restarts
// a program that dies, and stops all of them in reverse order.
//
// Bound: output that waits for a terminal or a pipe takes up to 1 MiB. Lines
// beyond that are dropped and counted in a note.
//
// Threads: the main thread, which must be the only one.

#ifndef HERALD_CLIENTS_SUPERVISOR_SUPERVISOR_H_
#define HERALD_CLIENTS_SUPERVISOR_SUPERVISOR_H_

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "clients/supervisor/child.h"

namespace herald::supervisor {

struct Program {
  std::string name;  // `service`
  std::vector<std::string> command;
  Environment environment;      // Added to this process's own.
  std::function<bool()> ready;  // Whether it serves; polled until it does.
};

struct SupervisorOptions {
  std::vector<Program> programs;  // In the order of their start.
  // The text to print when all programs are ready. `pid_of` takes a name.
  std::function<std::string(
      std::function<pid_t(absl::string_view name)> pid_of)>
      welcome;
  std::chrono::seconds ready_within{30};
  std::chrono::seconds stop_within{20};  // Each; then it is killed.
};

class Supervisor {
 public:
  // Blocks SIGINT, SIGTERM, SIGHUP and SIGCHLD in this thread.
  explicit Supervisor(SupervisorOptions options);
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;
  ~Supervisor();

  // Runs until SIGINT, SIGTERM or SIGHUP, or until the reader of the output has
  // gone (EPIPE, EIO, EBADF). A second signal kills the programs at once.
  // Returns the exit code: 0 if all of them ended well, and 1 if
  //  * a program ended before all were ready, or they were not ready in time
  //    (all that ran have been stopped),
  //  * a program did not end in time, or with another code than 0.
  int Run();

  // The errno of the first write to standard output that failed, each of which
  // has lost lines; else 0. Lines that a slow reader did not accept in time are
  // not a failure.
  int output_error() const { return output_error_; }

 private:
  using Clock = std::chrono::steady_clock;

  // One program over its restarts.
  struct Running {
    const Program* program;
    std::unique_ptr<Child> child;  // Null until its restart.
    Clock::time_point started;
    Clock::time_point restart;        // When it is due, without a child.
    std::chrono::milliseconds pause;  // Before the next restart.
  };

  void Start(Running* running);
  bool StartAll();
  bool WaitUntilReady(const Program& program, Clock::time_point deadline);
  void RestartThoseThatDie();
  void OnDeath(Running* running);
  bool StopAll();
  bool Stop(Running* running);

  // Waits for output, a signal or the end of a child, for `patience` at most,
  // and prints the output.
  void Wait(std::chrono::milliseconds patience);
  void ReadSignals();
  void ReadOutput(Running* running);

  // A program that has ended, or null.
  Running* FindEnded();
  pid_t PidOf(absl::string_view name) const;

  // Prints a line about the programs.
  void Note(absl::string_view text);
  // Queues lines for standard output, or drops them if its bound is reached.
  // Never waits for a terminal that is stopped or a pipe that is full.
  void Write(absl::string_view text);
  // Writes as many bytes as possible without waiting.
  void WriteOutput();
  // Drops the bytes after the first `written` ones.
  void DropOutput(size_t written);

  const SupervisorOptions options_;
  const int signals_;    // A signalfd(2).
  const int output_fd_;  // Standard output, non-blocking where it may block.
  const bool colors_;
  std::vector<Running> running_;  // Not resized after StartAll().
  int stop_signals_ = 0;
  std::string output_;   // Waits for standard output.
  int64_t dropped_ = 0;  // Lines, since the last note about them.
  int64_t noted_ = 0;    // Of these, counted by a note that waits.
  bool torn_ = false;    // The last line that was written has no end.
  int output_error_ = 0;
  bool output_failed_ = false;  // For good.
};

}  // namespace herald::supervisor

#endif  // HERALD_CLIENTS_SUPERVISOR_SUPERVISOR_H_
