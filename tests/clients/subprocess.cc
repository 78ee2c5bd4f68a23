// SPDX-License-Identifier: Apache-2.0

#include "tests/clients/subprocess.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "gtest/gtest.h"
#include "tests/support/deadline.h"

namespace herald::testing_support {
namespace {

std::vector<char*> Pointers(std::vector<std::string>* texts) {
  std::vector<char*> pointers;
  for (std::string& text : *texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// A descriptor from which `text` can be read: an unnamed file, so that no
// thread has to write while another reads.
int Readable(const std::string& text) {
  std::FILE* const file = std::tmpfile();
  std::fwrite(text.data(), 1, text.size(), file);
  std::rewind(file);
  const int fd = dup(fileno(file));
  std::fclose(file);
  return fd;
}

void Append(int* fd, std::string* text) {
  char buffer[65536];
  const ssize_t size = read(*fd, buffer, sizeof(buffer));
  if (size > 0) {
    text->append(buffer, static_cast<size_t>(size));
  } else {
    close(*fd);
    *fd = -1;
  }
}

}  // namespace

Subprocess::Subprocess(std::vector<std::string> command,
                       std::vector<std::string> environment,
                       const std::string& input, const std::string& directory) {
  int out[2];
  int err[2];
  EXPECT_EQ(pipe2(out, O_CLOEXEC), 0);
  EXPECT_EQ(pipe2(err, O_CLOEXEC), 0);
  const int in = Readable(input);
  // A sanitizer's options hold for its children too.
  for (const char* const name :
       {"ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS"}) {
    const char* const value = std::getenv(name);
    if (value != nullptr) {
      environment.push_back(std::string(name) + "=" + value);
    }
  }
  const std::vector<char*> argv = Pointers(&command);
  const std::vector<char*> envp = Pointers(&environment);
  pid_ = fork();
  if (pid_ == 0) {
    // Async-signal-safe calls only, after fork() in a process with threads.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(in, STDIN_FILENO);
    dup2(out[1], STDOUT_FILENO);
    dup2(err[1], STDERR_FILENO);
    if (directory.empty() || chdir(directory.c_str()) == 0) {
      execve(argv[0], argv.data(), envp.data());
    }
    _exit(127);
  }
  close(in);
  close(out[1]);
  close(err[1]);
  out_fd_ = out[0];
  err_fd_ = err[0];
}

Subprocess::~Subprocess() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  if (out_fd_ >= 0) close(out_fd_);
  if (err_fd_ >= 0) close(err_fd_);
}

bool Subprocess::Pump() {
  pollfd fds[] = {{out_fd_, POLLIN, 0}, {err_fd_, POLLIN, 0}};
  if (out_fd_ < 0 && err_fd_ < 0) return false;
  if (poll(fds, 2, static_cast<int>(kPatience.count())) <= 0) {
    ADD_FAILURE() << "the process is silent; its output so far\n"
                  << out_ << err_;
    return false;
  }
  if (fds[0].revents != 0) Append(&out_fd_, &out_);
  if (fds[1].revents != 0) Append(&err_fd_, &err_);
  return true;
}

std::optional<std::string> Subprocess::ReadLine() { return TakeLine(&out_); }

std::optional<std::string> Subprocess::ReadErrorLine() {
  return TakeLine(&err_);
}

std::optional<std::string> Subprocess::TakeLine(std::string* text) {
  size_t end;
  while ((end = text->find('\n')) == std::string::npos) {
    if (!Pump()) return std::nullopt;
  }
  std::string line = text->substr(0, end);
  text->erase(0, end + 1);
  return line;
}

int Subprocess::unread() const {
  int bytes = 0;
  ioctl(out_fd_, FIONREAD, &bytes);
  return bytes;
}

void Subprocess::Signal(int signal) {
  if (pid_ > 0) kill(pid_, signal);  // kill(2) takes -1 for all.
}

int Subprocess::Wait() {
  while (Pump()) {
  }
  return WaitForExit();
}

int Subprocess::WaitWithoutReading() {
  const int code = WaitForExit();
  while (Pump()) {
  }
  return code;
}

int Subprocess::WaitForExit() {
  int status = 0;
  const bool ended =
      WaitUntil([&] { return waitpid(pid_, &status, WNOHANG) == pid_; });
  EXPECT_TRUE(ended) << "the process does not end";
  if (!ended) return -1;
  pid_ = -1;
  EXPECT_TRUE(WIFEXITED(status)) << "killed by signal " << WTERMSIG(status);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

Outcome RunToEnd(std::vector<std::string> command,
                 std::vector<std::string> environment, const std::string& input,
                 const std::string& directory) {
  Subprocess process(std::move(command), std::move(environment), input,
                     directory);
  const int exit_code = process.Wait();
  return {exit_code, process.out(), process.err()};
}

}  // namespace herald::testing_support
