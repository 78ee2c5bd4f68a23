// SPDX-License-Identifier: Apache-2.0
//
// A message for many sockets, with at most one encoding per dialect. The first
// loop that needs an encoding makes it, and the others share it. So the link's
// thread encodes nothing, and no message is encoded for a protocol without
// clients.
//
// Threads: any.

#ifndef HERALD_GATEWAY_PROTOCOL_ENCODED_MESSAGE_H_
#define HERALD_GATEWAY_PROTOCOL_ENCODED_MESSAGE_H_

#include <array>
#include <cstdint>
#include <memory>

#include "gateway/protocol/dialect.h"
#include "gateway/protocol/server_message.h"
#include "gateway/protocol/text_frame.h"
#include "proto/contract/mutex.h"

namespace herald::gateway {

class EncodedMessage {
 public:
  explicit EncodedMessage(ServerMessage message);
  EncodedMessage(const EncodedMessage&) = delete;
  EncodedMessage& operator=(const EncodedMessage&) = delete;

  const ServerMessage& message() const { return message_; }

  // MessageBytes() of the message.
  int64_t bytes() const { return bytes_; }

  // The frames for clients of `dialect`; empty if they get none. Blocks while
  // another thread encodes them.
  const FrameBytes& For(const Dialect& dialect) const;

 private:
  struct DialectFrames {
    contract::Once once;
    FrameBytes frames;
  };

  const ServerMessage message_;
  const int64_t bytes_;
  mutable std::array<DialectFrames, kDialectsMax> by_dialect_;
};

using EncodedMessagePtr = std::shared_ptr<const EncodedMessage>;

inline EncodedMessagePtr ShareMessage(ServerMessage message) {
  return std::make_shared<const EncodedMessage>(std::move(message));
}

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_PROTOCOL_ENCODED_MESSAGE_H_
