// SPDX-License-Identifier: Apache-2.0

#include "clients/cpp/timer_waker.h"

#include <mutex>
#include <thread>

#include "proto/contract/condition.h"
#include "proto/process/clock_steps.h"

// Makes gRPC check its timers again; null where there is no such function.
void grpc_kick_poller() __attribute__((weak));

namespace herald::client {
namespace {

class TimerWaker {
 public:
  TimerWaker() : thread_([this] { Run(); }) {}
  ~TimerWaker() {
    stop_.Notify();
    thread_.join();
  }

 private:
  void Run() {
    process::ClockSteps steps;
    while (!stop_.WaitForNotificationWithTimeout(absl::Seconds(1))) {
      if (!steps.Take()) continue;
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
