// SPDX-License-Identifier: Apache-2.0

#include "service/memory/recent_items.h"

#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "service/engine/node_bus.h"

namespace herald::core {
namespace {

const absl::Time kRecordedAt = absl::FromUnixSeconds(10'000);

Chunk Text(const std::string& text) {
  return std::make_shared<const std::string>(text);
}

TEST(RecentItems, AreThoseOfAnAgeOldestFirst) {
  RecentItems items;
  items.Add(kRecordedAt, Text("a"));
  items.Add(kRecordedAt + absl::Seconds(10), Text("b"));
  items.Add(kRecordedAt + absl::Seconds(20), Text("c"));
  const auto within =
      items.Within(absl::Seconds(25), kRecordedAt + absl::Seconds(30));
  ASSERT_TRUE(within.ok()) << within.status();
  ASSERT_EQ(within->size(), 2u);
  EXPECT_EQ(*within->at(0), "b");
  EXPECT_EQ(*within->at(1), "c");
}

TEST(RecentItems, ReportThatTheyDoNotReachBackSoFar) {
  RecentItems items;
  EXPECT_TRUE(items.Within(absl::Minutes(9), kRecordedAt).ok());
  EXPECT_TRUE(absl::IsOutOfRange(
      items.Within(absl::Minutes(11), kRecordedAt).status()));
}

TEST(RecentItems, ReportThatSomeWereDropped) {
  RecentItems items;
  for (size_t i = 0; i <= kRecordsMax; ++i) {
    EXPECT_EQ(items.Add(kRecordedAt + absl::Milliseconds(i), Text("x")),
              i == kRecordsMax);
  }
  const absl::Time now = kRecordedAt + absl::Minutes(2);
  EXPECT_EQ(items.size(), kRecordsMax);
  EXPECT_FALSE(items.Within(absl::Minutes(2), now).ok());
  EXPECT_TRUE(items.Within(absl::Minutes(2) - absl::Milliseconds(1), now).ok());
}

TEST(RecentItems, GoWhenTheyAreTenMinutesOld) {
  RecentItems items;
  items.Add(kRecordedAt, Text("a"));
  items.Add(kRecordedAt + absl::Minutes(10), Text("b"));
  EXPECT_EQ(items.size(), 1u);
}

}  // namespace
}  // namespace herald::core
