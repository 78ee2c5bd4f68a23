// SPDX-License-Identifier: Apache-2.0
//
// How a dialect welcomes a client and dismisses it: the answer to the request
// for an upgrade, and the last frames.

#ifndef HERALD_GATEWAY_PROTOCOL_HANDSHAKE_H_
#define HERALD_GATEWAY_PROTOCOL_HANDSHAKE_H_

#include <cstdint>
#include <string>
#include <variant>

#include "absl/strings/string_view.h"

namespace herald::gateway {

// A request for a WebSocket that keeps RFC 6455, as a dialect sees it.
struct UpgradeRequest {
  absl::string_view target;    // Path and query, as the client has sent them.
  bool origin_allowed = true;  // BROADCAST_ALLOWED_ORIGINS.
};

// The last frames of a socket: some messages, and the close frame (RFC 6455
// section 7.4).
struct Goodbye {
  std::string frames;  // Text frames; usually none.
  uint16_t code = 1000;
  std::string text;  // Cut to 123 bytes by the socket.
};

// The client gets its WebSocket.
struct Accepted {};

// The client gets an HTTP error. No proxy or browser shows a page its text.
struct RefusedByHttp {
  int status = 403;
  std::string text;  // A sentence.
};

// The client gets its WebSocket, the goodbye, and nothing more: for protocols
// whose clients cannot see an HTTP error.
struct RefusedInBand {
  Goodbye goodbye;
};

using Acceptance = std::variant<Accepted, RefusedByHttp, RefusedInBand>;

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_PROTOCOL_HANDSHAKE_H_
