// SPDX-License-Identifier: Apache-2.0

#include "service/process/timer_thread.h"

#include <algorithm>
#include <utility>

namespace herald::service {
namespace {

// Longer delays are cut, so that no sum overflows.
constexpr absl::Duration kDelayMax = absl::Hours(24 * 365);

// The thread reads its clock at least once per kBeat. If it did not for
// kGapMax, the process was paused.
constexpr absl::Duration kBeat = absl::Milliseconds(500);
constexpr absl::Duration kGapMax = absl::Milliseconds(750);

}  // namespace

TimerThread::TimerThread()
    : clock_(contract::SteadyNow(), kBeat, kGapMax),
      thread_([this] { Run(); }) {}

bool TimerThread::Later(const Entry& a, const Entry& b) {
  return a.due != b.due ? a.due > b.due : a.number > b.number;
}

void TimerThread::After(absl::Duration delay, absl::AnyInvocable<void()> body) {
  contract::MutexLock lock(&mu_);
  if (stopped_) return;
  const absl::Time due =
      clock_.Read(contract::SteadyNow()) + std::min(delay, kDelayMax);
  const int64_t number = ++last_number_;
  heap_.push_back({due, number, std::move(body)});
  std::push_heap(heap_.begin(), heap_.end(), Later);
  if (heap_.front().number == number) changed_.NotifyOne();
}

void TimerThread::Stop() {
  std::vector<Entry> dropped;  // Destroyed without the lock.
  {
    contract::MutexLock lock(&mu_);
    stopped_ = true;
    dropped = std::move(heap_);
    heap_.clear();
    changed_.NotifyOne();
  }
  if (thread_.joinable()) thread_.join();
}

void TimerThread::Run() {
  for (;;) {
    absl::AnyInvocable<void()> body;
    {
      contract::MutexLock lock(&mu_);
      for (;;) {
        const absl::Time now = clock_.Read(contract::SteadyNow());
        if (stopped_) return;
        if (!heap_.empty() && heap_.front().due <= now) break;
        const absl::Duration left =
            heap_.empty() ? kBeat : std::min(heap_.front().due - now, kBeat);
        changed_.WaitUntil(&mu_, contract::SteadyNow() + left);
      }
      std::pop_heap(heap_.begin(), heap_.end(), Later);
      body = std::move(heap_.back().body);
      heap_.pop_back();
    }
    body();
  }
}

}  // namespace herald::service
