// SPDX-License-Identifier: Apache-2.0

#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "proto/contract/mutex.h"

namespace herald::contract {
namespace {

TEST(Once, RunsTheFirstBodyOnly) {
  Once once;
  int ran = 0;
  once.Run([&] { ran = 1; });
  once.Run([&] { ran = 2; });
  EXPECT_EQ(ran, 1);
}

TEST(Once, ShowsItsEffectsToEveryThread) {
  for (int round = 0; round < 200; ++round) {
    Once once;
    int ran = 0;  // Not atomic: a race would be ThreadSanitizer's to find.
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i) {
      threads.emplace_back([&] {
        once.Run([&] { ++ran; });
        EXPECT_EQ(ran, 1);
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
}

}  // namespace
}  // namespace herald::contract
