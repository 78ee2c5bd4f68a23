// SPDX-License-Identifier: Apache-2.0

#include "tests/end_to_end/chaos/server.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "proto/contract/require.h"
#include "tests/end_to_end/chaos/failure.h"

extern char** environ;

namespace herald::chaos {
namespace {

using contract::Require;

std::vector<char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts) {
    pointers.push_back(const_cast<char*>(text.c_str()));
  }
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<char*> Environment() {
  std::vector<char*> entries;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (!absl::StartsWith(*entry, "BROADCAST_")) entries.push_back(*entry);
  }
  entries.push_back(nullptr);
  return entries;
}

// Signals that a program waits for. A signal that comes before the program is
// ready must wait too, and not end it by its default action.
sigset_t WaitedFor() {
  sigset_t signals;
  ::sigemptyset(&signals);
  for (const int one : {SIGHUP, SIGINT, SIGTERM}) ::sigaddset(&signals, one);
  return signals;
}

// Async-signal-safe calls only, between fork and exec: gRPC has threads.
[[noreturn]] void RunChild(pid_t parent, int log, char** arguments,
                           char** environment) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(126);
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  ::close_range(3, ~0U, 0);
  const sigset_t waited_for = WaitedFor();
  ::sigprocmask(SIG_SETMASK, &waited_for, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  if (::chdir("/") == 0) ::execve(arguments[0], arguments, environment);
  ::_exit(127);
}

std::string Describe(int status) {
  if (WIFSIGNALED(status)) {
    return absl::StrCat("by signal ", WTERMSIG(status));
  }
  return absl::StrCat("with code ", WEXITSTATUS(status));
}

// A program that is to end before it has started exits with code 1, and its
// last line has the reason (proto/process/signals.h).
bool EndedBeforeItStarted(int status, const std::string& log_path) {
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 1) return false;
  std::ifstream log(log_path);
  std::string last;
  for (std::string line; std::getline(log, line);) last = line;
  return absl::StrContains(last, "stopped before it has started");
}

}  // namespace

Server::Server(std::string name, std::vector<std::string> arguments,
               std::string log_path)
    : name_(std::move(name)),
      arguments_(std::move(arguments)),
      log_path_(std::move(log_path)) {}

Server::~Server() {
  if (is_down()) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void Server::Start() {
  Require(is_down());
  const int log = ::open(log_path_.c_str(),
                         O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (log < 0) Fail(log_path_, ": ", std::strerror(errno));
  std::vector<char*> arguments = Pointers(arguments_);
  std::vector<char*> environment = Environment();
  const pid_t parent = ::getpid();
  const sigset_t waited_for = WaitedFor();
  sigset_t before;
  ::pthread_sigmask(SIG_BLOCK, &waited_for, &before);
  pid_ = ::fork();
  if (pid_ == 0) {
    RunChild(parent, log, arguments.data(), environment.data());
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::close(log);
  if (pid_ < 0) Fail("fork: ", std::strerror(errno));
  state_ = State::kUp;
}

bool Server::Reap(bool wait, int* status) {
  if (::waitpid(pid_, status, wait ? 0 : WNOHANG) != pid_) return false;
  state_ = State::kDown;
  pid_ = -1;
  return true;
}

void Server::Kill() {
  if (is_down()) return;
  CheckAlive();
  if (state_ != State::kEnding) ++ends_begun_;
  ::kill(pid_, SIGKILL);
  int status = 0;
  Reap(true, &status);
  ++ends_done_;
}

void Server::Terminate() {
  Require(is_up());
  CheckAlive();
  ++ends_begun_;
  ::kill(pid_, SIGTERM);
  state_ = State::kEnding;
}

bool Server::HasEnded() {
  if (is_down()) return true;
  int status = 0;
  if (!Reap(false, &status)) return false;
  ++ends_done_;
  if (status != 0 && !EndedBeforeItStarted(status, log_path_)) {
    Fail(name_, " was to end, and did ", Describe(status));
  }
  return true;
}

void Server::Freeze() {
  Require(is_up());
  ::kill(pid_, SIGSTOP);
  state_ = State::kFrozen;
}

void Server::Thaw() {
  Require(state_ == State::kFrozen);
  ::kill(pid_, SIGCONT);
  state_ = State::kUp;
}

void Server::Hangup() {
  if (is_down() || state_ == State::kEnding) return;
  ::kill(pid_, SIGHUP);
}

void Server::CheckAlive() {
  if (is_down() || state_ == State::kEnding) return;
  int status = 0;
  if (!Reap(false, &status)) return;
  Fail(name_, " has ended ", Describe(status), "; see ", log_path_);
}

}  // namespace herald::chaos
