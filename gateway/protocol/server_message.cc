// SPDX-License-Identifier: Apache-2.0

#include "gateway/protocol/server_message.h"

#include <initializer_list>

namespace herald::gateway {
namespace {

// The frame header, and the names of a message's fields.
constexpr int64_t kFramingBytes = 48;

int64_t Sum(std::initializer_list<absl::string_view> texts) {
  size_t bytes = 0;
  for (const absl::string_view text : texts) bytes += text.size();
  return static_cast<int64_t>(bytes);
}

int64_t BytesOf(const ConnectedMessage& one) { return Sum({one.socket_id}); }
int64_t BytesOf(const SubscribedMessage& one) {
  int64_t bytes = Sum({one.channel});
  if (one.members != nullptr) bytes += one.members->bytes;
  if (one.position.has_value()) bytes += Sum({one.position->epoch()});
  return bytes;
}
int64_t BytesOf(const SubscriptionErrorMessage& one) {
  return Sum({one.channel, one.error});
}
int64_t BytesOf(const UnsubscribedMessage& one) {
  return Sum({one.channel, one.reason});
}
int64_t BytesOf(const SignedInMessage& one) { return Sum({one.user_data}); }
int64_t BytesOf(const SignInErrorMessage& one) { return Sum({one.error}); }
int64_t BytesOf(const EventMessage& one) {
  const link::v1::Publication& event = one.publication;
  return Sum({event.channel(), event.event(), event.data(), event.user_id()});
}
int64_t BytesOf(const MemberAddedMessage& one) {
  return Sum({one.channel, one.member.user_id(), one.member.user_info()});
}
int64_t BytesOf(const MemberRemovedMessage& one) {
  return Sum({one.channel, one.user_id});
}
int64_t BytesOf(const PongMessage& /*pong*/) { return 0; }
int64_t BytesOf(const ErrorMessage& one) { return Sum({one.message}); }

}  // namespace

int64_t MessageBytes(const ServerMessage& message) {
  return kFramingBytes +
         std::visit([](const auto& one) { return BytesOf(one); }, message);
}

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
    default:  // A code of a newer service is unknown here.
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
