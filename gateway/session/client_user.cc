// SPDX-License-Identifier: Apache-2.0

#include "gateway/session/client_user.h"

#include <string>
#include <utility>

#include "gateway/session/credentials.h"

namespace herald::gateway {

using RefusedCode = link::v1::Refused;

std::optional<ServerMessage> ClientUser::SignIn(SignInMessage message,
                                                const ClientState& client,
                                                LoopState* loop) {
  const absl::Status checked =
      CheckCredentials(message.auth, message.user_data, "user_data");
  if (!checked.ok()) {
    return SignInErrorMessage{std::string(checked.message()),
                              RefusedCode::CODE_UNAUTHORIZED};
  }
  link::v1::SocketQuestion question;
  question.set_socket_id(loop->SocketId(client.number));
  question.set_connection(client.facts.Serialize());
  question.mutable_sign_in()->set_auth_token(std::move(message.auth));
  question.mutable_sign_in()->set_user_data(message.user_data);
  const int64_t ticket =
      loop->router->AskAboutSocket(loop->options.index, client.number,
                                   std::move(question), client.facts.source());
  if (ticket == 0) {
    return SignInErrorMessage{"the service cannot be asked now",
                              RefusedCode::CODE_UNAVAILABLE};
  }
  asked_[ticket] = std::move(message.user_data);
  return std::nullopt;
}

std::optional<ServerMessage> ClientUser::OnAnswer(SocketAnswered& answer) {
  const auto asked = asked_.find(answer.ticket);
  if (asked == asked_.end()) return std::nullopt;
  SignedInMessage yes{std::move(asked->second)};
  asked_.erase(asked);
  if (!answer.user.has_value()) {
    return SignInErrorMessage{std::move(answer.reason), answer.code};
  }
  if (user_.has_value() && user_->user_id() != answer.user->user_id()) {
    return SignInErrorMessage{"the socket is signed in as another user",
                              RefusedCode::CODE_UNAUTHORIZED};
  }
  if (!user_.has_value()) user_ = std::move(answer.user);
  return yes;
}

}  // namespace herald::gateway
