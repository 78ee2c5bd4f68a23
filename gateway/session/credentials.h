// SPDX-License-Identifier: Apache-2.0
//
// The bounds of a client's subscribes and credentials, a token and the data
// that was signed, and the code of a refusal.

#ifndef HERALD_GATEWAY_SESSION_CREDENTIALS_H_
#define HERALD_GATEWAY_SESSION_CREDENTIALS_H_

#include <algorithm>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gateway/protocol/client_message.h"
#include "herald/link/v1/gateway_service.pb.h"
#include "proto/contract/limits.h"
#include "proto/contract/names.h"

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

// Credentials that a socket's subscriptions keep together: they are sent again
// to renew a grant, also if it has no end (`RenewAll`). Without a bound, one
// socket kept 47 MiB.
constexpr int64_t CredentialBytesMax(int64_t subscriptions_max) {
  return std::max(int64_t{1} << 20, subscriptions_max << 10);
}

// RESOURCE_EXHAUSTED if a socket with `count` subscriptions, which keep
// `credential_bytes`, may have no more, else as CheckCredentials().
inline absl::Status CheckSubscribe(const SubscribeMessage& message,
                                   int64_t count, int64_t count_max,
                                   int64_t credential_bytes) {
  if (count >= count_max) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the socket has its ", count_max,
                     " subscriptions (BROADCAST_MAX_SUBSCRIPTIONS)"));
  }
  const auto more =
      static_cast<int64_t>(message.auth.size() + message.channel_data.size());
  if (contract::NeedsAuthorization(message.channel) &&
      credential_bytes + more > CredentialBytesMax(count_max)) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "the credentials of the socket's subscriptions have ", credential_bytes,
        " bytes; with these at most ", CredentialBytesMax(count_max)));
  }
  return CheckCredentials(message);
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
