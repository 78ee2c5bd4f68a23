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
  WriteQueue::Place place{.socket = &socket};
};

TEST(AWriteQueue, WritesASocketOnceHoweverOftenItWasAdded) {
  WriteQueue queue;
  Client one;
  Client two;
  queue.Add(&one.place);
  queue.Add(&two.place);
  queue.Add(&one.place);
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
    queue.Add(&one.place);
    queue.Flush();
    EXPECT_EQ(one.socket.writes, turn);
  }
}

TEST(AWriteQueue, ForgetsARemovedSocket) {
  WriteQueue queue;
  Client one;
  Client two;
  Client none;
  queue.Add(&one.place);
  queue.Add(&two.place);
  queue.Remove(&one.place);
  queue.Remove(&none.place);
  queue.Flush();
  EXPECT_EQ(one.socket.writes, 0);
  EXPECT_EQ(two.socket.writes, 1);
  queue.Add(&one.place);
  queue.Flush();
  EXPECT_EQ(one.socket.writes, 1);
}

}  // namespace
}  // namespace herald::gateway
