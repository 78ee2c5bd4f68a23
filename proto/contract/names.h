// SPDX-License-Identifier: Apache-2.0
//
// The grammar of texts on the wire: the names of channels, events, users and
// sockets, and the numbers in payloads. Gateway, service and clients share this
// code, so they decide alike.
//
// Failure: InvalidArgumentError that names the value and the rule. The value is
// shown escaped and cut, so that a message is safe to log.
//
// Threads: all functions are pure.

#ifndef HERALD_PROTO_CONTRACT_NAMES_H_
#define HERALD_PROTO_CONTRACT_NAMES_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace herald::contract {

enum class ChannelType { kPublic, kPrivate, kPresence };

// OK for 1 to kChannelNameBytesMax bytes of `A-Z a-z 0-9 _ - = @ , . ; :`.
// `#` begins names that are the server's own, so no client may use it.
absl::Status CheckChannelName(absl::string_view name);

// The type of a channel, by the prefix of its name. REQUIRES: a valid name.
ChannelType TypeOfChannel(absl::string_view name);

// Whether a socket needs the authorizer's decision to subscribe.
inline bool NeedsAuthorization(absl::string_view channel) {
  return TypeOfChannel(channel) != ChannelType::kPublic;
}

// OK for 1 to kEventNameBytesMax bytes of UTF-8 without control characters
// (C0, DEL, C1).
absl::Status CheckEventName(absl::string_view name);

// OK for 1 to kUserIdBytesMax bytes of UTF-8.
absl::Status CheckUserId(absl::string_view user_id);

// True if `text` is UTF-8 as RFC 3629 has it: shortest forms, no surrogates.
bool IsUtf8(absl::string_view text);

// A connection's name on the wire: `gateway.socket`, both decimal. The first
// part names the gateway, the second is random. Server SDKs of the Pusher
// family insist on `digits.digits`.
struct SocketId {
  uint64_t gateway = 0;  // Greater than 0.
  uint64_t socket = 0;

  friend bool operator==(const SocketId&, const SocketId&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const SocketId& id) {
    return H::combine(std::move(h), id.gateway, id.socket);
  }
};

std::string FormatSocketId(SocketId id);

// The id that `text` names; nullopt if FormatSocketId() would not write exactly
// this text.
std::optional<SocketId> ParseSocketId(absl::string_view text);

// `value` in quotes, escaped and cut to 64 bytes: for messages about it.
std::string Quoted(absl::string_view value);

// The first `bytes_max` bytes of `text` at most, cut between characters.
// REQUIRES: `text` is UTF-8.
absl::string_view CutUtf8(absl::string_view text, size_t bytes_max);

// `text` with a space for each control character of ASCII, including line ends:
// for texts of peers that are logged and sent as a status.
std::string OneLine(std::string text);

}  // namespace herald::contract

#endif  // HERALD_PROTO_CONTRACT_NAMES_H_
