// SPDX-License-Identifier: Apache-2.0
//
// Port: the outbox of a peer, in order. A link to a gateway is one, a backend's
// Watch another.
//
// Threads: every method may be called from any thread. Enqueue() is called with
// a lock of the core held (a shard's, or that of Gateways), so it must be
// short, must not block, and must not call back; Flush(), Close() and Abort()
// are called without locks.

#ifndef HERALD_SERVICE_CHANNEL_SINK_H_
#define HERALD_SERVICE_CHANNEL_SINK_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"

namespace herald::core {

// Bytes on their way to peers: encoded once, shared by all, never changed.
// For a gateway: one or more serialized `items` of an AttachResponse, so that
// concatenated chunks are a valid frame. For a Watch: one serialized
// WatchResponse.
using Chunk = std::shared_ptr<const std::string>;

// Bounds on the first messages of one Watch, in bytes. Missed publications
// beyond the bound are not sent, and the channel is `recovered: false`. A Watch
// whose rosters exceed theirs is refused, but a single roster may be larger.
inline constexpr int64_t kWatchMissedBytesMax = 16 << 20;
inline constexpr int64_t kWatchRostersBytesMax = 64 << 20;
struct WatchRoom {
  int64_t missed = kWatchMissedBytesMax;
  int64_t rosters = kWatchRostersBytesMax;
};

class Sink {
 public:
  virtual ~Sink() = default;

  // Appends to the outbox. An outbox that would overflow is emptied instead
  // and the sink ends with RESOURCE_EXHAUSTED, which its owner reports
  // later; until then more chunks are dropped.
  virtual void Enqueue(Chunk chunk) = 0;

  // As Enqueue(), but with a bound of its own, for member changes. When a
  // gateway is lost, all its members leave in one step, and no peer reads that
  // fast.
  virtual void EnqueueMembers(Chunk chunk) { Enqueue(std::move(chunk)); }

  // As Enqueue(), but with a far larger bound of its own, for state. State is
  // sent when a peer joins or asks, or when it changes as a whole. Its size is
  // given, and it must not end a stream that reads well.
  virtual void EnqueueState(Chunk chunk) = 0;

  // As Enqueue(), for a whisper, which must not end the stream: drops it and
  // returns false if half of the bound is taken.
  virtual bool EnqueueWhisper(Chunk chunk) {
    Enqueue(std::move(chunk));
    return true;
  }

  // As EnqueueState(), for a publication as gateways receive it, shared with a
  // history. A Watch's sink encodes it for its peer just before it writes it.
  virtual void EnqueueMissed(Chunk publication) = 0;

  // Whether the enqueued state has fewer bytes than the bound of Enqueue(), so
  // that more may be answered now.
  virtual bool HasRoomForState() const { return true; }

  // Begins to write the outbox. Does nothing if a write is in flight: when that
  // one ends, it continues with all chunks enqueued by then.
  virtual void Flush() = 0;

  // Ends the stream with `why` after the write in flight. The first call wins.
  virtual void Close(absl::Status why) = 0;

  // As Close(), but drops the outbox and does not wait for the write in flight,
  // which does not end while the peer reads nothing.
  virtual void Abort(absl::Status why) { Close(std::move(why)); }
};

using SinkPtr = std::shared_ptr<Sink>;

// Collects the sinks that were written to under a lock and flushes each once
// after the lock is released. Declare it before the lock.
class FlushList {
 public:
  FlushList() = default;
  FlushList(const FlushList&) = delete;
  FlushList& operator=(const FlushList&) = delete;
  ~FlushList() {
    for (const SinkPtr& sink : sinks_) sink->Flush();
  }

  void Add(const SinkPtr& sink) {
    for (const SinkPtr& known : sinks_) {
      if (known == sink) return;
    }
    sinks_.push_back(sink);
  }

 private:
  absl::InlinedVector<SinkPtr, 4> sinks_;
};

}  // namespace herald::core

#endif  // HERALD_SERVICE_CHANNEL_SINK_H_
