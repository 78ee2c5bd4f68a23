// SPDX-License-Identifier: Apache-2.0
//
// The user of one socket, and the sign-ins that wait for an answer. A socket
// keeps its first user: a later sign-in as another user is refused.
//
// Threads: its loop.

#ifndef HERALD_GATEWAY_SESSION_CLIENT_USER_H_
#define HERALD_GATEWAY_SESSION_CLIENT_USER_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "gateway/channels/delivery.h"
#include "gateway/loop/client_state.h"
#include "gateway/loop/loop_state.h"
#include "gateway/protocol/client_message.h"
#include "gateway/protocol/server_message.h"
#include "herald/v1/server_message.pb.h"

namespace herald::gateway {

class ClientUser {
 public:
  // Asks the service for the user. Returns the message for the client if it
  // cannot be asked; otherwise the answer comes as OnAnswer().
  std::optional<ServerMessage> SignIn(SignInMessage message,
                                      const ClientState& client,
                                      LoopState* loop);

  // The answer to a sign-in: the message for the client. Nothing if none waits
  // for it.
  std::optional<ServerMessage> OnAnswer(SocketAnswered& answer);

  // nullptr before the first sign-in has succeeded.
  const v1::Member* user() const { return user_ ? &*user_ : nullptr; }

 private:
  std::optional<v1::Member> user_;
  absl::flat_hash_map<int64_t, std::string> asked_;  // `user_data` by ticket.
};

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_SESSION_CLIENT_USER_H_
