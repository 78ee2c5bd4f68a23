// SPDX-License-Identifier: Apache-2.0
//
// The frames that wait for one socket: bounded in bytes, written by gathering.
//
// Threads: its socket's loop.
//
// Invariant: size_bytes() is the sum of the frames that wait, less the bytes of
// the first that have been written. An empty outbox keeps next to no memory.

#ifndef HERALD_GATEWAY_SOCKET_OUTBOX_H_
#define HERALD_GATEWAY_SOCKET_OUTBOX_H_

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "gateway/socket/frame.h"

namespace herald::gateway {

class Outbox {
 public:
  // Whether Push() would take a frame of `bytes` bytes.
  bool HasRoomFor(size_t bytes, size_t bytes_max) const {
    return empty() || size_bytes_ + bytes <= bytes_max;
  }

  // Appends a frame. False, and nothing is appended, if the outbox would then
  // exceed `bytes_max`. One frame on an empty outbox always fits, however
  // large: a socket that has read everything is not slow. Its first `written`
  // bytes have been written. REQUIRES: none have, or the outbox is empty.
  bool Push(Frame frame, size_t bytes_max, size_t written = 0);

  // As Push(), after that returned false. Drops the frames that may be dropped,
  // except for the latest event of each channel, and notifies the client of
  // events of a history that it loses. The frame is taken only if an eighth of
  // `bytes_max` is free then: otherwise each further frame would search the
  // queue. `*mark`, a number of bytes from the front, keeps its place.
  struct Dropped {
    bool taken = false;  // Or not needed: a whisper may be dropped itself.
    int64_t events = 0;  // How many were dropped.

    explicit operator bool() const { return taken; }
  };
  Dropped PushOverLatest(const Frame& frame, size_t bytes_max, size_t* mark);

  // Appends a frame past any bound: for control frames.
  void PushUnbounded(Frame frame);

  // Points `parts` at the frames, in order; returns how many were used. They
  // hold until the outbox is changed.
  size_t Gather(absl::Span<iovec> parts) const;

  // Forgets the first `bytes`, which have been written.
  // REQUIRES: bytes <= size_bytes().
  void Advance(size_t bytes);

  // Drops all frames, except for one that was written in part: the peer cannot
  // read what follows half a frame.
  void Clear();

  bool empty() const { return size_bytes_ == 0; }
  size_t size_bytes() const { return size_bytes_; }
  size_t frame_count() const { return frames_.size() - first_; }

 private:
  void Compact();

  std::vector<Frame> frames_;
  size_t first_ = 0;          // Index of the first frame that waits.
  size_t written_bytes_ = 0;  // Of that frame.
  size_t size_bytes_ = 0;
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_SOCKET_OUTBOX_H_
