// SPDX-License-Identifier: Apache-2.0
//
// Checks whether a client may whisper: the names, and the rules of the channel.
// The session checks the subscription and the rates.
//
// Threads: any.

#ifndef HERALD_GATEWAY_SESSION_WHISPER_CHECK_H_
#define HERALD_GATEWAY_SESSION_WHISPER_CHECK_H_

#include <optional>

#include "absl/strings/string_view.h"
#include "gateway/protocol/dialect.h"
#include "proto/contract/channel_rules.h"

namespace herald::gateway {

// Why a whisper is refused: an error that names its channel.
ErrorMessage WhisperError(ErrorCode code, absl::string_view channel,
                          absl::string_view why);

// The error of the whisper of a client of `app`, or nothing.
std::optional<ErrorMessage> CheckWhisper(const WhisperMessage& whisper,
                                         absl::string_view app,
                                         const contract::ChannelRules& rules);

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_SESSION_WHISPER_CHECK_H_
