// SPDX-License-Identifier: Apache-2.0
//
// Sends to the clients of one loop. Frames are appended to outboxes; the end of
// the turn writes each of these sockets once.
//
// Threads: its loop.

#ifndef HERALD_GATEWAY_LOOP_SESSION_WRITER_H_
#define HERALD_GATEWAY_LOOP_SESSION_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "gateway/channels/delivery.h"
#include "gateway/loop/client_state.h"
#include "gateway/loop/loop_state.h"
#include "gateway/protocol/encoded_message.h"
#include "gateway/socket/frame.h"
#include "gateway/socket/write_queue.h"

namespace herald::gateway {

class SessionWriter {
 public:
  explicit SessionWriter(LoopState* state) : state_(state) {}

  // Sends the message in the client's dialect, which may have no frame for it.
  void Send(ClientState* client, const ServerMessage& message);
  // Its frames share the message's life, so that the router finds the answer as
  // long as it waits for a socket (roster_answer.h).
  void Send(ClientState* client, const EncodedMessagePtr& message);
  // The first `written` bytes of the frame have been written already. A client
  // whose outbox is full gets nothing more: TakeOverflowed().
  void SendFrame(ClientState* client, const Frame& frame, size_t written = 0);

  // Answers a subscribe: with the missed messages if the client recovers and
  // all of these fit, else without. Charges the client's rate for the answer.
  void SendAnswer(ClientState* client, const Confirmed& confirmed);

  // The numbers of the sockets that have overflowed since the last call. They
  // are not closed at once, for a caller may be walking the subscribers.
  std::vector<uint64_t> TakeOverflowed() {
    return std::exchange(overflowed_, {});
  }

  // Sockets that Flush() will write.
  int64_t unwritten_count() const {
    return static_cast<int64_t>(writes_.size());
  }

  // Writes all sockets that have something to write.
  void Flush() { writes_.Flush(); }

  // The client's connection is gone: Flush() does not touch its socket.
  void Remove(ClientState* client) { writes_.Remove(&client->write_entry); }

 private:
  // Whether this whisper fits into the client's outbox; if not, its sender is
  // slowed down.
  bool TakesWhisper(ClientState* client, const Frame& frame);

  LoopState* const state_;
  WriteQueue writes_;
  std::vector<uint64_t> overflowed_;
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_LOOP_SESSION_WRITER_H_
