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
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gateway/protocol/client_message.h"
#include "gateway/protocol/handshake.h"
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

class Dialect {
 public:
  virtual ~Dialect() = default;

  virtual DialectTraits traits() const = 0;

  // Decides about a request for a WebSocket, before anything else is known of
  // the client.
  virtual Acceptance Accept(const UpgradeRequest& request) const = 0;

  virtual ClientMessage Decode(absl::string_view text) const = 0;

  // Appends the text frames of the message: none if the dialect has no such
  // message, else one or several.
  virtual void Encode(const ServerMessage& message,
                      std::string* frames) const = 0;

  // The end of a socket, for `why`. `text` is a reason in words, which may be
  // empty: then the dialect has one of its own. `delay` is for kGoingAway: how
  // long the client should wait before it reconnects, in whole milliseconds.
  virtual Goodbye MakeGoodbye(contract::CloseReason why, absl::string_view text,
                              std::optional<absl::Duration> delay) const = 0;
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
