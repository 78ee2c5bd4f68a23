// SPDX-License-Identifier: Apache-2.0

#include "tests/end_to_end/chaos/order_book.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/end_to_end/chaos/failure.h"

namespace herald::chaos {
namespace {

constexpr MessageId kA{1, 1}, kB{2, 1}, kC{3, 1}, kD{4, 1};

bool Never(MessageId /*id*/) { return false; }

TEST(AnOrderBook, AcceptsSequencesThatOneOrderExplains) {
  OrderBook book;
  book.Add("c", {kA, kB, kD});
  book.Add("c", {kB, kC, kD});
  book.Add("c", {kA, kC});
  EXPECT_NO_THROW(book.Check(Never));
}

TEST(AnOrderBook, RefusesSequencesThatNoOrderExplains) {
  OrderBook book;
  book.Add("c", {kA, kB});
  book.Add("c", {kD, kB, kA});
  EXPECT_THROW(book.Check(Never), Failure);
}

TEST(AnOrderBook, SeesACircleOfSeveral) {
  OrderBook book;
  book.Add("c", {kA, kB});
  book.Add("c", {kB, kC});
  book.Add("c", {kC, kA});
  EXPECT_THROW(book.Check(Never), Failure);
}

TEST(AnOrderBook, KeepsChannelsApart) {
  OrderBook book;
  book.Add("c", {kA, kB});
  book.Add("d", {kB, kA});
  EXPECT_NO_THROW(book.Check(Never));
}

TEST(AnOrderBook, LeavesOutRepeatedMessages) {
  OrderBook book;
  book.Add("c", {kA, kB, kC});
  book.Add("c", {kB, kA, kC});
  const auto is_a = [](MessageId id) { return id == kA; };
  EXPECT_NO_THROW(book.Check(is_a));
  book.Add("c", {kC, kA, kB});
  EXPECT_THROW(book.Check(is_a), Failure);
}

}  // namespace
}  // namespace herald::chaos
