// SPDX-License-Identifier: Apache-2.0

#include "service/core/idempotency_cache.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace herald::core {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1000);

TEST(AnIdempotencyCache, RemembersAKeyForFiveMinutes) {
  IdempotencyCache cache;
  EXPECT_EQ(cache.Find("news", "k", kNow), std::nullopt);
  cache.Remember("news", "k", 7, kNow);
  EXPECT_EQ(cache.Find("news", "k", kNow + absl::Seconds(299)), 7);
  EXPECT_EQ(cache.Find("news", "k", kNow + absl::Seconds(300)), std::nullopt);
  EXPECT_EQ(cache.size(), 0u);
}

TEST(AnIdempotencyCache, KeepsTheKeysOfChannelsApart) {
  IdempotencyCache cache;
  cache.Remember("a", "b c", 1, kNow);
  EXPECT_EQ(cache.Find("b", "b c", kNow), std::nullopt);
  EXPECT_EQ(cache.Find("a", "b", kNow), std::nullopt);
  EXPECT_EQ(cache.Find("a", "b c", kNow), 1);
}

TEST(AnIdempotencyCache, ForgetsTheOldestWhenItIsFull) {
  IdempotencyCache cache;
  for (size_t i = 0; i <= kIdempotencyKeysMax; ++i) {
    EXPECT_EQ(cache.Remember("news", absl::StrCat(i), 1, kNow),
              i == kIdempotencyKeysMax);
  }
  EXPECT_EQ(cache.size(), kIdempotencyKeysMax);
  EXPECT_EQ(cache.Find("news", "0", kNow), std::nullopt);
  EXPECT_EQ(cache.Find("news", "1", kNow), 1);
  EXPECT_FALSE(cache.Remember("news", "k", 1, kNow + kIdempotencyLife))
      << "all others were out of time";
}

}  // namespace
}  // namespace herald::core
