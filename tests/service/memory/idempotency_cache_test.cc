// SPDX-License-Identifier: Apache-2.0

#include "service/memory/idempotency_cache.h"

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace herald::core {
namespace {

const absl::Time kUsedAt = absl::FromUnixSeconds(1000);

// The subscribers that a key was answered with.
std::optional<int64_t> Find(IdempotencyCache& cache, const std::string& channel,
                            const std::string& key, absl::Time now) {
  const auto answer = cache.Find(channel, key, now);
  if (!answer.has_value()) return std::nullopt;
  return answer->subscribers;
}

bool Remember(IdempotencyCache& cache, const std::string& channel,
              const std::string& key, int64_t subscribers, absl::Time now,
              absl::Duration life = kIdempotencyLife) {
  return cache.Remember(channel, key, {{"e", 5}, subscribers}, life, now);
}

TEST(AnIdempotencyCache, RemembersAnAnswerForItsLife) {
  IdempotencyCache cache;
  EXPECT_EQ(Find(cache, "news", "k", kUsedAt), std::nullopt);
  Remember(cache, "news", "k", 7, kUsedAt);
  EXPECT_EQ(Find(cache, "news", "k", kUsedAt + absl::Seconds(299)), 7);
  EXPECT_EQ(cache.Find("news", "k", kUsedAt)->position, (Position{"e", 5}));
  EXPECT_EQ(Find(cache, "news", "k", kUsedAt + absl::Seconds(300)),
            std::nullopt);
  EXPECT_EQ(cache.size(), 0u);
}

TEST(AnIdempotencyCache, RemembersEachForItsOwnLife) {
  IdempotencyCache cache;
  Remember(cache, "news", "long", 1, kUsedAt, absl::Hours(1));
  Remember(cache, "news", "short", 2, kUsedAt, absl::Minutes(5));
  const absl::Time later = kUsedAt + absl::Minutes(59);
  EXPECT_EQ(Find(cache, "news", "short", later), std::nullopt);
  EXPECT_EQ(Find(cache, "news", "long", later), 1);
  EXPECT_EQ(cache.size(), 1u);
}

TEST(AnIdempotencyCache, KeepsTheKeysOfChannelsApart) {
  IdempotencyCache cache;
  Remember(cache, "a", "b c", 1, kUsedAt);
  EXPECT_EQ(Find(cache, "b", "b c", kUsedAt), std::nullopt);
  EXPECT_EQ(Find(cache, "a", "b", kUsedAt), std::nullopt);
  EXPECT_EQ(Find(cache, "a", "b c", kUsedAt), 1);
}

TEST(AnIdempotencyCache, ForgetsTheFirstToExpireWhenItIsFull) {
  IdempotencyCache cache;
  for (size_t i = 0; i <= kIdempotencyKeysMax; ++i) {
    // Each ends a little later than the one before.
    EXPECT_EQ(Remember(cache, "news", absl::StrCat(i), 1,
                       kUsedAt + absl::Microseconds(static_cast<int64_t>(i))),
              i == kIdempotencyKeysMax);
  }
  EXPECT_EQ(cache.size(), kIdempotencyKeysMax);
  EXPECT_EQ(Find(cache, "news", "0", kUsedAt), std::nullopt);
  EXPECT_EQ(Find(cache, "news", "1", kUsedAt), 1);
  EXPECT_FALSE(Remember(cache, "news", "k", 1,
                        kUsedAt + kIdempotencyLife + absl::Seconds(1)))
      << "all others were out of time";
}

}  // namespace
}  // namespace herald::core
