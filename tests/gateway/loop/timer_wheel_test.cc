// SPDX-License-Identifier: Apache-2.0

#include "gateway/loop/timer_wheel.h"

#include <functional>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace herald::gateway {
namespace {

const absl::Time kWheelStart = absl::FromUnixSeconds(1000);

class Probe final : public Timer {
 public:
  explicit Probe(std::function<void()> body) : body_(std::move(body)) {}
  void OnTimer() override { body_(); }

 private:
  std::function<void()> body_;
};

TEST(ATimer, IsNeverEarlyAndAtMostTwoSlotsLate) {
  std::mt19937 random(4711);
  std::uniform_int_distribution<int> delay_ms(0, 120'000);  // Over one round.
  TimerWheel wheel(kWheelStart);
  std::vector<std::unique_ptr<Probe>> probes;
  int fired = 0;
  for (int i = 0; i < 2000; ++i) {
    const absl::Time due = kWheelStart + absl::Milliseconds(delay_ms(random));
    probes.push_back(std::make_unique<Probe>([&wheel, &fired, due] {
      ++fired;
      EXPECT_GE(wheel.now(), due);
      EXPECT_LE(wheel.now(), due + 2 * TimerWheel::kSlot);
    }));
    wheel.Set(probes.back().get(), due);
  }
  for (absl::Time now = kWheelStart; now < kWheelStart + absl::Seconds(121);
       now += TimerWheel::kSlot) {
    wheel.Advance(now);
  }
  EXPECT_EQ(fired, 2000);
}

TEST(ATimer, FiresOnceUnlessItIsSetAgain) {
  TimerWheel wheel(kWheelStart);
  int fired = 0;
  Probe once([&] { ++fired; });
  wheel.Set(&once, kWheelStart + absl::Seconds(1));
  wheel.Advance(kWheelStart + absl::Seconds(200));
  EXPECT_EQ(fired, 1);
  EXPECT_FALSE(once.is_set());
}

TEST(ATimer, MaySetItselfAgain) {
  TimerWheel wheel(kWheelStart);
  int fired = 0;
  std::unique_ptr<Probe> again;
  again = std::make_unique<Probe>([&] {
    if (++fired < 3) wheel.Set(again.get(), wheel.now() + absl::Seconds(1));
  });
  wheel.Set(again.get(), kWheelStart + absl::Seconds(1));
  for (int i = 1; i <= 10; ++i) wheel.Advance(kWheelStart + absl::Seconds(i));
  EXPECT_EQ(fired, 3);
}

TEST(ATimer, DoesNotFireWhenCancelledOrDestroyed) {
  TimerWheel wheel(kWheelStart);
  int fired = 0;
  Probe cancelled([&] { ++fired; });
  wheel.Set(&cancelled, kWheelStart + absl::Seconds(1));
  cancelled.Cancel();
  {
    Probe gone([&] { ++fired; });
    wheel.Set(&gone, kWheelStart + absl::Seconds(1));
  }
  wheel.Advance(kWheelStart + absl::Seconds(5));
  EXPECT_EQ(fired, 0);
}

TEST(ATimer, MayCancelOthersThatAreDueAtTheSameTime) {
  TimerWheel wheel(kWheelStart);
  int fired = 0;
  std::vector<std::unique_ptr<Probe>> probes;
  for (int i = 0; i < 3; ++i) {
    probes.push_back(std::make_unique<Probe>([&] {
      ++fired;
      for (auto& probe : probes) probe->Cancel();
    }));
    wheel.Set(probes.back().get(), kWheelStart + absl::Seconds(1));
  }
  wheel.Advance(kWheelStart + absl::Seconds(5));
  EXPECT_EQ(fired, 1);
}

TEST(ATimer, CanBeMovedBothWays) {
  TimerWheel wheel(kWheelStart);
  int fired = 0;
  Probe probe([&] { ++fired; });
  wheel.Set(&probe, kWheelStart + absl::Seconds(10));
  wheel.Set(&probe, kWheelStart + absl::Seconds(1));
  wheel.Advance(kWheelStart + absl::Seconds(2));
  EXPECT_EQ(fired, 1);
  wheel.Set(&probe, kWheelStart + absl::Seconds(3));
  wheel.Set(&probe, kWheelStart + absl::Seconds(9));
  wheel.Advance(kWheelStart + absl::Seconds(5));
  EXPECT_EQ(fired, 1);
}

TEST(ATimerWheel, IgnoresTimeThatRunsBackwards) {
  TimerWheel wheel(kWheelStart);
  wheel.Advance(kWheelStart + absl::Seconds(5));
  wheel.Advance(kWheelStart);
  EXPECT_EQ(wheel.now(), kWheelStart + absl::Seconds(5));
}

TEST(ATimerWheel, MayGoBeforeItsTimers) {
  Probe probe([] { FAIL() << "fired without a wheel"; });
  {
    TimerWheel wheel(kWheelStart);
    wheel.Set(&probe, kWheelStart + absl::Seconds(1));
  }
  EXPECT_FALSE(probe.is_set());
}

}  // namespace
}  // namespace herald::gateway
