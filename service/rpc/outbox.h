// SPDX-License-Identifier: Apache-2.0
//
// What waits for one peer: chunks in order, and how many of their bytes count
// against the bound. The state that a peer is told when it joins does not, nor
// does what it missed (core::Sink::EnqueueState(), EnqueueMissed()).
//
// And what a stream is told of it.
//
// Threads: none of its own; its owner locks.

#ifndef HERALD_SERVICE_RPC_OUTBOX_H_
#define HERALD_SERVICE_RPC_OUTBOX_H_

#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "service/core/sink.h"
#include "service/rpc/pacer.h"

namespace herald::rpc {

struct SinkOptions {
  // What may wait, beside the state. One chunk on an empty outbox may be
  // larger.
  int64_t outbox_bytes_max = 0;

  // Chunks are joined into frames of at most so many bytes, or of one larger
  // chunk; 0: every chunk is a message of its own.
  int64_t frame_bytes_max = 0;

  // The message of RESOURCE_EXHAUSTED.
  const char* overflow = "";

  // Paces the writes, if there is one. It outlives the server.
  Pacer* pacer = nullptr;
};

class Outbox {
 public:
  bool empty() const { return waiting_.empty(); }
  int64_t bytes() const { return bytes_; }

  // Whether a chunk that counts keeps the bound. One alone may be larger.
  bool HasRoomFor(const core::Chunk& chunk, int64_t bytes_max) const {
    const int64_t counted = bytes_ - state_bytes_;
    return counted == 0 || counted + SizeOf(chunk) <= bytes_max;
  }

  enum class Kind { kCounted, kState, kMissed };
  void Append(core::Chunk chunk, Kind kind) {
    bytes_ += SizeOf(chunk);
    if (kind != Kind::kCounted) state_bytes_ += SizeOf(chunk);
    waiting_.push_back({std::move(chunk), kind});
  }

  // Moves the first chunk to `out`, and those behind it that together have at
  // most `bytes_max`. Returns whether they are what was missed: all of them or
  // none. REQUIRES: it is not empty.
  bool Take(int64_t bytes_max, std::vector<core::Chunk>& out) {
    const bool missed = IsMissed();
    int64_t taken = 0;
    do {
      Waiting& next = waiting_.front();
      taken += SizeOf(next.chunk);
      bytes_ -= SizeOf(next.chunk);
      if (next.kind != Kind::kCounted) state_bytes_ -= SizeOf(next.chunk);
      out.push_back(std::move(next.chunk));
      waiting_.pop_front();
    } while (!empty() && IsMissed() == missed &&
             taken + SizeOf(waiting_.front().chunk) <= bytes_max);
    return missed;
  }

  void Clear() { *this = Outbox(); }

 private:
  struct Waiting {
    core::Chunk chunk;
    Kind kind = Kind::kCounted;
  };

  bool IsMissed() const { return waiting_.front().kind == Kind::kMissed; }

  static int64_t SizeOf(const core::Chunk& chunk) {
    return static_cast<int64_t>(chunk->size());
  }

  std::deque<Waiting> waiting_;
  int64_t bytes_ = 0;        // Of all.
  int64_t state_bytes_ = 0;  // Of these, outside of the bound.
};

}  // namespace herald::rpc

#endif  // HERALD_SERVICE_RPC_OUTBOX_H_
