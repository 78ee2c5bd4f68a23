// SPDX-License-Identifier: Apache-2.0
//
// Whether a client may whisper at all: names, and the rules of the channel.
// Whether it is subscribed, and how much it may send, its session knows.
//
// Threads: any.

#ifndef HERALD_GATEWAY_LOOP_WHISPER_CHECK_H_
#define HERALD_GATEWAY_LOOP_WHISPER_CHECK_H_

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

#endif  // HERALD_GATEWAY_LOOP_WHISPER_CHECK_H_
