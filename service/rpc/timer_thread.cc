// SPDX-License-Identifier: Apache-2.0

#include "service/rpc/timer_thread.h"

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"

namespace herald::rpc {
namespace {

// Longer delays are cut, so that no sum overflows.
constexpr absl::Duration kDelayMax = absl::Hours(24 * 365);

// A Mutex as a condition variable wants it: held before and after a wait.
class Waitable {
 public:
  explicit Waitable(contract::Mutex& mu) : mu_(mu) {}
  void lock() ABSL_NO_THREAD_SAFETY_ANALYSIS { mu_.Lock(); }
  void unlock() ABSL_NO_THREAD_SAFETY_ANALYSIS { mu_.Unlock(); }

 private:
  contract::Mutex& mu_;
};

}  // namespace

TimerThread::TimerThread() : thread_([this] { Run(); }) {}

absl::Time TimerThread::Now() const { return absl::Now(); }

bool TimerThread::Later(const Waiting& a, const Waiting& b) {
  return a.due != b.due ? a.due > b.due : a.number > b.number;
}

void TimerThread::After(absl::Duration delay, absl::AnyInvocable<void()> body) {
  const auto due =
      Clock::now() + absl::ToChronoNanoseconds(std::min(delay, kDelayMax));
  contract::MutexLock lock(&mu_);
  if (stopped_) return;
  const int64_t number = ++last_number_;
  heap_.push_back({due, number, std::move(body)});
  std::push_heap(heap_.begin(), heap_.end(), Later);
  if (heap_.front().number == number) changed_.notify_one();
}

void TimerThread::Stop() {
  std::vector<Waiting> dropped;  // Destroyed without the lock.
  {
    contract::MutexLock lock(&mu_);
    stopped_ = true;
    dropped = std::move(heap_);
    heap_.clear();
    changed_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

void TimerThread::Run() {
  for (;;) {
    absl::AnyInvocable<void()> body;
    {
      contract::MutexLock lock(&mu_);
      Waitable waitable(mu_);
      while (!stopped_ && (heap_.empty() || heap_.front().due > Clock::now())) {
        if (heap_.empty()) {
          changed_.wait(waitable);
        } else {
          const Clock::time_point due = heap_.front().due;
          changed_.wait_until(waitable, due);
        }
      }
      if (stopped_) return;
      std::pop_heap(heap_.begin(), heap_.end(), Later);
      body = std::move(heap_.back().body);
      heap_.pop_back();
    }
    body();
  }
}

}  // namespace herald::rpc
