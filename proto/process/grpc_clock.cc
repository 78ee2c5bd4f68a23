// SPDX-License-Identifier: Apache-2.0

#include "proto/process/grpc_clock.h"

#include <time.h>

#include <atomic>
#include <cstdint>

#include "absl/time/time.h"
#include "grpc/support/time.h"
#include "proto/contract/mutex.h"
#include "proto/process/clock_steps.h"

// gRPC's internals; null if this gRPC has none. gpr_now() calls the first; the
// second wakes its timers.
extern gpr_timespec (*gpr_now_impl)(gpr_clock_type) __attribute__((weak));
void grpc_kick_poller() __attribute__((weak));

namespace herald::process {
namespace {

constexpr int64_t kNanos = 1'000'000'000;

// How often the clock is read at least. A process that has not read it for
// kGapMax was paused.
constexpr int64_t kClockBeat = kNanos / 4;
constexpr int64_t kGapMax = kNanos;

gpr_timespec (*before)(gpr_clock_type) = nullptr;

// When the clock was read, rarely older than kNoteAfter, and how long all
// pauses took together.
constexpr int64_t kNoteAfter = kNanos / 20;
std::atomic<int64_t> last_read{0};
std::atomic<int64_t> away{0};
contract::Mutex pause_mu;

int64_t SteadyNanos() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * kNanos + now.tv_nsec;
}

void NotePause(int64_t now) {
  contract::MutexLock lock(&pause_mu);
  const int64_t gap = now - last_read.load();
  if (gap <= kGapMax) return;  // Another thread has noted it.
  // A part of it counts, so that the clock never goes back.
  away.store(away.load() + gap - kClockBeat);
  last_read.store(now);
}

// Monotonic, without the pauses.
int64_t AwakeNow() {
  const int64_t now = SteadyNanos();
  const int64_t gap = now - last_read.load(std::memory_order_acquire);
  if (gap > kGapMax) {
    NotePause(now);
  } else if (gap > kNoteAfter) {
    last_read.store(now, std::memory_order_release);
  }
  return now - away.load(std::memory_order_acquire);
}

gpr_timespec Now(gpr_clock_type clock) {
  if (clock != GPR_CLOCK_MONOTONIC) return before(clock);
  const int64_t now = AwakeNow();
  return {now / kNanos, static_cast<int32_t>(now % kNanos), clock};
}

}  // namespace

GrpcClock::GrpcClock() {
  last_read = SteadyNanos();
  if (&gpr_now_impl != nullptr && before == nullptr) {
    before = gpr_now_impl;
    gpr_now_impl = Now;
  }
  thread_ = std::thread([this] { Run(); });
}

GrpcClock::~GrpcClock() {
  stop_.Notify();
  thread_.join();
}

void GrpcClock::Run() {
  ClockSteps steps;
  while (!stop_.WaitForNotificationWithTimeout(absl::Nanoseconds(kClockBeat))) {
    AwakeNow();
    // Its timers sleep until a time of day, which may have been set since. To
    // wake them costs a tenth of a percent of a core.
    if (!steps.Take()) continue;
    if (&grpc_kick_poller != nullptr) grpc_kick_poller();
  }
}

}  // namespace herald::process
