// SPDX-License-Identifier: Apache-2.0
//
// Port: one client's connection, as its loop sees it. gateway/net implements
// it over Beast.
//
// Threads: its shard's loop, for every method.
//
// Lifetime: from Shard::Open() until the owner has called Shard::Closed(); no
// method destroys the socket or calls the shard before it returns.

#ifndef HERALD_GATEWAY_SOCKET_SOCKET_H_
#define HERALD_GATEWAY_SOCKET_SOCKET_H_

#include <cstddef>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gateway/protocol/handshake.h"
#include "gateway/socket/frame.h"
#include "proto/contract/close_reason.h"

namespace herald::gateway {

// Where a pause of reading begins.
enum class ReadingPause {
  kAfterMessage,  // A message that has begun is read to its end.
  kAtOnce,        // Within a message as well; its deadline goes on.
};

class Socket {
 public:
  virtual ~Socket() = default;

  // Appends to the outbox. Nothing is written before Flush(), unless the outbox
  // would exceed its bound (Outbox::Push()). If the kernel does not take enough
  // of it even then, frames may be dropped (Outbox::PushOverLatest()). Returns
  // false if that frees too little: the socket is slow. Of a frame that
  // WriteNow() has begun, `written` bytes are left out.
  virtual bool Enqueue(const Frame& frame, size_t written) = 0;

  // Whether frames of `bytes` bytes together may be queued now. The outbox is
  // written first, as far as the kernel takes it.
  virtual bool HasRoomFor(size_t bytes) = 0;

  // Whether a whisper of `bytes` bytes may be appended. Half of the bound is
  // left to events and answers, so that a whisper never closes its reader. Any
  // whisper fits into an empty outbox.
  virtual bool HasRoomForWhisper(size_t bytes) = 0;

  // Writes as many of `bytes` as the kernel takes at once, and returns their
  // number: 0 if the outbox is not empty. The rest must be appended before
  // anything else.
  virtual size_t WriteNow(absl::string_view bytes) = 0;

  // Writes the outbox, in one gather write if the kernel takes it, and
  // continues when the kernel takes more. Called once for a socket and turn.
  virtual void Flush() = 0;

  // Sends a ping (RFC 6455 section 5.5.2).
  virtual void Ping() = 0;

  // Sends the goodbye and closes; `why` is for metrics. A slow socket's outbox
  // is emptied first, so that the close frame has a chance. The close handshake
  // has a deadline of its own. Only the first call counts; messages that arrive
  // later are not passed to the shard.
  virtual void Close(contract::CloseReason why, const Goodbye& goodbye) = 0;

  // Pauses and resumes reading; a message that was read is still given to the
  // shard. Another call of PauseReading() changes where the pause begins.
  virtual void PauseReading(ReadingPause where) = 0;
  virtual void ResumeReading() = 0;

  // The largest message that the client may send; a larger one closes the
  // socket with kTooLarge.
  virtual void SetMessageBytesMax(size_t bytes) = 0;

  // Tries again to write the outbox. Returns since when nothing of it could be
  // written, by the shard's wheel; InfiniteFuture() if nothing waits.
  virtual absl::Time BlockedSince() = 0;
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_SOCKET_SOCKET_H_
