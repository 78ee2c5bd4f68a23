// SPDX-License-Identifier: Apache-2.0

#include "clients/supervisor/child.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"

namespace herald::supervisor {
namespace {

constexpr size_t kLineBytesMax = 64 * 1024;
constexpr int kCannotExecute = 127;  // As shells do.

// Runs in the new process, and never returns. The parent has one thread, so
// any function may be called here.
[[noreturn]] void Become(const std::vector<std::string>& command,
                         const Environment& environment, pid_t parent,
                         int output) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(kCannotExecute);  // It ended before prctl().
  setsid();
  dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int number : {SIGPIPE, SIGXFSZ}) signal(number, SIG_DFL);
  for (const auto& [name, value] : environment) {
    setenv(name.c_str(), value.c_str(), /*overwrite=*/1);
  }
  std::vector<char*> words;
  for (const std::string& word : command) {
    words.push_back(const_cast<char*>(word.c_str()));
  }
  words.push_back(nullptr);
  execvp(words[0], words.data());
  dprintf(STDERR_FILENO, "cannot run %s: %s\n", words[0], strerror(errno));
  _exit(kCannotExecute);
}

absl::Status Shortage(absl::string_view what) {
  return absl::UnavailableError(absl::StrCat(what, ": ", strerror(errno)));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Child>> Child::Start(
    const std::vector<std::string>& command, const Environment& environment) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return Shortage("cannot open a pipe");
  const absl::Cleanup close_write_end = [&] { close(ends[1]); };
  const pid_t self = getpid();
  const pid_t pid = fork();
  if (pid < 0) {
    const absl::Status status = Shortage("cannot start a process");
    close(ends[0]);
    return status;
  }
  if (pid == 0) Become(command, environment, self, ends[1]);
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return std::unique_ptr<Child>(new Child(pid, ends[0]));
}

Child::~Child() {
  CloseOutput();
  if (Reap().has_value()) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

void Child::CloseOutput() {
  if (output_ >= 0) close(output_);
  output_ = -1;
}

void Child::Read(absl::FunctionRef<void(absl::string_view)> on_line) {
  char buffer[16 * 1024];
  while (output_ >= 0) {
    const ssize_t size = read(output_, buffer, sizeof(buffer));
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == EAGAIN) return;
    if (size <= 0) {
      CloseOutput();
      break;
    }
    rest_.append(buffer, static_cast<size_t>(size));
    size_t begin = 0;
    for (size_t end; (end = rest_.find('\n', begin)) != std::string::npos;
         begin = end + 1) {
      on_line(absl::string_view(rest_).substr(begin, end - begin));
    }
    rest_.erase(0, begin);
    if (rest_.size() < kLineBytesMax) continue;
    on_line(rest_);
    rest_.clear();
  }
  if (!rest_.empty()) on_line(rest_);
  rest_.clear();
}

const std::optional<int>& Child::Reap() {
  int status = 0;
  if (!status_.has_value() && waitpid(pid_, &status, WNOHANG) == pid_) {
    status_ = status;
  }
  return status_;
}

void Child::Signal(int number) const {
  if (!status_.has_value()) kill(pid_, number);
}

std::string DescribeEnd(int status) {
  if (WIFEXITED(status)) {
    return absl::StrCat("ended with code ", WEXITSTATUS(status));
  }
  const int number = WTERMSIG(status);
  return absl::StrCat("was killed by signal ", number, " (", strsignal(number),
                      ")");
}

}  // namespace herald::supervisor
