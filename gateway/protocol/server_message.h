// SPDX-License-Identifier: Apache-2.0
//
// A message for a client, as a value. A dialect encodes it. A `channel` is a
// name within the client's app, that of a publication, too.

#ifndef HERALD_GATEWAY_PROTOCOL_SERVER_MESSAGE_H_
#define HERALD_GATEWAY_PROTOCOL_SERVER_MESSAGE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"
#include "herald/link/v1/gateway_service.pb.h"
#include "herald/v1/server_message.pb.h"

namespace herald::gateway {

// Messages repeat a channel name up to this length. Valid names are shorter; an
// invalid name may be as long as a client's message.
inline constexpr size_t kEchoedNameBytesMax = 256;

// The members of a presence channel at one moment, in the order of user ids.
// Immutable; snapshots of one roster share the members.
struct Members {
  std::vector<std::shared_ptr<const v1::Member>> all;
  int64_t bytes = 0;  // Approximately: ids, infos and JSON syntax.
};
using MembersPtr = std::shared_ptr<const Members>;

// The first message on a socket.
struct ConnectedMessage {
  std::string socket_id;
};

// The answer to a subscribe; also sent when a channel moves to another
// position.
struct SubscribedMessage {
  std::string channel;
  MembersPtr members;                    // Presence channels only.
  std::optional<v1::Position> position;  // Channels with history only.
  std::optional<bool> recovered;         // If the client has sent `recover`.
};

// A subscribe was refused. The name may be invalid.
struct SubscriptionErrorMessage {
  std::string channel;
  std::string error;  // A sentence for the client.
  link::v1::Refused::Code code = link::v1::Refused::CODE_UNSPECIFIED;
};

// A subscription has ended.
struct UnsubscribedMessage {
  std::string channel;
  std::string reason;  // Empty if the client has unsubscribed.
};

// The socket has a user from here on.
struct SignedInMessage {
  std::string user_data;  // As the client has sent it.
};

// A sign-in was refused.
struct SignInErrorMessage {
  std::string error;  // A sentence for the client.
  link::v1::Refused::Code code = link::v1::Refused::CODE_UNSPECIFIED;
};

struct EventMessage {
  link::v1::Publication publication;
};

struct MemberAddedMessage {
  std::string channel;
  v1::Member member;
};

struct MemberRemovedMessage {
  std::string channel;
  std::string user_id;
};

struct PongMessage {};

// The error that answers a client's message; ErrorName() is its name in
// Herald's protocol.
enum class ErrorCode {
  kInvalidMessage,
  kInvalidChannel,
  kInvalidEvent,
  kNotAllowed,       // Client events are off.
  kNotSubscribed,    // A whisper needs a subscription.
  kPayloadTooLarge,  // `data` exceeds the limit of the channel.
  kUnavailable,      // The service cannot take the whisper now.
  kRateLimited,      // The socket is beyond a rate limit.
};

struct ErrorMessage {
  ErrorCode code = ErrorCode::kInvalidMessage;
  std::string message;                 // A sentence for the client.
  std::optional<std::string> channel;  // As the client has sent it.
};

using ServerMessage =
    std::variant<ConnectedMessage, SubscribedMessage, SubscriptionErrorMessage,
                 UnsubscribedMessage, SignedInMessage, SignInErrorMessage,
                 EventMessage, MemberAddedMessage, MemberRemovedMessage,
                 PongMessage, ErrorMessage>;

// The approximate size of a message in any dialect: its texts, plus the JSON
// syntax of each member.
int64_t MessageBytes(const ServerMessage& message);

// The JSON syntax around a member of a roster.
inline constexpr int64_t kMemberFramingBytes = 30;

// The name of a refusal in metrics and in Herald's protocol: `unauthorized`,
// `channel_full` …
absl::string_view RefusalName(link::v1::Refused::Code code);

// The name of an error: `invalid_message`, `not_allowed` …
absl::string_view ErrorName(ErrorCode code);

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_PROTOCOL_SERVER_MESSAGE_H_
