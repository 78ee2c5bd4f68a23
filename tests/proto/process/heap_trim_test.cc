// SPDX-License-Identifier: Apache-2.0

#include "proto/process/heap_trim.h"

#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace herald::process {
namespace {

constexpr int64_t kMebibyte = 1 << 20;

using Block = std::unique_ptr<char[]>;

TEST(AHeap, IsWorthTrimmingIfMuchOfItIsFree) {
  EXPECT_FALSE(IsWorthTrimming({100 * kMebibyte, 10 * kMebibyte}));
  EXPECT_TRUE(IsWorthTrimming({100 * kMebibyte, 40 * kMebibyte}));
  EXPECT_FALSE(IsWorthTrimming({1000 * kMebibyte, 40 * kMebibyte}));
  EXPECT_TRUE(IsWorthTrimming({1000 * kMebibyte, 300 * kMebibyte}));
}

// The heap after a flood of messages: holes between blocks that stay.
std::vector<Block> FloodAndKeepSome(int64_t bytes) {
  constexpr int64_t kBlock = 60'000;
  std::vector<Block> flood;
  std::vector<Block> kept;
  for (int64_t i = 0; i < bytes / kBlock; ++i) {
    flood.push_back(std::make_unique<char[]>(kBlock));
    kept.push_back(std::make_unique<char[]>(100));
  }
  return kept;
}

TEST(AHeap, IsGivenBackAfterAFlood) {
  const HeapTrim trim(absl::Milliseconds(20));
  const int64_t before = ReadHeap().resident_bytes;
  const std::vector<Block> kept = FloodAndKeepSome(200 * kMebibyte);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (ReadHeap().resident_bytes > before + 20 * kMebibyte) {
    ASSERT_LT(std::chrono::steady_clock::now(), end)
        << ReadHeap().resident_bytes << " bytes stay";
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

TEST(AHeap, StaysWithTheProcessOtherwise) {
  const int64_t before = ReadHeap().resident_bytes;
  const std::vector<Block> kept = FloodAndKeepSome(200 * kMebibyte);
  EXPECT_GT(ReadHeap().resident_bytes, before + 100 * kMebibyte);
  EXPECT_TRUE(IsWorthTrimming(ReadHeap()));
}

}  // namespace
}  // namespace herald::process
