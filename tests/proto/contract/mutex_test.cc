// SPDX-License-Identifier: Apache-2.0

#include "proto/contract/mutex.h"

#include <thread>

#include "gtest/gtest.h"

namespace herald::contract {
namespace {

TEST(AMutex, IsHeldByTheThreadThatHasLockedIt) {
  Mutex mutex;
  MutexLock lock(&mutex);
  mutex.AssertHeld();
}

// A release has no room for the owner's name.
#ifndef NDEBUG
TEST(AMutexDeathTest, IsNotHeldBeforeAndAfter) {
  Mutex mutex;
  EXPECT_DEATH(mutex.AssertHeld(), "mutex.h");
  { MutexLock lock(&mutex); }
  EXPECT_DEATH(mutex.AssertHeld(), "mutex.h");
}

TEST(AMutexDeathTest, IsNotHeldByAnotherThread) {
  Mutex mutex;
  MutexLock lock(&mutex);
  const auto ask = [&] {
    std::thread other([&] { mutex.AssertHeld(); });
    other.join();
  };
  EXPECT_DEATH(ask(), "mutex.h");
}
#endif

}  // namespace
}  // namespace herald::contract
