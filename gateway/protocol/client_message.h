// SPDX-License-Identifier: Apache-2.0
//
// A message from a client, as a dialect has parsed it from text. Lengths and
// names are not checked yet. A `channel` is a name within the client's app.

#ifndef HERALD_GATEWAY_PROTOCOL_CLIENT_MESSAGE_H_
#define HERALD_GATEWAY_PROTOCOL_CLIENT_MESSAGE_H_

#include <optional>
#include <string>
#include <variant>

#include "herald/v1/server_message.pb.h"

namespace herald::gateway {

struct SubscribeMessage {
  std::string channel;
  std::string auth;
  std::string channel_data;  // JSON text of an object, as it was sent.
  // The client's last position; the offset is not negative. An empty epoch with
  // an offset of 0 requests the latest event.
  std::optional<v1::Position> recover;
};

struct UnsubscribeMessage {
  std::string channel;
};

struct WhisperMessage {
  std::string channel;
  std::string event;
  std::string data;  // JSON text, as it was sent.
};

// A sign-in: proves the user of the socket. Herald's own protocol has none.
struct SignInMessage {
  std::string auth;       // The signature.
  std::string user_data;  // JSON text, as it was sent.
};

struct PingMessage {};

// A message that the dialect cannot parse. A subscribe that names its channel
// gets the answer of a subscribe; any other message gets an error.
struct BadMessage {
  std::string reason;                  // A sentence for the client.
  std::optional<std::string> channel;  // The channel that it names, if any.
  bool is_subscribe = false;
};

using ClientMessage =
    std::variant<SubscribeMessage, UnsubscribeMessage, WhisperMessage,
                 SignInMessage, PingMessage, BadMessage>;

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_PROTOCOL_CLIENT_MESSAGE_H_
