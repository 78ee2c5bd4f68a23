// SPDX-License-Identifier: Apache-2.0
//
// Messages of browsers. Promise: each text is a message, or is refused with a
// reason that its client can be shown; a string for protobuf is UTF-8; data
// that is passed on is JSON, and so is each answer.

#include <string>
#include <variant>

#include "gateway/dialects/native/native_dialect.h"
#include "proto/contract/names.h"
#include "proto/json/json.h"
#include "proto/json/json_reader.h"
#include "tests/fuzz/refusal.h"

namespace herald::fuzz {
namespace {

using contract::Require;

void RequireJson(const gateway::NativeDialect& dialect,
                 const gateway::ServerMessage& answer) {
  const gateway::FrameBytes frame = gateway::EncodeFrames(dialect, answer);
  Require(json::IsJson(gateway::PayloadOf(*frame)));
}

// Names are checked later; half of a surrogate pair in them makes no UTF-8.
struct Checks {
  const gateway::NativeDialect& dialect;

  void operator()(const gateway::SubscribeMessage& message) const {
    Require(contract::IsUtf8(message.auth));
    if (!message.channel_data.empty()) {
      Require(json::IsJson(message.channel_data));
      Require(json::IsJsonObject(json::StripJsonSpace(message.channel_data)));
    }
    if (message.recover.has_value()) {
      Require(message.recover->offset() >= 0);
      Require(contract::IsUtf8(message.recover->epoch()));
    }
    RequireJson(dialect, gateway::SubscriptionErrorMessage{
                             message.channel, "reason",
                             link::v1::Refused::CODE_UNAUTHORIZED});
  }
  void operator()(const gateway::UnsubscribeMessage& message) const {
    RequireJson(dialect, gateway::UnsubscribedMessage{message.channel, ""});
  }
  void operator()(const gateway::WhisperMessage& message) const {
    Require(json::IsJson(message.data));
  }
  // Herald's own protocol has no sign-in.
  void operator()(const gateway::SignInMessage& /*message*/) const {
    Require(false);
  }
  void operator()(const gateway::PingMessage& /*message*/) const {}
  void operator()(const gateway::BadMessage& message) const {
    RequirePrintable(message.reason);
    RequireJson(dialect,
                gateway::ErrorMessage{gateway::ErrorCode::kInvalidMessage,
                                      message.reason, message.channel});
  }
};

}  // namespace
}  // namespace herald::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const herald::gateway::NativeDialect dialect;
  std::visit(herald::fuzz::Checks{dialect},
             dialect.Decode({reinterpret_cast<const char*>(data), size}));
  return 0;
}
