// SPDX-License-Identifier: Apache-2.0
//
// The promises to the core. Bodies notify the tests that they ran, and the
// tests wait for that within a bound.

#include "service/process/timer_thread.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/deadline.h"

namespace herald::service {
namespace {

using ::testing::ElementsAre;
using testing_support::WaitUntil;

TEST(TimerThread, RunsBodiesInTheOrderOfTheirTimes) {
  TimerThread timers;
  std::mutex mutex;
  std::vector<int> ran;
  const auto note = [&](int number) {
    return [&, number] {
      const std::lock_guard lock(mutex);
      ran.push_back(number);
    };
  };
  timers.After(absl::Milliseconds(600), note(3));
  timers.After(absl::Milliseconds(300), note(2));
  timers.After(absl::ZeroDuration(), note(1));

  EXPECT_TRUE(WaitUntil([&] {
    const std::lock_guard lock(mutex);
    return ran.size() == 3;
  }));
  const std::lock_guard lock(mutex);
  EXPECT_THAT(ran, ElementsAre(1, 2, 3));
}

TEST(TimerThread, HasAMonotonicTimeAndTheTimeOfDay) {
  TimerThread timers;
  EXPECT_LE(absl::AbsDuration(timers.TimeOfDay() - absl::Now()),
            absl::Seconds(10));
  // That of the system begins with its start.
  EXPECT_LE(absl::AbsDuration(timers.Now() - contract::SteadyNow()),
            absl::Seconds(10));
}

TEST(TimerThread, NeverRunsABodyEarly) {
  TimerThread timers;
  std::atomic<bool> ran = false;
  const absl::Time start = absl::Now();
  timers.After(absl::Milliseconds(50), [&] { ran = true; });

  EXPECT_TRUE(WaitUntil([&] { return ran.load(); }));
  EXPECT_GE(absl::Now() - start, absl::Milliseconds(50));
}

TEST(TimerThread, LetsABodyAskForTheNext) {
  TimerThread timers;
  std::atomic<int> count = 0;
  timers.After(absl::ZeroDuration(), [&] {
    ++count;
    timers.After(absl::ZeroDuration(), [&] { ++count; });
  });

  EXPECT_TRUE(WaitUntil([&] { return count == 2; }));
}

TEST(TimerThread, DropsWaitingTimersWhenItStops) {
  auto alive = std::make_shared<int>(0);
  const std::weak_ptr<int> watched = alive;
  TimerThread timers;
  std::atomic<bool> ran = false;
  timers.After(absl::Hours(1), [&ran, kept = std::move(alive)] { ran = true; });
  EXPECT_FALSE(watched.expired());

  timers.Stop();

  EXPECT_TRUE(watched.expired());
  timers.After(absl::ZeroDuration(), [&] { ran = true; });
  timers.Stop();
  EXPECT_FALSE(ran);
}

TEST(TimerThread, TakesForeverForAVeryLongTime) {
  TimerThread timers;
  std::atomic<bool> ran = false;
  timers.After(absl::InfiniteDuration(), [&] { ran = true; });
  std::atomic<bool> other = false;
  timers.After(absl::ZeroDuration(), [&] { other = true; });

  EXPECT_TRUE(WaitUntil([&] { return other.load(); }));
  EXPECT_FALSE(ran);
}

}  // namespace
}  // namespace herald::service
