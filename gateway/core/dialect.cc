// SPDX-License-Identifier: Apache-2.0

#include "gateway/core/dialect.h"

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
    default:  // A code of a newer service: nothing to be sure of.
      return "unavailable";
  }
}

}  // namespace herald::gateway
