// SPDX-License-Identifier: Apache-2.0

#include "herald/client/channel_authorizer.h"

#include <utility>

namespace herald::client {

Decision Decision::ExpiresAfter(absl::Duration duration) && {
  lifetime = duration;
  return std::move(*this);
}

Decision Allow() { return {.kind = Decision::Kind::kAllow}; }

Decision AllowMember(absl::string_view user_id, absl::string_view user_info) {
  Decision decision = Allow();
  decision.user_id = std::string(user_id);
  decision.user_info = std::string(user_info);
  return decision;
}

Decision Deny(absl::string_view reason) {
  Decision decision;
  decision.reason = std::string(reason);
  return decision;
}

Decision Undecided() { return {.kind = Decision::Kind::kUndecided}; }

}  // namespace herald::client
