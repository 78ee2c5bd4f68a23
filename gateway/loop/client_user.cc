// SPDX-License-Identifier: Apache-2.0

#include "gateway/loop/client_user.h"

#include <utility>

namespace herald::gateway {

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
                              link::v1::Refused::CODE_UNAUTHORIZED};
  }
  if (!user_.has_value()) user_ = std::move(answer.user);
  return yes;
}

}  // namespace herald::gateway
