// SPDX-License-Identifier: Apache-2.0
//
// The queue of one peer: chunks in order, and the bytes that count against each
// bound. The state that a joining peer receives, with the publications that it
// missed, has a bound of its own (core::Sink::EnqueueState(), EnqueueMissed()).
// So have member changes (EnqueueMembers()). Whispers may take half of the
// bound (EnqueueWhisper()). Every kind has a bound.
//
// And the options of a stream with such a queue.
//
// Threads: none of its own; its owner locks.

#ifndef HERALD_SERVICE_RPC_STREAMS_STREAM_OUTBOX_H_
#define HERALD_SERVICE_RPC_STREAMS_STREAM_OUTBOX_H_

#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "proto/contract/limits.h"
#include "service/channel/sink.h"
#include "service/channel/timers.h"
#include "service/gateways/link_bytes.h"
#include "service/rpc/streams/pacer.h"

namespace herald::rpc {

struct SinkOptions {
  // The bytes that may wait, beside the state. One chunk on an empty outbox may
  // be larger.
  int64_t outbox_bytes_max = 0;

  // The same for member changes: enough for a large channel to lose all its
  // members in one step.
  int64_t members_bytes_max = 2 * contract::kMembersBytesMax;

  // The same for the state and missed publications; no chunk may be larger.
  int64_t state_bytes_max = 0;

  // Chunks are joined into frames of at most this many bytes, or of one larger
  // chunk; 0: every chunk is a message of its own.
  int64_t frame_bytes_max = 0;

  // The message of RESOURCE_EXHAUSTED.
  const char* overflow = "";

  // Paces the writes, if there is one. It outlives the server.
  Pacer* pacer = nullptr;

  // A keepalive is written after this time without a write; 0: never. The
  // timers outlive the server.
  core::Timers* timers = nullptr;
  absl::Duration keepalive_interval = absl::ZeroDuration();

  // Counts the state, too, if there is one.
  core::LinkBytes::AccountPtr account = nullptr;
};

class StreamOutbox {
 public:
  bool empty() const { return waiting_.empty(); }
  int64_t bytes() const { return bytes_; }
  int64_t state_bytes() const { return state_bytes_; }

  enum class Kind { kCounted, kWhisper, kMembers, kState, kMissed };

  // Whether a chunk fits within the bound of its kind. One counted chunk or
  // whisper alone may be larger.
  bool HasRoomFor(const std::string& chunk, Kind kind,
                  const SinkOptions& options) const {
    const auto size = static_cast<int64_t>(chunk.size());
    if (kind == Kind::kMembers) {
      return members_bytes_ + size <= options.members_bytes_max;
    }
    if (kind == Kind::kState || kind == Kind::kMissed) {
      return state_bytes_ + size <= options.state_bytes_max;
    }
    const int64_t counted = bytes_ - state_bytes_ - members_bytes_;
    const int64_t bytes_max = kind == Kind::kWhisper
                                  ? options.outbox_bytes_max / 2
                                  : options.outbox_bytes_max;
    return counted == 0 || counted + size <= bytes_max;
  }

  void Append(core::Chunk chunk, Kind kind) {
    Count(kind, SizeOf(chunk));
    waiting_.push_back({std::move(chunk), kind});
  }

  // Moves the first chunk to `out`, and the next ones while all have at most
  // `bytes_max` together. Returns whether they are missed publications: all of
  // them or none. REQUIRES: it is not empty.
  bool Take(int64_t bytes_max, std::vector<core::Chunk>& out) {
    const bool missed = IsMissed();
    int64_t taken = 0;
    do {
      QueuedChunk& next = waiting_.front();
      taken += SizeOf(next.chunk);
      Count(next.kind, -SizeOf(next.chunk));
      out.push_back(std::move(next.chunk));
      waiting_.pop_front();
    } while (!empty() && IsMissed() == missed &&
             taken + SizeOf(waiting_.front().chunk) <= bytes_max);
    return missed;
  }

  void Clear() { *this = StreamOutbox(); }

 private:
  struct QueuedChunk {
    core::Chunk chunk;
    Kind kind = Kind::kCounted;
  };

  void Count(Kind kind, int64_t bytes) {
    bytes_ += bytes;
    if (kind == Kind::kMembers) members_bytes_ += bytes;
    if (kind == Kind::kState || kind == Kind::kMissed) state_bytes_ += bytes;
  }

  bool IsMissed() const { return waiting_.front().kind == Kind::kMissed; }

  static int64_t SizeOf(const core::Chunk& chunk) {
    return static_cast<int64_t>(chunk->size());
  }

  std::deque<QueuedChunk> waiting_;
  int64_t bytes_ = 0;          // Of all.
  int64_t members_bytes_ = 0;  // Of these, member changes.
  int64_t state_bytes_ = 0;    // Of these, state and missed publications.
};

}  // namespace herald::rpc

#endif  // HERALD_SERVICE_RPC_STREAMS_STREAM_OUTBOX_H_
