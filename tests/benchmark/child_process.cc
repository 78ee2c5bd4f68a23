// SPDX-License-Identifier: Apache-2.0

#include "tests/benchmark/child_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/benchmark/clock.h"
#include "tests/benchmark/failure.h"

extern char** environ;

namespace herald::benchmark {
namespace {

constexpr int64_t kPause = kMillisecond;  // Between two looks.

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

// Async-signal-safe calls only, between fork and exec: gRPC has threads.
[[noreturn]] void RunChild(pid_t parent, int output, char** arguments,
                           char** environment) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(126);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  ::close_range(3, ~0U, 0);
  if (::chdir("/") == 0) ::execve(arguments[0], arguments, environment);
  ::_exit(127);
}

}  // namespace

ChildProcess::ChildProcess(const std::vector<std::string>& arguments)
    : name_(arguments.at(0)) {
  if (::access(name_.c_str(), X_OK) != 0) FailCall(name_);
  output_ = ::memfd_create("output", MFD_CLOEXEC);
  if (output_ < 0) FailCall("memfd_create");
  // Each write is appended, whichever process makes it.
  ::fcntl(output_, F_SETFL, O_APPEND);
  std::vector<char*> argument_pointers = Pointers(arguments);
  std::vector<char*> environment = Environment();
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ == 0) {
    RunChild(parent, output_, argument_pointers.data(), environment.data());
  }
  if (pid_ < 0) FailCall("fork");
}

ChildProcess::~ChildProcess() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  ::close(output_);
}

std::string ChildProcess::Output() const {
  std::string text(static_cast<size_t>(::lseek(output_, 0, SEEK_END)), '\0');
  const ssize_t size = ::pread(output_, text.data(), text.size(), 0);
  text.resize(size < 0 ? 0 : static_cast<size_t>(size));
  return text;
}

void ChildProcess::CheckAlive() {
  siginfo_t info{};
  ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT);
  if (info.si_pid == 0) return;
  Fail(name_, " has ended. Its output:\n", Output());
}

std::string ChildProcess::ListeningAddress(absl::string_view what) {
  const std::string key = absl::StrCat("listening what=", what, " address=");
  const timespec pause = ToTimespec(kPause);
  for (const int64_t end = Now() + kPatience; Now() < end;) {
    const std::string output = Output();
    const size_t begin = output.find(key);
    const size_t stop = output.find_first_of(" \r\n", begin + key.size());
    if (begin != std::string::npos && stop != std::string::npos) {
      return output.substr(begin + key.size(), stop - begin - key.size());
    }
    CheckAlive();
    ::nanosleep(&pause, nullptr);
  }
  Fail(name_, " does not listen. Its output:\n", Output());
}

void PrintListening(absl::string_view what, int port) {
  const std::string line =
      absl::StrCat("listening what=", what, " address=127.0.0.1:", port, "\n");
  std::fputs(line.c_str(), stderr);
}

}  // namespace herald::benchmark
