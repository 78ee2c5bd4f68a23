// SPDX-License-Identifier: Apache-2.0
//
// Why a gateway closes a socket. There are no numbers here: a dialect turns a
// reason into its own close code, and the same number means opposite things to
// clients of different families.

#ifndef HERALD_PROTO_CONTRACT_CLOSE_REASON_H_
#define HERALD_PROTO_CONTRACT_CLOSE_REASON_H_

namespace herald::contract {

enum class CloseReason {
  kNormal,         // The client said goodbye.
  kGoingAway,      // The gateway drains. Come back, to another one.
  kProtocolError,  // RFC 6455 was broken.
  kBinary,         // A binary message; every dialect so far is text.
  kBadUtf8,        // Text that is not UTF-8.
  kTooLarge,       // A message over the limit.
  kPolicy,         // The client breaks a rule that is no protocol error.
  kOverloaded,     // The gateway cannot serve the socket now. Come back later.
  kSlow,           // The client reads too slowly. Come back.
  kNoHeartbeat,    // No sign of life. Come back.
  kDisconnected,   // The backend said so. Do not come back.
  kUnfinished,     // A message was begun and not ended in time. Come back.
};

}  // namespace herald::contract

#endif  // HERALD_PROTO_CONTRACT_CLOSE_REASON_H_
