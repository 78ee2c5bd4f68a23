// SPDX-License-Identifier: Apache-2.0
//
// Port: a client protocol. Turns what clients send into values, and values into
// text frames; knows the close codes. One implementation per kind of client, in
// a room of its own below gateway/dialects.
//
// Threads: any; implementations are immutable.

#ifndef HERALD_GATEWAY_PROTOCOL_DIALECT_H_
#define HERALD_GATEWAY_PROTOCOL_DIALECT_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gateway/protocol/client_message.h"
#include "gateway/protocol/server_message.h"
#include "gateway/protocol/text_frame.h"
#include "proto/contract/close_reason.h"

namespace herald::gateway {

// How many dialects one process may have.
inline constexpr size_t kDialectsMax = 4;

struct DialectTraits {
  // Different from that of every other dialect of the process, and less than
  // kDialectsMax: where an EncodedMessage keeps the dialect's bytes.
  size_t number = 0;
};

// How a close looks on the wire (RFC 6455 section 7.4).
struct CloseFrame {
  uint16_t code = 0;
  absl::string_view text;  // A constant; sent if there is no other text.
};

class Dialect {
 public:
  virtual ~Dialect() = default;

  virtual DialectTraits traits() const = 0;

  virtual ClientMessage Decode(absl::string_view text) const = 0;

  // Appends the text frames of the message: none if clients of the dialect are
  // not notified of it, or one, or several.
  virtual void Encode(const ServerMessage& message,
                      std::string* frames) const = 0;

  virtual CloseFrame Close(contract::CloseReason why) const = 0;

  // The text of the close frame of kGoingAway for a client that should
  // reconnect after `delay`, which is of whole milliseconds.
  virtual std::string GoingAway(absl::Duration delay) const = 0;
};

// The message's frames, for one socket.
inline FrameBytes EncodeFrames(const Dialect& dialect,
                               const ServerMessage& message) {
  auto frames = std::make_shared<std::string>();
  dialect.Encode(message, frames.get());
  return frames;
}

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_PROTOCOL_DIALECT_H_
