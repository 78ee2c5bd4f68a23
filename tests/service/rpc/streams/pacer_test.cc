// SPDX-License-Identifier: Apache-2.0
//
// The promises to writers.

#include "service/rpc/streams/pacer.h"

#include <atomic>
#include <functional>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/deadline.h"

namespace herald::rpc {
namespace {

using ::testing::ElementsAre;
using testing_support::WaitUntil;

TEST(APacer, RunsEachBodyOnceAndInOrder) {
  std::vector<int> ran;
  {
    Pacer pacer;
    for (int i = 0; i < 3; ++i) {
      pacer.AtNextBeat([&ran, i] { ran.push_back(i); });
    }
  }
  EXPECT_THAT(ran, ElementsAre(0, 1, 2));
}

TEST(APacer, LetsABodyWaitForABeatAfterAPause) {
  Pacer pacer;
  for (int i = 0; i < 20; ++i) {
    std::this_thread::sleep_for(5 * Pacer::kBeat);
    const auto asked = Pacer::Clock::now();
    std::atomic<bool> ran = false;
    Pacer::Clock::time_point then;
    pacer.AtNextBeat([&] {
      then = Pacer::Clock::now();
      ran = true;
    });
    ASSERT_TRUE(WaitUntil([&] { return ran.load(); }));
    EXPECT_GE(then - asked, Pacer::kBeat);
  }
}

TEST(APacer, LetsABodyAskForTheNextBeat) {
  Pacer pacer;
  std::atomic<int> count = 0;
  std::function<void()> body = [&] {
    if (++count < 50) pacer.AtNextBeat(body);
  };
  pacer.AtNextBeat(body);
  EXPECT_TRUE(WaitUntil([&] { return count.load() == 50; }));
}

TEST(APacer, RunsWaitingTasksBeforeItEnds) {
  std::atomic<int> count = 0;
  for (int i = 0; i < 100; ++i) {
    Pacer pacer;
    pacer.AtNextBeat([&] {
      ++count;
      pacer.AtNextBeat([&] { ++count; });
    });
  }
  EXPECT_EQ(count.load(), 200);
}

TEST(APacer, DetectsEarlyCalls) {
  EXPECT_TRUE(Pacer::IsEarly(Pacer::Clock::now() + Pacer::kBeat));
  EXPECT_FALSE(Pacer::IsEarly(Pacer::Clock::now() - Pacer::kBeat));
  EXPECT_FALSE(Pacer::IsEarly(Pacer::Clock::time_point()));
}

}  // namespace
}  // namespace herald::rpc
