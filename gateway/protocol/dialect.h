// SPDX-License-Identifier: Apache-2.0
//
// Port: a client protocol. Converts client messages to values, and values to
// text frames, and defines the close codes. Each kind of client has one
// implementation, in a room of its own below gateway/dialects.
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

// The largest number of dialects in one process.
inline constexpr size_t kDialectsMax = 4;

struct DialectTraits {
  // Unique among the dialects of the process, and less than kDialectsMax: the
  // index of the dialect's bytes in an EncodedMessage.
  size_t number = 0;
};

// A close on the wire (RFC 6455 section 7.4).
struct CloseFrame {
  uint16_t code = 0;
  absl::string_view text;  // A constant; sent if there is no other text.
};

class Dialect {
 public:
  virtual ~Dialect() = default;

  virtual DialectTraits traits() const = 0;

  virtual ClientMessage Decode(absl::string_view text) const = 0;

  // Appends the text frames of the message: none if the dialect has no such
  // message, else one or several.
  virtual void Encode(const ServerMessage& message,
                      std::string* frames) const = 0;

  virtual CloseFrame Close(contract::CloseReason why) const = 0;

  // The text of the close frame of kGoingAway for a client that should
  // reconnect after `delay`, in whole milliseconds.
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
