// SPDX-License-Identifier: Apache-2.0

#include "gateway/subscriptions/tickets.h"

#include "gtest/gtest.h"

namespace herald::gateway {
namespace {

TEST(ATicket, NamesItsSubscriptionWhileItIsOpen) {
  Tickets tickets;
  Subscription one;
  one.ticket = 3;
  tickets.Add(&one);
  EXPECT_EQ(tickets.Find(3), &one);
  EXPECT_EQ(tickets.Find(4), nullptr);
  EXPECT_EQ(tickets.all().size(), 1u);
  tickets.Remove(3);
  EXPECT_EQ(tickets.Find(3), nullptr);
}

TEST(ATicket, IsAnsweredOnceAfterItWasCancelled) {
  Tickets tickets;
  tickets.Cancel(3, /*socket=*/12);
  EXPECT_EQ(tickets.TakeCancelled(4), std::nullopt);
  EXPECT_EQ(tickets.TakeCancelled(3), 12u);
  EXPECT_EQ(tickets.TakeCancelled(3), std::nullopt);
}

}  // namespace
}  // namespace herald::gateway
