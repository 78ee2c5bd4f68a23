// SPDX-License-Identifier: Apache-2.0
//
// The bounds on a client's credentials: a token, and the data that was signed.

#ifndef HERALD_GATEWAY_SESSION_CREDENTIALS_H_
#define HERALD_GATEWAY_SESSION_CREDENTIALS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gateway/protocol/client_message.h"
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

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_SESSION_CREDENTIALS_H_
