// SPDX-License-Identifier: Apache-2.0
//
// Port: a client protocol. Turns what clients write into values, and values
// into frames; knows the close codes. One implementation per kind of client.
//
// Threads: any; implementations are constant.

#ifndef HERALD_GATEWAY_PROTOCOL_DIALECT_H_
#define HERALD_GATEWAY_PROTOCOL_DIALECT_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gateway/protocol/frame.h"
#include "herald/link/v1/gateway_service.pb.h"
#include "proto/contract/close_reason.h"

namespace herald::gateway {

// An error repeats the name of a channel up to this length. Valid names are
// shorter; an invalid one may be as long as a message.
inline constexpr size_t kEchoedNameBytesMax = 256;

// What a client may say. Lengths and names are not checked yet.
struct SubscribeMessage {
  std::string channel;
  std::string auth;
  std::string channel_data;  // JSON text of an object, as it was sent.
  // Where the client was; the offset is not negative. Without an epoch and with
  // an offset of 0: it wants the latest event.
  std::optional<v1::Position> recover;
};
struct UnsubscribeMessage {
  std::string channel;
};
struct WhisperMessage {
  std::string channel;
  std::string event;
  std::string data;  // JSON text, as it was sent.
};
struct PingMessage {};
// A message that is not understood. A subscribe that names its channel is to be
// answered as a subscribe; anything else is answered with an error.
struct BadMessage {
  std::string reason;                  // A sentence for the client.
  std::optional<std::string> channel;  // The one that it names, if any.
  bool is_subscribe = false;
};

using ClientMessage = std::variant<SubscribeMessage, UnsubscribeMessage,
                                   WhisperMessage, PingMessage, BadMessage>;

// Why a client's message is answered with an error; ErrorName() is what the
// client sees.
enum class ErrorCode {
  kInvalidMessage,
  kInvalidChannel,
  kInvalidEvent,
  kNotAllowed,       // Client events are off.
  kNotSubscribed,    // A whisper needs a subscription.
  kPayloadTooLarge,  // `data` exceeds what the channel allows.
  kUnavailable,      // The service cannot take it now.
  kRateLimited,      // The socket has sent too much of it.
};

// What was wrong, as a sentence, and with what channel, if with any.
struct ClientError {
  ErrorCode code;
  std::string message;
  std::optional<std::string> channel;
};

// How a close looks on the wire (RFC 6455 section 7.4).
struct CloseFrame {
  uint16_t code = 0;
  absl::string_view text;  // A constant; what to say when nobody said why.
};

class Dialect {
 public:
  virtual ~Dialect() = default;

  virtual ClientMessage Decode(absl::string_view text) const = 0;

  virtual FrameBytes Connected(absl::string_view socket_id) const = 0;
  // `members` is what EncodeMembers() has made, for presence channels only;
  // otherwise nullptr. So is `position` for channels without history.
  // `recovered` is there for who has asked to recover.
  virtual FrameBytes Subscribed(absl::string_view channel,
                                const std::string* members,
                                const v1::Position* position,
                                std::optional<bool> recovered) const = 0;
  // These two cut the name of a channel at kEchoedNameBytesMax.
  virtual FrameBytes SubscriptionError(absl::string_view channel,
                                       absl::string_view error,
                                       absl::string_view code) const = 0;
  virtual FrameBytes Error(const ClientError& error) const = 0;
  virtual FrameBytes Unsubscribed(absl::string_view channel,
                                  absl::string_view reason) const = 0;
  virtual FrameBytes Event(const link::v1::Publication& publication) const = 0;
  virtual FrameBytes MemberAdded(absl::string_view channel,
                                 absl::string_view user_id,
                                 absl::string_view user_info) const = 0;
  virtual FrameBytes MemberRemoved(absl::string_view channel,
                                   absl::string_view user_id) const = 0;
  virtual FrameBytes Pong() const = 0;

  virtual CloseFrame Close(contract::CloseReason why) const = 0;

  // What the close frame of kGoingAway says to a client that is to come back
  // after `delay`, which is of whole milliseconds.
  virtual std::string GoingAway(absl::Duration delay) const = 0;
};

// The name of a refusal, as clients see it: `unauthorized`, `channel_full` …
absl::string_view RefusalName(link::v1::Refused::Code code);

// The name of an error: `invalid_message`, `not_allowed` …
absl::string_view ErrorName(ErrorCode code);

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_PROTOCOL_DIALECT_H_
