// SPDX-License-Identifier: Apache-2.0
//
// The bounds of a client's subscribes and credentials, a token and the data
// that was signed, and the code of a refusal.

#ifndef HERALD_GATEWAY_SESSION_CREDENTIALS_H_
#define HERALD_GATEWAY_SESSION_CREDENTIALS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gateway/protocol/client_message.h"
#include "herald/link/v1/gateway_service.pb.h"
#include "proto/contract/limits.h"

namespace herald::gateway {

// PERMISSION_DENIED if `auth` or the data is too long. `name`: of the data.
inline absl::Status CheckCredentials(absl::string_view auth,
                                     absl::string_view data,
                                     absl::string_view name) {
  if (static_cast<int64_t>(auth.size()) <= contract::kAuthTokenBytesMax &&
      static_cast<int64_t>(data.size()) <= contract::kChannelDataBytesMax) {
    return absl::OkStatus();
  }
  return absl::PermissionDeniedError(
      absl::StrCat("auth may have ", contract::kAuthTokenBytesMax,
                   " bytes and ", name, " ", contract::kChannelDataBytesMax));
}

inline absl::Status CheckCredentials(const SubscribeMessage& message) {
  return CheckCredentials(message.auth, message.channel_data, "channel_data");
}

// RESOURCE_EXHAUSTED if a socket with `count` subscriptions may have no more,
// else as CheckCredentials().
inline absl::Status CheckSubscribe(const SubscribeMessage& message,
                                   int64_t count, int64_t count_max) {
  if (count < count_max) return CheckCredentials(message);
  return absl::ResourceExhaustedError(
      absl::StrCat("the socket has its ", count_max,
                   " subscriptions (BROADCAST_MAX_SUBSCRIPTIONS)"));
}

// The reason for a subscribe that was not asked.
inline absl::Status CannotBeAsked() {
  return absl::UnavailableError("the service cannot be asked now");
}

// The code for a client whose subscribe was not asked, for `why`.
inline link::v1::Refused::Code RefusalCode(const absl::Status& why) {
  using Codes = link::v1::Refused;
  return absl::IsResourceExhausted(why)  ? Codes::CODE_TOO_MANY_CHANNELS
         : absl::IsPermissionDenied(why) ? Codes::CODE_UNAUTHORIZED
                                         : Codes::CODE_UNAVAILABLE;
}

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_SESSION_CREDENTIALS_H_
