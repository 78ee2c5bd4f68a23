// SPDX-License-Identifier: Apache-2.0
//
// The sockets that the end of a turn writes.

#include "gateway/socket/write_queue.h"

#include "gtest/gtest.h"
#include "tests/gateway/fakes.h"

namespace herald::gateway {
namespace {

struct Client {
  FakeSocket socket;
  WriteQueue::Entry entry{.socket = &socket};
};

TEST(AWriteQueue, WritesASocketOnceHoweverOftenItWasAdded) {
  WriteQueue queue;
  Client one;
  Client two;
  queue.Add(&one.entry);
  queue.Add(&two.entry);
  queue.Add(&one.entry);
  queue.Flush();
  EXPECT_EQ(one.socket.writes, 1);
  EXPECT_EQ(two.socket.writes, 1);
  queue.Flush();
  EXPECT_EQ(one.socket.writes, 1);
}

TEST(AWriteQueue, TakesASocketAgainInTheNextTurn) {
  WriteQueue queue;
  Client one;
  for (int turn = 1; turn <= 3; ++turn) {
    queue.Add(&one.entry);
    queue.Flush();
    EXPECT_EQ(one.socket.writes, turn);
  }
}

TEST(AWriteQueue, ForgetsARemovedSocket) {
  WriteQueue queue;
  Client one;
  Client two;
  Client none;
  queue.Add(&one.entry);
  queue.Add(&two.entry);
  queue.Remove(&one.entry);
  queue.Remove(&none.entry);
  queue.Flush();
  EXPECT_EQ(one.socket.writes, 0);
  EXPECT_EQ(two.socket.writes, 1);
  queue.Add(&one.entry);
  queue.Flush();
  EXPECT_EQ(one.socket.writes, 1);
}

}  // namespace
}  // namespace herald::gateway
