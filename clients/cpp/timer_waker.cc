// SPDX-License-Identifier: Apache-2.0

#include "clients/cpp/timer_waker.h"

#include <chrono>
#include <mutex>
#include <thread>

#include "proto/contract/condition.h"

// Has gRPC's timers looked at again; null where there is no such function.
void grpc_kick_poller() __attribute__((weak));

namespace herald::client {
namespace {

using Milliseconds = std::chrono::milliseconds;

// A smaller step makes no timer late enough to matter.
constexpr Milliseconds kStep{100};

// How far the time of day is ahead of the monotonic clock.
Milliseconds TimeOfDayAhead() {
  const auto since_epoch = [](auto now) {
    return std::chrono::duration_cast<Milliseconds>(now.time_since_epoch());
  };
  return since_epoch(std::chrono::system_clock::now()) -
         since_epoch(std::chrono::steady_clock::now());
}

class TimerWaker {
 public:
  TimerWaker() : thread_([this] { Run(); }) {}
  ~TimerWaker() {
    stop_.Notify();
    thread_.join();
  }

 private:
  void Run() {
    Milliseconds ahead = TimeOfDayAhead();
    while (!stop_.WaitForNotificationWithTimeout(absl::Seconds(1))) {
      const Milliseconds now_ahead = TimeOfDayAhead();
      if (std::chrono::abs(now_ahead - ahead) < kStep) continue;
      ahead = now_ahead;
      if (&grpc_kick_poller != nullptr) grpc_kick_poller();
    }
  }

  contract::Notification stop_;
  std::thread thread_;
};

}  // namespace

std::shared_ptr<void> WakeTimersAfterSteps() {
  static std::mutex mutex;
  static auto* const shared = new std::weak_ptr<TimerWaker>;
  const std::lock_guard<std::mutex> lock(mutex);
  std::shared_ptr<TimerWaker> waker = shared->lock();
  if (waker == nullptr) {
    waker = std::make_shared<TimerWaker>();
    *shared = waker;
  }
  return waker;
}

}  // namespace herald::client
