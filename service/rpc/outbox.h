// SPDX-License-Identifier: Apache-2.0
//
// What waits for one peer: chunks in order, and how many of their bytes count
// against the bound. The state that a peer is told when it joins does not
// (core::Sink::EnqueueState()).
//
// Threads: none of its own; its owner locks.

#ifndef HERALD_SERVICE_RPC_OUTBOX_H_
#define HERALD_SERVICE_RPC_OUTBOX_H_

#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "service/core/sink.h"

namespace herald::rpc {

class Outbox {
 public:
  bool empty() const { return waiting_.empty(); }
  int64_t bytes() const { return bytes_; }

  // Whether a chunk that counts keeps the bound. One alone may be larger.
  bool HasRoomFor(const core::Chunk& chunk, int64_t bytes_max) const {
    const int64_t counted = bytes_ - state_bytes_;
    return counted == 0 || counted + SizeOf(chunk) <= bytes_max;
  }

  void Append(core::Chunk chunk, bool is_state) {
    bytes_ += SizeOf(chunk);
    if (is_state) state_bytes_ += SizeOf(chunk);
    waiting_.push_back({std::move(chunk), is_state});
  }

  // Moves the first chunk to `out`, and those behind it that together have at
  // most `bytes_max`. REQUIRES: it is not empty.
  void Take(int64_t bytes_max, std::vector<core::Chunk>& out) {
    int64_t taken = 0;
    do {
      Waiting& next = waiting_.front();
      taken += SizeOf(next.chunk);
      bytes_ -= SizeOf(next.chunk);
      if (next.is_state) state_bytes_ -= SizeOf(next.chunk);
      out.push_back(std::move(next.chunk));
      waiting_.pop_front();
    } while (!empty() && taken + SizeOf(waiting_.front().chunk) <= bytes_max);
  }

  void Clear() { *this = Outbox(); }

 private:
  struct Waiting {
    core::Chunk chunk;
    bool is_state = false;
  };

  static int64_t SizeOf(const core::Chunk& chunk) {
    return static_cast<int64_t>(chunk->size());
  }

  std::deque<Waiting> waiting_;
  int64_t bytes_ = 0;        // Of all.
  int64_t state_bytes_ = 0;  // Of these, outside of the bound.
};

}  // namespace herald::rpc

#endif  // HERALD_SERVICE_RPC_OUTBOX_H_
