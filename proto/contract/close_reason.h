// SPDX-License-Identifier: Apache-2.0
//
// Why a gateway closes a socket. There are no numbers here: a dialect turns a
// reason into its own close code, and the same number means opposite things to
// clients of different families.

#ifndef HERALD_PROTO_CONTRACT_CLOSE_REASON_H_
#define HERALD_PROTO_CONTRACT_CLOSE_REASON_H_

#include <cstdint>

namespace herald::contract {

enum class CloseReason : uint8_t {
  kNormal,         // The client closed the connection.
  kGoingAway,      // The gateway drains. Reconnect, to another one.
  kProtocolError,  // The client violated RFC 6455.
  kBinary,         // A binary message; every dialect so far is text.
  kBadUtf8,        // Text that is not UTF-8.
  kTooLarge,       // A message over the limit.
  kRefused,        // The dialect has refused the client after the upgrade.
  kOverloaded,     // The gateway cannot serve the socket now. Reconnect later.
  kSlow,           // The client reads too slowly. Reconnect.
  kNoHeartbeat,    // No sign of life. Reconnect.
  kDisconnected,   // The backend called Disconnect. Do not reconnect.
  kUnfinished,     // A message has begun and did not end in time. Reconnect.
};

}  // namespace herald::contract

#endif  // HERALD_PROTO_CONTRACT_CLOSE_REASON_H_
