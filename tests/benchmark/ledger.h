// SPDX-License-Identifier: Apache-2.0
//
// The published messages and their receivers. Every subscriber of a channel
// must receive every message of it, once, in order; anything else is a Failure
// at once. A message that never comes is noticed by the caller that waits for
// open() to fall.
//
// Each socket has one channel for life. Threads: one.

#ifndef HERALD_TESTS_BENCHMARK_LEDGER_H_
#define HERALD_TESTS_BENCHMARK_LEDGER_H_

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "tests/benchmark/stamp.h"

namespace herald::benchmark {

class Ledger {
 public:
  // Channel numbers, by number of the socket.
  explicit Ledger(std::vector<int> channel_of_socket);

  // Notes one more message of a channel; returns its sequence number. A channel
  // without sockets is a Failure: no receiver would ever finish the message.
  int64_t Publish(int channel);

  // Notes that `socket` has received a message. Returns whether it was the last
  // to receive it.
  bool Deliver(int socket, const Stamp& stamp);

  // Messages that some socket has still to receive.
  int64_t open() const { return open_; }
  int64_t deliveries() const { return deliveries_; }

  // The sockets that miss messages, for a Failure.
  std::string Missing() const;

 private:
  struct Channel {
    int subscribers = 0;
    int64_t first = 0;        // Sequence number of waiting.front().
    std::deque<int> waiting;  // Subscribers that wait, by message.
    int64_t next() const {
      return first + static_cast<int64_t>(waiting.size());
    }
  };
  struct Socket {
    int channel = 0;
    int64_t next = 0;  // The sequence number that it must receive next.
  };

  std::vector<Socket> sockets_;
  std::vector<Channel> channels_;
  int64_t open_ = 0;
  int64_t deliveries_ = 0;
};

}  // namespace herald::benchmark

#endif  // HERALD_TESTS_BENCHMARK_LEDGER_H_
