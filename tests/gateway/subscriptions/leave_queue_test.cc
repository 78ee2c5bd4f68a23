// SPDX-License-Identifier: Apache-2.0

#include "gateway/subscriptions/leave_queue.h"

#include "gtest/gtest.h"

namespace herald::gateway {
namespace {

TEST(ALeaveQueue, KeepsTheOrderOfItsEntries) {
  LeaveQueue queue;
  EXPECT_TRUE(queue.empty());
  queue.AddRevoked(1, "moved");
  link::v1::CallResult result;
  result.set_call_id(5);
  queue.Add(result);
  queue.AddRevoked(2, "moved");
  queue.AddRevoked(3, "expired");
  ASSERT_EQ(queue.leavers().size(), 3u);
  EXPECT_TRUE(queue.leavers()[0].is_revoked);
  EXPECT_EQ(queue.leavers()[1].result.call_id(), 5);
  EXPECT_TRUE(queue.leavers()[2].is_revoked);
  ASSERT_EQ(queue.revoked().size(), 2u);
  EXPECT_EQ(queue.revoked()[0].tickets, std::deque<int64_t>({1, 2}));
  EXPECT_EQ(queue.revoked()[1].tickets, std::deque<int64_t>({3}));
}

TEST(ALeaveQueue, KnowsTheReasonOfEachRevocationUntilItHasEnded) {
  Tickets tickets;
  Subscription one;
  one.ticket = 1;
  Subscription two;
  two.ticket = 2;
  tickets.Add(&one);
  tickets.Add(&two);
  LeaveQueue queue;
  const uint32_t moved = queue.AddRevoked(1, "moved");
  EXPECT_FALSE(queue.PopRevoked(tickets)) << "its ticket has not ended";
  tickets.Remove(1);
  const uint32_t expired = queue.AddRevoked(2, "expired");
  EXPECT_EQ(queue.ReasonOf(moved), "moved");
  EXPECT_TRUE(queue.PopRevoked(tickets));
  EXPECT_EQ(queue.ReasonOf(expired), "expired");
  tickets.Remove(2);
  EXPECT_TRUE(queue.PopRevoked(tickets));
  EXPECT_TRUE(queue.empty());
  const uint32_t again = queue.AddRevoked(3, "moved");
  EXPECT_EQ(queue.ReasonOf(again), "moved");
}

TEST(ALeaveQueue, GivesItsEntriesAway) {
  LeaveQueue queue;
  queue.Add(nullptr, "come back");
  EXPECT_EQ(queue.Pop().goodbye, "come back");
  EXPECT_TRUE(queue.empty());
}

}  // namespace
}  // namespace herald::gateway
