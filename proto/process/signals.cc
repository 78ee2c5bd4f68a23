// SPDX-License-Identifier: Apache-2.0

#include "proto/process/signals.h"

#include <pthread.h>
#include <signal.h>

#include <cstdlib>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "proto/contract/condition.h"
#include "proto/contract/mutex.h"
#include "proto/log/log.h"

namespace herald::process {
namespace {

using contract::MutexLock;

constexpr int kExitNotDrained = 1;

[[noreturn]] void EndAtOnce(const char* message, int number) {
  Log(LogLevel::kWarning, message, {{"signal", NameOfSignal(number)}});
  FlushLog();
  std::_Exit(kExitNotDrained);
}

}  // namespace

class Signals::State {
 public:
  void Serve() {
    MutexLock lock(&mu_);
    serving_ = true;
  }

  int Wait(absl::Duration time) {
    const absl::Time end = contract::SteadyNow() + time;
    MutexLock lock(&mu_);
    while (stop_ == 0 && !hangup_ && !woken_ && changed_.WaitUntil(&mu_, end)) {
      continue;
    }
    woken_ = false;
    if (stop_ != 0) return std::exchange(stop_, 0);
    return std::exchange(hangup_, false) ? SIGHUP : 0;
  }

  void Wake() {
    MutexLock lock(&mu_);
    woken_ = true;
    changed_.NotifyAll();
  }

  // Takes the next signal of `taken`, for ever.
  void Run(const sigset_t& taken) {
    for (;;) {
      int number = 0;
      if (sigwait(&taken, &number) == 0) On(number);
    }
  }

 private:
  void On(int number) {
    MutexLock lock(&mu_);
    if (number == SIGHUP) {
      hangup_ = true;
    } else if (!serving_) {
      EndAtOnce("stopped before it has started", number);
    } else if (stopping_) {
      EndAtOnce("stopped at once by a second signal", number);
    } else {
      stopping_ = true;
      stop_ = number;
    }
    changed_.NotifyAll();
  }

  contract::Mutex mu_;
  contract::Condition changed_;
  bool serving_ ABSL_GUARDED_BY(mu_) = false;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  bool woken_ ABSL_GUARDED_BY(mu_) = false;
  bool hangup_ ABSL_GUARDED_BY(mu_) = false;  // Not returned yet.
  int stop_ ABSL_GUARDED_BY(mu_) = 0;         // Not returned yet.
};

Signals::Signals() : state_(std::make_shared<State>()) {
  sigset_t taken;
  sigemptyset(&taken);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&taken, number);
  pthread_sigmask(SIG_BLOCK, &taken, nullptr);
  // SIGXFSZ: a log at its size limit (RLIMIT_FSIZE) is a log that is full.
  for (const int number : {SIGPIPE, SIGXFSZ, SIGUSR1, SIGUSR2}) {
    signal(number, SIG_IGN);
  }
  std::thread([state = state_, taken] { state->Run(taken); }).detach();
}

void Signals::Serve() { state_->Serve(); }

int Signals::Wait(absl::Duration time) { return state_->Wait(time); }

void Signals::Wake() { state_->Wake(); }

const char* NameOfSignal(int number) {
  switch (number) {
    case SIGTERM:
      return "SIGTERM";
    case SIGINT:
      return "SIGINT";
    default:
      return "SIGHUP";
  }
}

}  // namespace herald::process
