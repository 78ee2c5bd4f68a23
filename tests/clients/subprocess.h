// SPDX-License-Identifier: Apache-2.0
//
// A real process: started, read line by line, ended. Nothing of it outlives
// the object, and every wait is bounded by kPatience.

#ifndef HERALD_TESTS_CLIENTS_SUBPROCESS_H_
#define HERALD_TESTS_CLIENTS_SUBPROCESS_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace herald::testing_support {

class Subprocess {
 public:
  // Starts `command`. Its environment is `environment` and nothing else
  // ("NAME=value"), its working directory is `directory` if that is not empty,
  // and its standard input is `input`.
  explicit Subprocess(std::vector<std::string> command,
                      std::vector<std::string> environment = {},
                      const std::string& input = "",
                      const std::string& directory = "");

  // Kills the process if it still runs.
  ~Subprocess();

  Subprocess(const Subprocess&) = delete;
  Subprocess& operator=(const Subprocess&) = delete;

  // The next line of standard output, without its end; nothing at the end of
  // the output, or, with a failure of the test, if none comes.
  std::optional<std::string> ReadLine();

  // The same of standard error. Returned text is not in err() any more.
  std::optional<std::string> ReadErrorLine();

  void Signal(int signal);

  // Bytes of standard output that were printed and not read.
  int unread() const;

  // Waits for the end; the exit code, or -1 with a failure of the test. Output
  // that was not read stays in out() and err().
  int Wait();

  // As Wait(), but reads nothing before the end.
  int WaitWithoutReading();

  const std::string& out() const { return out_; }
  const std::string& err() const { return err_; }

 private:
  int WaitForExit();

  // Reads the available output, at most until the deadline. False at the end of
  // both.
  bool Pump();

  // Takes the first line of `text`, one of the two outputs.
  std::optional<std::string> TakeLine(std::string* text);

  pid_t pid_ = -1;
  int out_fd_ = -1;
  int err_fd_ = -1;
  std::string out_;
  std::string err_;
};

// A command from start to end.
struct Outcome {
  int exit_code = -1;
  std::string out;
  std::string err;
};
Outcome RunToEnd(std::vector<std::string> command,
                 std::vector<std::string> environment = {},
                 const std::string& input = "",
                 const std::string& directory = "");

}  // namespace herald::testing_support

#endif  // HERALD_TESTS_CLIENTS_SUBPROCESS_H_
