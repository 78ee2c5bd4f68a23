// SPDX-License-Identifier: Apache-2.0

#include "gateway/session/whisper_check.h"

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "proto/contract/channel_key.h"
#include "proto/contract/names.h"

namespace herald::gateway {

using contract::ChannelRule;

ErrorMessage WhisperError(ErrorCode code, absl::string_view channel,
                          absl::string_view why) {
  return {code, absl::StrCat("whisper on ", channel, ": ", why),
          std::string(channel)};
}

std::optional<ErrorMessage> CheckWhisper(const WhisperMessage& whisper,
                                         absl::string_view app,
                                         const contract::ChannelRules& rules) {
  const std::string& channel = whisper.channel;
  const absl::Status name = contract::CheckChannelName(channel);
  if (!name.ok()) {
    return ErrorMessage{ErrorCode::kInvalidChannel, std::string(name.message()),
                        channel};
  }
  const absl::Status event = contract::CheckEventName(whisper.event);
  if (!event.ok()) {
    return ErrorMessage{ErrorCode::kInvalidEvent, std::string(event.message()),
                        channel};
  }
  std::string space;
  const absl::string_view key =
      contract::ChannelKeyView{app, channel}.TextIn(&space);
  const contract::ChannelSettings settings = rules.Of(key);
  if (!settings.client_events) {
    return WhisperError(
        ErrorCode::kNotAllowed, channel,
        absl::StrCat("client events are off (",
                     rules.Source(key, &ChannelRule::client_events,
                                  "BROADCAST_ALLOW_CLIENT_EVENTS"),
                     ")"));
  }
  if (static_cast<int64_t>(whisper.data.size()) > settings.max_payload) {
    return WhisperError(
        ErrorCode::kPayloadTooLarge, channel,
        absl::StrCat("data has ", whisper.data.size(), " bytes; at most ",
                     settings.max_payload, " are allowed (",
                     rules.Source(key, &ChannelRule::max_payload,
                                  "BROADCAST_MAX_PAYLOAD"),
                     ")"));
  }
  return std::nullopt;
}

}  // namespace herald::gateway
