// SPDX-License-Identifier: Apache-2.0

#include "service/link/revocation_memory.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace herald::core {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(10'000);

Chunk Text(const std::string& text) {
  return std::make_shared<const std::string>(text);
}

TEST(ARevocationMemory, HasAllSinceATimeOldestFirst) {
  RevocationMemory memory;
  memory.Add(kNow, Text("a"));
  memory.Add(kNow + absl::Seconds(10), Text("b"));
  memory.Add(kNow + absl::Seconds(20), Text("c"));
  const auto since =
      memory.Since(kNow + absl::Seconds(5), kNow + absl::Seconds(30));
  ASSERT_TRUE(since.has_value());
  ASSERT_EQ(since->size(), 2u);
  EXPECT_EQ(*since->at(0), "b");
  EXPECT_EQ(*since->at(1), "c");
}

TEST(ARevocationMemory, SaysWhenItDoesNotReachBackSoFar) {
  RevocationMemory memory;
  EXPECT_TRUE(memory.Since(kNow - absl::Minutes(9), kNow).has_value());
  EXPECT_FALSE(memory.Since(kNow - absl::Minutes(11), kNow).has_value());
}

TEST(ARevocationMemory, SaysWhenItHadToForgetForWantOfRoom) {
  RevocationMemory memory;
  for (size_t i = 0; i <= kRevocationsMax; ++i) {
    EXPECT_EQ(memory.Add(kNow + absl::Milliseconds(i), Text("x")),
              i == kRevocationsMax);
  }
  const absl::Time now = kNow + absl::Minutes(2);
  EXPECT_EQ(memory.size(), kRevocationsMax);
  EXPECT_FALSE(memory.Since(kNow, now).has_value());
  EXPECT_TRUE(memory.Since(kNow + absl::Milliseconds(1), now).has_value());
}

TEST(ARevocationMemory, ForgetsWhatIsTenMinutesOld) {
  RevocationMemory memory;
  memory.Add(kNow, Text("a"));
  memory.Add(kNow + absl::Minutes(10), Text("b"));
  EXPECT_EQ(memory.size(), 1u);
}

}  // namespace
}  // namespace herald::core
