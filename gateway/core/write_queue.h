// SPDX-License-Identifier: Apache-2.0
//
// The sockets that were appended to, in the order in which turns write them:
// how one loop stays fair.
//
// Writing is what a loop does most, and a channel with ten thousand subscribers
// makes ten thousand writes due at once. Such bulk is written a few sockets a
// turn, the longest waiting first; all else is written at the end of the turn
// that brought it. So an answer, or the event of a small channel, waits for one
// turn and not for the bulk; and what is published meanwhile joins the frames
// that wait for the rest of the bulk, and leaves in the same gather write.
//
// Threads: its loop.
//
// Invariant: a socket is in the queue at most once.

#ifndef HERALD_GATEWAY_CORE_WRITE_QUEUE_H_
#define HERALD_GATEWAY_CORE_WRITE_QUEUE_H_

#include <cstdint>
#include <deque>
#include <vector>

#include "gateway/core/socket.h"

namespace herald::gateway {

// Sockets of the bulk that one turn writes. About half a millisecond.
inline constexpr int kBulkWritesPerTurn = 128;

class WriteQueue {
 public:
  enum class Lane : uint8_t { kNone, kSoon, kBulk };

  // A socket's place in the queue. Lives as long as the socket; take it out
  // with Remove() before.
  struct Place {
    Socket* socket = nullptr;
    uint32_t number = 0;
    Lane lane = Lane::kNone;
  };

  // The socket has something to write. One that waits in the bulk is moved, if
  // it is needed soon: all of it is written then.
  void Add(Place* place, Lane lane);

  void Remove(Place* place);

  // Ends a turn: flushes what is due, and some of the bulk. Socket::Flush()
  // changes nothing here.
  void Turn();

  // Whether another turn is due.
  bool empty() const { return soon_.empty() && bulk_.empty(); }

 private:
  static void Flush(Place* place);

  // nullptr where one was removed.
  std::vector<Place*> soon_;
  std::deque<Place*> bulk_;
  uint32_t bulk_front_ = 0;  // The number of the first one.
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_CORE_WRITE_QUEUE_H_
