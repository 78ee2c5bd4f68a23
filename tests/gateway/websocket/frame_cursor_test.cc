// SPDX-License-Identifier: Apache-2.0

#include "gateway/websocket/frame_cursor.h"

#include <string>

#include "gtest/gtest.h"
#include "tests/support/raw_socket.h"

namespace herald::gateway {
namespace {

using testing_support::ClientFrame;
using testing_support::kContinuation;
using testing_support::kPing;
using testing_support::kText;

TEST(AFrameCursor, IsInAMessageFromItsFirstByteToItsLast) {
  for (const size_t size : {0, 1, 125, 126, 127, 65535, 65536, 70000}) {
    const std::string frame = ClientFrame(kText, std::string(size, 'x'));
    FrameCursor cursor;
    EXPECT_FALSE(cursor.in_message());
    for (size_t i = 0; i + 1 < frame.size(); ++i) {
      ASSERT_FALSE(cursor.Move(frame.substr(i, 1)));
      ASSERT_TRUE(cursor.in_message()) << i << " of " << size;
    }
    EXPECT_TRUE(cursor.Move(frame.substr(frame.size() - 1)));
    EXPECT_FALSE(cursor.in_message()) << size;
  }
}

TEST(AFrameCursor, IsInAMessageBetweenItsFragments) {
  FrameCursor cursor;
  EXPECT_FALSE(cursor.Move(ClientFrame(kText, "", /*is_final=*/false)));
  EXPECT_TRUE(cursor.in_message());
  EXPECT_FALSE(cursor.Move(ClientFrame(kPing, "between")));
  EXPECT_TRUE(cursor.in_message());
  EXPECT_FALSE(cursor.Move(ClientFrame(kContinuation, "x", false)));
  EXPECT_TRUE(cursor.in_message());
  EXPECT_TRUE(cursor.Move(ClientFrame(kContinuation, "y")));
  EXPECT_FALSE(cursor.in_message());
}

TEST(AFrameCursor, CountsTheFragmentsThatEndNoMessage) {
  FrameCursor cursor;
  cursor.Move(ClientFrame(kText, "whole") + ClientFrame(kPing, ""));
  EXPECT_EQ(cursor.TakeFragments(), 0);
  cursor.Move(ClientFrame(kText, "", false) + ClientFrame(kPing, "") +
              ClientFrame(kContinuation, "", false));
  EXPECT_EQ(cursor.TakeFragments(), 2);
  EXPECT_EQ(cursor.TakeFragments(), 0);
  cursor.Move(ClientFrame(kContinuation, "xy", false).substr(0, 7));
  EXPECT_EQ(cursor.TakeFragments(), 0) << "it has not ended";
  cursor.Move("x");
  EXPECT_EQ(cursor.TakeFragments(), 1);
  cursor.Move(ClientFrame(kContinuation, "end"));
  EXPECT_EQ(cursor.TakeFragments(), 0);
}

TEST(AFrameCursor, SeesAnEndOnTheWayToTheNextMessage) {
  const std::string next = ClientFrame(kText, "next");
  for (const auto opcode : {kText, kPing}) {
    FrameCursor cursor;
    EXPECT_TRUE(cursor.Move(ClientFrame(opcode, "one") + next.substr(0, 3)));
    EXPECT_TRUE(cursor.in_message());
    EXPECT_FALSE(cursor.Move(next.substr(3, 2)));
    EXPECT_TRUE(cursor.Move(next.substr(5)));
    EXPECT_FALSE(cursor.in_message());
  }
}

TEST(AFrameCursor, IsTheSameHoweverTheBytesCome) {
  const std::string all =
      ClientFrame(kText, std::string(300, '\x01')) +
      ClientFrame(kPing, "\x01\x80") + ClientFrame(kText, "a", false) +
      ClientFrame(kContinuation, "") + ClientFrame(kText, "", false);
  for (size_t piece = 1; piece <= all.size(); ++piece) {
    FrameCursor cursor;
    int ends = 0;
    for (size_t at = 0; at < all.size(); at += piece) {
      ends += cursor.Move(all.substr(at, piece));
    }
    EXPECT_TRUE(cursor.in_message()) << piece;
    EXPECT_GE(ends, 1);
    cursor.Move(ClientFrame(kContinuation, ""));
    EXPECT_FALSE(cursor.in_message()) << piece;
  }
}

// Beast ends such a connection; the cursor must only stay within bounds.
TEST(AFrameCursor, AcceptsAnyAnnouncedLength) {
  FrameCursor cursor;
  cursor.Move(std::string("\x81\xFF", 2) + std::string(8, '\xFF') + "mask");
  for (int i = 0; i < 100; ++i) cursor.Move(std::string(10'000, 'x'));
  EXPECT_TRUE(cursor.in_message());
}

}  // namespace
}  // namespace herald::gateway
