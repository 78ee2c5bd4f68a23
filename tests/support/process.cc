// SPDX-License-Identifier: Apache-2.0

#include "tests/support/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "simdjson.h"

extern char** environ;

namespace herald::testing_support {
namespace {

std::vector<std::string> Environment(const ProcessOptions& options) {
  std::vector<std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (!absl::StartsWith(*entry, "BROADCAST_")) environment.push_back(*entry);
  }
  environment.insert(environment.end(), options.environment.begin(),
                     options.environment.end());
  return environment;
}

std::vector<char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts) {
    pointers.push_back(const_cast<char*>(text.c_str()));
  }
  pointers.push_back(nullptr);
  return pointers;
}

// Async-signal-safe calls only, between fork and exec: other threads may hold
// any lock.
[[noreturn]] void RunChild(pid_t parent, const char* directory, int in, int out,
                           int error, char** arguments, char** environment) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(126);
  ::dup2(in, STDIN_FILENO);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(error, STDERR_FILENO);
  ::close_range(3, ~0U, 0);  // Sockets of the test are not the child's.
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  if (::chdir(directory) == 0) {
    ::execvpe(arguments[0], arguments, environment);
  }
  const char* const why = std::strerror(errno);
  [[maybe_unused]] const ssize_t written =
      ::write(STDERR_FILENO, why, std::strlen(why));
  ::_exit(127);
}

std::string Basename(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

// The address in a `listening` line of either log format, if it is for `what`.
std::string AddressIn(const std::string& line, absl::string_view what) {
  if (absl::StartsWith(line, "{")) {
    simdjson::dom::parser parser;
    simdjson::dom::element json;
    if (parser.parse(line).get(json) != simdjson::SUCCESS) return "";
    std::string_view message, kind, address;
    if (json["message"].get(message) != simdjson::SUCCESS ||
        json["what"].get(kind) != simdjson::SUCCESS ||
        json["address"].get(address) != simdjson::SUCCESS ||
        message != "listening" ||
        kind != std::string_view(what.data(), what.size())) {
      return "";
    }
    return std::string(address);
  }
  const size_t at = line.find(absl::StrCat("listening what=", what, " "));
  if (at == std::string::npos) return "";
  const std::string key = " address=";
  const size_t begin = line.find(key, at);
  if (begin == std::string::npos) return "";
  const std::string rest = line.substr(begin + key.size());
  return rest.substr(0, rest.find_first_of(" \t\r"));
}

}  // namespace

Process::Process(std::vector<std::string> arguments, ProcessOptions options)
    : name_(Basename(arguments.at(0))) {
  Start(arguments, options);
}

void Process::Start(const std::vector<std::string>& arguments,
                    const ProcessOptions& options) {
  std::array<int, 2> in{-1, -1}, out{-1, -1}, error{-1, -1};
  if (::pipe2(in.data(), O_CLOEXEC) != 0 ||
      ::pipe2(out.data(), O_CLOEXEC) != 0 ||
      ::pipe2(error.data(), O_CLOEXEC) != 0) {
    ADD_FAILURE() << "pipe: " << std::strerror(errno);
    for (const auto& ends : {in, out, error}) {
      for (const int fd : ends) ::close(fd);
    }
    exit_ = Exit{};
    return;
  }
  ::signal(SIGPIPE, SIG_IGN);  // A child that has ended is no end of the test.
  const std::vector<std::string> environment = Environment(options);
  std::vector<char*> argument_pointers = Pointers(arguments);
  std::vector<char*> environment_pointers = Pointers(environment);
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ == 0) {
    RunChild(parent, options.directory.c_str(), in[0], out[1], error[1],
             argument_pointers.data(), environment_pointers.data());
  }
  for (const int fd : {in[0], out[1], error[1]}) ::close(fd);
  input_ = in[1];
  if (pid_ < 0) {
    ADD_FAILURE() << "fork: " << std::strerror(errno);
    exit_ = Exit{};
  }
  reader_ = std::thread([this, out, error] { ReadOutputs(out[0], error[0]); });
}

Process::~Process() {
  const bool asked = exit_.has_value();
  Kill();
  if (input_ >= 0) ::close(input_);
  if (reader_.joinable()) reader_.join();
  if (!::testing::Test::HasFailure()) return;
  std::fprintf(stderr, "--- %s, pid %d, %s:\n", name_.c_str(), pid_,
               asked ? "had ended" : "was killed in the end");
  for (const Line& line : lines_) {
    std::fprintf(stderr, "  %s\n", line.text.c_str());
  }
}

void Process::Signal(int signal) {
  // kill(2) takes -1 for all processes.
  if (exit_.has_value() || pid_ <= 0) return;
  ::kill(pid_, signal);
  if (signal != SIGSTOP) return;
  // Its threads stop one after the other; the parent is notified of the last.
  const bool stopped = WaitUntil([this] {
    siginfo_t info{};
    return ::waitid(P_PID, static_cast<id_t>(pid_), &info,
                    WSTOPPED | WNOHANG) == 0 &&
           info.si_pid == pid_;
  });
  EXPECT_TRUE(stopped) << name_ << " does not stop";
}

bool Process::TryReap() {
  if (exit_.has_value()) return true;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return false;
  exit_ = WIFEXITED(status) ? Exit{WEXITSTATUS(status), 0}
                            : Exit{-1, WTERMSIG(status)};
  return true;
}

Exit Process::WaitForExit(Milliseconds patience) {
  if (!WaitUntil([this] { return TryReap(); }, patience)) {
    ADD_FAILURE() << name_ << " has not ended";
    return Exit{};
  }
  return *exit_;
}

void Process::Kill() {
  Signal(SIGKILL);
  WaitForExit();
}

void Process::WriteLine(absl::string_view line) {
  std::string text = absl::StrCat(line, "\n");
  size_t sent = 0;
  while (sent < text.size()) {
    const ssize_t count =
        ::write(input_, text.data() + sent, text.size() - sent);
    if (count <= 0) {
      ADD_FAILURE() << name_ << " does not read: " << std::strerror(errno);
      return;
    }
    sent += static_cast<size_t>(count);
  }
}

bool Process::ReadSome(int fd, bool is_error, std::string* rest) {
  std::array<char, 16384> buffer;
  const ssize_t count = ::read(fd, buffer.data(), buffer.size());
  if (count < 0 && errno == EINTR) return true;
  std::lock_guard<std::mutex> lock(mutex_);
  if (count > 0) rest->append(buffer.data(), static_cast<size_t>(count));
  size_t end = 0;
  while ((end = rest->find('\n')) != std::string::npos ||
         (count <= 0 && !rest->empty())) {
    lines_.push_back(Line{is_error, rest->substr(0, end)});
    rest->erase(0, end == std::string::npos ? end : end + 1);
    if (lines_.size() <= kLinesMax) continue;
    lines_.pop_front();
    ++lines_dropped_;
  }
  changed_.notify_all();
  return count > 0;
}

void Process::ReadOutputs(int out, int error) {
  std::array<pollfd, 2> polls{pollfd{out, POLLIN, 0}, pollfd{error, POLLIN, 0}};
  std::array<std::string, 2> rests;
  int open = 2;
  while (open > 0) {
    if (::poll(polls.data(), polls.size(), -1) < 0 && errno != EINTR) break;
    for (size_t i = 0; i < polls.size(); ++i) {
      if (polls[i].fd < 0 || polls[i].revents == 0) continue;
      if (ReadSome(polls[i].fd, i == 1, &rests[i])) continue;
      polls[i].fd = -1;
      --open;
    }
  }
  ::close(out);
  ::close(error);
  std::lock_guard<std::mutex> lock(mutex_);
  outputs_end_ = true;
  changed_.notify_all();
}

std::optional<std::string> Process::FindLine(
    absl::FunctionRef<bool(const std::string&)> matches,
    Milliseconds patience) {
  const Clock::time_point deadline = Clock::now() + patience;
  std::unique_lock<std::mutex> lock(mutex_);
  size_t seen = lines_dropped_;  // Counted from the process's first line.
  for (;;) {
    for (seen = std::max(seen, lines_dropped_);
         seen < lines_dropped_ + lines_.size(); ++seen) {
      const std::string& text = lines_[seen - lines_dropped_].text;
      if (matches(text)) return text;
    }
    if (outputs_end_) return std::nullopt;
    if (changed_.wait_until(lock, deadline) == std::cv_status::timeout) {
      return std::nullopt;
    }
  }
}

std::string Process::WaitForLine(absl::string_view text,
                                 Milliseconds patience) {
  const std::optional<std::string> line = FindLine(
      [text](const std::string& one) { return absl::StrContains(one, text); },
      patience);
  if (!line.has_value()) {
    ADD_FAILURE() << name_ << " did not print \"" << text << "\"";
  }
  return line.value_or("");
}

std::string Process::ListeningAddress(absl::string_view what) {
  const std::optional<std::string> line = FindLine(
      [what](const std::string& one) { return !AddressIn(one, what).empty(); });
  if (!line.has_value()) {
    ADD_FAILURE() << name_ << " did not listen with " << what;
    return "127.0.0.1:1";
  }
  return AddressIn(*line, what);
}

std::vector<std::string> Process::Lines(bool is_error) {
  std::lock_guard<std::mutex> lock(mutex_);
  std::vector<std::string> texts;
  for (const Line& line : lines_) {
    if (line.is_error == is_error) texts.push_back(line.text);
  }
  return texts;
}

std::vector<std::string> Process::StandardOutput() { return Lines(false); }

std::vector<std::string> Process::StandardError() { return Lines(true); }

bool Process::WaitForEndOfOutput(Milliseconds patience) {
  std::unique_lock<std::mutex> lock(mutex_);
  return changed_.wait_for(lock, patience, [this] { return outputs_end_; });
}

}  // namespace herald::testing_support
