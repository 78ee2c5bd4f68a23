// SPDX-License-Identifier: Apache-2.0
//
// A real process under test.
//
//   Process service({"/path/to/herald-service", "--grpc_address=127.0.0.1:0"});
//   std::string address = service.ListeningAddress("grpc");
//   service.Signal(SIGTERM);
//   EXPECT_EQ(service.WaitForExit().code, 0);
//
// The process gets the environment of the test without `BROADCAST_*`, and `/`
// as its working directory by default. Its output is kept, bounded; it is shown
// when the test has failed by the end of the Process.
//
// Threads: one thread, the test's main thread: the kernel kills the process
// when the thread that started it ends, so that nothing outlives a crash.
//
// Lifetime: the destructor kills and reaps.

#ifndef HERALD_TESTS_SUPPORT_PROCESS_H_
#define HERALD_TESTS_SUPPORT_PROCESS_H_

#include <sys/types.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "tests/support/deadline.h"

namespace herald::testing_support {

struct ProcessOptions {
  std::string directory = "/";
  std::vector<std::string> environment = {};  // More of it, as `NAME=value`.
};

// How a process ended.
struct Exit {
  int code = -1;   // Its exit code, or -1 if a signal killed it.
  int signal = 0;  // The signal, or 0.

  friend bool operator==(const Exit&, const Exit&) = default;
};

class Process {
 public:
  // Starts `arguments[0]`, looked up in PATH if it has no slash. Fails the test
  // if that is impossible.
  explicit Process(std::vector<std::string> arguments,
                   ProcessOptions options = {});
  ~Process();

  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }

  // Sends a signal, unless the process has been reaped. After SIGSTOP it stands
  // still when this returns.
  void Signal(int signal);

  // Whether the end has been waited for.
  bool has_ended() const { return exit_.has_value(); }

  // Waits for the end. Fails the test and returns {-1, 0} if it does not come.
  Exit WaitForExit(Milliseconds patience = kPatience);

  // SIGKILL, and the wait for the end.
  void Kill();

  // Writes a line to the standard input.
  void WriteLine(absl::string_view line);

  // The first line, of either output, for which `matches` is true: one that is
  // there already or the next to come. Nothing if the time is over or the
  // process has ended without it.
  std::optional<std::string> FindLine(
      absl::FunctionRef<bool(const std::string&)> matches,
      Milliseconds patience = kPatience);

  // As FindLine() for lines that hold `text`; a failure of the test if there is
  // none.
  std::string WaitForLine(absl::string_view text,
                          Milliseconds patience = kPatience);

  // The `address` in the process's line `listening` with `what`.
  std::string ListeningAddress(absl::string_view what);

  // The output so far, without the lines beyond the bound.
  std::vector<std::string> StandardOutput();
  std::vector<std::string> StandardError();

  // Waits until both outputs are closed, so that the two above are complete.
  bool WaitForEndOfOutput(Milliseconds patience = kPatience);

 private:
  // The oldest lines go when there are more.
  static constexpr size_t kLinesMax = 20000;

  struct Line {
    bool is_error = false;
    std::string text;
  };

  void Start(const std::vector<std::string>& arguments,
             const ProcessOptions& options);
  void ReadOutputs(int out, int error);
  bool ReadSome(int fd, bool is_error, std::string* rest);
  std::vector<std::string> Lines(bool is_error);
  bool TryReap();

  // Touched by the test's thread only.
  const std::string name_;
  pid_t pid_ = -1;
  std::optional<Exit> exit_;
  int input_ = -1;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Line> lines_;    // Under mutex_.
  size_t lines_dropped_ = 0;  // Under mutex_.
  bool outputs_end_ = false;  // Under mutex_.

  std::thread reader_;
};

}  // namespace herald::testing_support

#endif  // HERALD_TESTS_SUPPORT_PROCESS_H_
