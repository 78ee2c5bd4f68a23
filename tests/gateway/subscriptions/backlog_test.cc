// SPDX-License-Identifier: Apache-2.0
//
// The events that a large channel keeps for subscribers that lack them.

#include "gateway/subscriptions/backlog.h"

#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace herald::gateway {
namespace {

Frame FrameOf(const std::string& text) {
  return Frame(std::make_shared<const std::string>(text));
}

TEST(ABacklog, HasTheEventsBehindAPosition) {
  Backlog backlog(7);
  EXPECT_EQ(backlog.end(), 7);
  backlog.Append(FrameOf("one,"), 0);
  backlog.Append(FrameOf("two,"), 0);
  EXPECT_EQ(backlog.end(), 9);
  EXPECT_EQ(backlog.BytesFrom(7), "one,two,");
  EXPECT_EQ(backlog.BytesFrom(8), "two,");
  EXPECT_EQ(backlog.BytesFrom(9), "");
  ASSERT_EQ(backlog.EventsFrom(8).size(), 1);
  EXPECT_EQ(backlog.EventsFrom(8)[0].frame.bytes(), "two,");
}

TEST(ABacklog, KnowsExceptedSockets) {
  Backlog backlog(0);
  backlog.Append(FrameOf("all"), 0);
  backlog.Append(FrameOf("not 5"), 5);
  EXPECT_TRUE(backlog.Excepts(0, 5));
  EXPECT_FALSE(backlog.Excepts(2, 5));
  EXPECT_FALSE(backlog.Excepts(0, 6));
}

TEST(ABacklog, KeepsEventsFromAfterTheBeginningOfAPass) {
  Backlog backlog(0);
  backlog.Append(FrameOf("one,"), 5);
  backlog.Visit();
  backlog.Append(FrameOf("two,"), 0);
  backlog.Visit();
  EXPECT_EQ(backlog.visited(), 2);
  EXPECT_EQ(backlog.EndPass(), 1);
  EXPECT_EQ(backlog.visited(), 0);
  EXPECT_EQ(backlog.BytesFrom(1), "two,");
  EXPECT_EQ(backlog.size_bytes(), 4);
  EXPECT_FALSE(backlog.Excepts(1, 5));
  backlog.Append(FrameOf("three"), 0);
  EXPECT_EQ(backlog.BytesFrom(2), "three");
  backlog.Visit();
  EXPECT_EQ(backlog.EndPass(), 2);
  EXPECT_TRUE(backlog.empty());
  EXPECT_EQ(backlog.end(), 3);
}

TEST(ABacklog, NeedsNothingWithoutAListener) {
  Backlog backlog(0);
  backlog.Append(FrameOf("one"), 0);
  EXPECT_EQ(backlog.EndPass(), 1);
  EXPECT_TRUE(backlog.empty());
}

TEST(ABacklog, CountsOnWhereItsPositionsWrap) {
  Backlog backlog(std::numeric_limits<uint32_t>::max());
  backlog.Append(FrameOf("one,"), 0);
  backlog.Append(FrameOf("two,"), 0);
  EXPECT_EQ(backlog.end(), 1);
  EXPECT_EQ(backlog.BytesFrom(std::numeric_limits<uint32_t>::max()),
            "one,two,");
  EXPECT_EQ(backlog.BytesFrom(0), "two,");
  backlog.Clear();
  EXPECT_TRUE(backlog.empty());
  EXPECT_EQ(backlog.end(), 1);
}

}  // namespace
}  // namespace herald::gateway
