// SPDX-License-Identifier: Apache-2.0

#include "clients/supervisor/supervisor.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "proto/contract/require.h"

namespace herald::supervisor {
namespace {

using std::chrono::milliseconds;

// The interval of the check whether all are ready; also the longest delay
// before an event is noticed.
constexpr milliseconds kBeat{100};

// Pauses before restarts: a program that dies repeatedly must not keep the
// machine busy. One that lived for kLivedLong begins anew.
constexpr milliseconds kFirstPause{200};
constexpr milliseconds kLongestPause{5000};
constexpr std::chrono::seconds kLivedLong{10};

// The bound on queued output, and the time to write the rest of it at the end.
constexpr size_t kOutputBytesMax = 1 << 20;
constexpr std::chrono::seconds kOutputPatience{1};

constexpr int kNameColumns = 10;  // `authorizer`

sigset_t Signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) {
    sigaddset(&signals, number);
  }
  return signals;
}

int OpenSignals() {
  const sigset_t signals = Signals();
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  for (const int number : {SIGPIPE, SIGXFSZ}) signal(number, SIG_IGN);
  return signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
}

int OpenOutput() {
  const int own = contract::OpenNonBlocking(STDOUT_FILENO);
  return own >= 0 ? own : STDOUT_FILENO;
}

}  // namespace

Supervisor::Supervisor(SupervisorOptions options)
    : options_(std::move(options)),
      signals_(OpenSignals()),
      output_fd_(OpenOutput()),
      // https://no-color.org
      colors_(isatty(STDOUT_FILENO) == 1 && getenv("NO_COLOR") == nullptr) {}

Supervisor::~Supervisor() {
  close(signals_);
  if (output_fd_ != STDOUT_FILENO) close(output_fd_);
}

int Supervisor::Run() {
  const bool ready = StartAll();
  if (ready) {
    Write(options_.welcome(
        [this](absl::string_view name) { return PidOf(name); }));
    RestartThoseThatDie();
  }
  const bool ended_well = StopAll();
  const Clock::time_point deadline = Clock::now() + kOutputPatience;
  while (!output_.empty() && !output_failed_ && Clock::now() < deadline) {
    Wait(kBeat);
  }
  // A signal before all are ready is an end as any other, and so is the end of
  // the reader.
  const bool stopped = stop_signals_ > 0 || output_failed_;
  return ended_well && (ready || stopped) ? 0 : 1;
}

// One after the other, so that none reports another as missing.
bool Supervisor::StartAll() {
  running_.reserve(options_.programs.size());
  const Clock::time_point deadline = Clock::now() + options_.ready_within;
  for (const Program& program : options_.programs) {
    running_.push_back({&program, nullptr, {}, {}, kFirstPause});
    Start(&running_.back());
    if (running_.back().child == nullptr) return false;
    if (!WaitUntilReady(program, deadline)) return false;
  }
  return true;
}

// Leaves no child if there is a shortage, which it prints.
void Supervisor::Start(Running* running) {
  auto child =
      Child::Start(running->program->command, running->program->environment);
  running->started = Clock::now();
  if (child.ok()) {
    running->child = *std::move(child);
  } else {
    Note(absl::StrCat("the ", running->program->name,
                      " does not start: ", child.status().message()));
  }
}

bool Supervisor::WaitUntilReady(const Program& program,
                                Clock::time_point deadline) {
  while (stop_signals_ == 0 && !output_failed_) {
    if (Running* const ended = FindEnded()) {
      Note(absl::StrCat("the ", ended->program->name, " has ",
                        DescribeEnd(*ended->child->Reap())));
      ended->child = nullptr;
      return false;
    }
    if (program.ready()) return true;
    if (Clock::now() >= deadline) {
      Note(absl::StrCat("the ", program.name, " is not ready after ",
                        options_.ready_within.count(), " s"));
      return false;
    }
    Wait(kBeat);
  }
  return false;
}

void Supervisor::RestartThoseThatDie() {
  while (stop_signals_ == 0 && !output_failed_) {
    while (Running* const ended = FindEnded()) OnDeath(ended);
    for (Running& running : running_) {
      if (running.child != nullptr || Clock::now() < running.restart) continue;
      Start(&running);
      if (running.child == nullptr) {
        running.restart = Clock::now() + kLongestPause;
        continue;
      }
      Note(absl::StrCat("restarted the ", running.program->name, " as process ",
                        running.child->pid()));
    }
    Wait(kBeat);
  }
}

void Supervisor::OnDeath(Running* running) {
  Note(absl::StrCat("the ", running->program->name, " ",
                    DescribeEnd(*running->child->Reap())));
  running->child = nullptr;
  const Clock::time_point now = Clock::now();
  if (now - running->started >= kLivedLong) running->pause = kFirstPause;
  running->restart = now + running->pause;
  running->pause = std::min(2 * running->pause, kLongestPause);
}

bool Supervisor::StopAll() {
  bool ended_well = true;
  for (auto it = running_.rbegin(); it != running_.rend(); ++it) {
    if (it->child != nullptr && !Stop(&*it)) ended_well = false;
  }
  return ended_well;
}

// The reverse order lets the gateway send its goodbyes while the service runs.
bool Supervisor::Stop(Running* running) {
  const std::string& name = running->program->name;
  Child& child = *running->child;
  if (!child.Reap().has_value()) {
    Write(absl::StrCat("Stopping the ", name, ".\n"));
  }
  child.Signal(SIGTERM);
  const Clock::time_point deadline = Clock::now() + options_.stop_within;
  bool killed = false;
  while (!child.Reap().has_value()) {
    if (!killed && (Clock::now() >= deadline || stop_signals_ > 1)) {
      Note(absl::StrCat("the ", name, " did not stop and is killed"));
      child.Signal(SIGKILL);
      killed = true;
    }
    Wait(kBeat);
  }
  ReadOutput(running);
  const int status = *child.Reap();
  running->child = nullptr;
  // A program that has just been started may not handle SIGTERM yet.
  if (status == 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM)) {
    return true;
  }
  if (!killed) Note(absl::StrCat("the ", name, " ", DescribeEnd(status)));
  return false;
}

void Supervisor::Wait(milliseconds patience) {
  std::vector<pollfd> polled = {{signals_, POLLIN, 0}};
  for (const Running& running : running_) {
    if (running.child == nullptr || running.child->output() < 0) continue;
    polled.push_back({running.child->output(), POLLIN, 0});
  }
  if (!output_.empty()) polled.push_back({output_fd_, POLLOUT, 0});
  poll(polled.data(), polled.size(), static_cast<int>(patience.count()));
  ReadSignals();
  WriteOutput();
  for (Running& running : running_) {
    if (running.child != nullptr) ReadOutput(&running);
  }
}

void Supervisor::ReadSignals() {
  signalfd_siginfo info;
  while (read(signals_, &info, sizeof(info)) == sizeof(info)) {
    if (info.ssi_signo != SIGCHLD) ++stop_signals_;
  }
}

void Supervisor::ReadOutput(Running* running) {
  const size_t index = static_cast<size_t>(running - running_.data());
  std::string text;
  running->child->Read([&](absl::string_view line) {
    const std::string name =
        absl::StrFormat("%-*s |", kNameColumns, running->program->name);
    if (colors_) {
      // Cyan, green, yellow, blue and magenta, in turns.
      static constexpr int kColors[] = {36, 32, 33, 34, 35};
      absl::StrAppend(&text, "\x1b[", kColors[index % std::size(kColors)], "m",
                      name, "\x1b[0m ", line, "\n");
    } else {
      absl::StrAppend(&text, name, " ", line, "\n");
    }
  });
  if (!text.empty()) Write(text);
}

// All output of the dead is printed before their end is noted.
Supervisor::Running* Supervisor::FindEnded() {
  for (Running& running : running_) {
    if (running.child == nullptr || !running.child->Reap().has_value()) {
      continue;
    }
    ReadOutput(&running);
    return &running;
  }
  return nullptr;
}

pid_t Supervisor::PidOf(absl::string_view name) const {
  for (const Running& running : running_) {
    if (running.program->name == name && running.child != nullptr) {
      return running.child->pid();
    }
  }
  return 0;
}

void Supervisor::Note(absl::string_view text) {
  Write(absl::StrCat("herald: ", text, "\n"));
}

void Supervisor::Write(absl::string_view text) {
  if (output_.size() + text.size() > kOutputBytesMax) {
    dropped_ += std::count(text.begin(), text.end(), '\n');
  } else {
    output_.append(text.data(), text.size());
  }
  WriteOutput();
}

// A pipe that is ready takes PIPE_BUF bytes at once (POSIX, write(2)), should
// it be blocking.
void Supervisor::WriteOutput() {
  if (!output_.empty() && std::exchange(torn_, false)) {
    output_ = absl::StrCat("\n", output_);
  }
  pollfd ready = {output_fd_, POLLOUT, 0};
  size_t written = 0;
  while (written < output_.size() && poll(&ready, 1, 0) == 1) {
    const ssize_t size =
        write(output_fd_, output_.data() + written,
              std::min<size_t>(output_.size() - written, PIPE_BUF));
    if (size < 0) {
      if (errno == EINTR || errno == EAGAIN) break;
      if (output_error_ == 0) output_error_ = errno;
      output_failed_ = errno == EPIPE || errno == EBADF || errno == EIO;
      return DropOutput(written);
    }
    noted_ = 0;
    written += static_cast<size_t>(size);
  }
  output_.erase(0, written);
  if (output_.empty() && dropped_ > 0) {
    noted_ = std::exchange(dropped_, 0);
    output_ =
        absl::StrCat("herald: ", noted_,
                     " lines were dropped: the output did not take them\n");
  }
}

// A disk that is full may take writes again later.
void Supervisor::DropOutput(size_t written) {
  torn_ = written > 0 && output_[written - 1] != '\n';
  dropped_ += std::count(output_.begin() + static_cast<std::ptrdiff_t>(written),
                         output_.end(), '\n');
  // The note about dropped lines is not counted among them.
  if (noted_ > 0) dropped_ += std::exchange(noted_, 0) - 1;
  output_.clear();
}

}  // namespace herald::supervisor
