// SPDX-License-Identifier: Apache-2.0

#include "gateway/protocol/dialect.h"

namespace herald::gateway {

absl::string_view RefusalName(link::v1::Refused::Code code) {
  switch (code) {
    case link::v1::Refused::CODE_UNAUTHORIZED:
      return "unauthorized";
    case link::v1::Refused::CODE_CHANNEL_FULL:
      return "channel_full";
    case link::v1::Refused::CODE_TOO_MANY_CHANNELS:
      return "too_many_channels";
    case link::v1::Refused::CODE_INVALID_CHANNEL:
      return "invalid_channel";
    case link::v1::Refused::CODE_INVALID_MESSAGE:
      return "invalid_message";
    default:  // A code of a newer service: nothing to be sure of.
      return "unavailable";
  }
}

absl::string_view ErrorName(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidMessage:
      return "invalid_message";
    case ErrorCode::kInvalidChannel:
      return "invalid_channel";
    case ErrorCode::kInvalidEvent:
      return "invalid_event";
    case ErrorCode::kNotAllowed:
      return "not_allowed";
    case ErrorCode::kNotSubscribed:
      return "not_subscribed";
    case ErrorCode::kPayloadTooLarge:
      return "payload_too_large";
    case ErrorCode::kRateLimited:
      return "rate_limited";
    case ErrorCode::kUnavailable:
      break;
  }
  return "unavailable";
}

}  // namespace herald::gateway
