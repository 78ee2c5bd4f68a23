// SPDX-License-Identifier: Apache-2.0
//
// Every bound that peers share, with the relations between them. Bounds that an
// operator may choose are settings (proto/README.md); these are the contract.
// Units are in the names; all ends are inclusive.

#ifndef HERALD_PROTO_CONTRACT_LIMITS_H_
#define HERALD_PROTO_CONTRACT_LIMITS_H_

#include <cstdint>

namespace herald::contract {

// Names.
inline constexpr int64_t kChannelNameBytesMax = 164;  // As Pusher's.
inline constexpr int64_t kEventNameBytesMax = 200;
inline constexpr int64_t kUserIdBytesMax = 128;
inline constexpr int64_t kIdempotencyKeyBytesMax = 128;

// Arrays and objects of JSON inside one another, as PHP counts them: a number
// has depth 0, [] has 1, [[]] has 2.
inline constexpr int kJsonDepthMax = 512;

// Parts of a subscribe.
inline constexpr int64_t kUserInfoBytesMax = 16 << 10;
inline constexpr int64_t kAuthTokenBytesMax = 16 << 10;
inline constexpr int64_t kChannelDataBytesMax = 32 << 10;  // Holds a user_info.
inline constexpr int64_t kSubscribeBytesMax =
    kAuthTokenBytesMax + kChannelDataBytesMax;
inline constexpr int64_t kReasonBytesMax = 1 << 10;

// The members of one presence channel together, user_id and user_info: each
// subscriber receives all of them in one message.
inline constexpr int64_t kMembersBytesMax = 16 << 20;

// Calls.
inline constexpr int64_t kBroadcastChannelsMax = 100;
inline constexpr int64_t kWatchChannelsMax = 100;
inline constexpr int64_t kPageSizeDefault = 100;
inline constexpr int64_t kPageSizeMax = 1000;

// Answers of one message end here, so that clients with gRPC's default bound of
// 4 MiB receive them.
inline constexpr int64_t kAnswerBytesMax = 3 << 20;

// `BROADCAST_MAX_PAYLOAD` may be set up to kPayloadBytesLimit. A client message
// may be larger than the payload or the parts of a subscribe, by
// kClientMessageExtraBytes.
inline constexpr int64_t kPayloadBytesLimit = 16 << 20;
inline constexpr int64_t kClientMessageExtraBytes = 4 << 10;

// Sockets.
inline constexpr int64_t kPendingSubscribesMax = 100;

// Link. A frame is closed at kLinkFrameBytes or at one larger item. Towards a
// gateway that is at most kLinkMessageBytesMax: a roster, or a publication.
// Towards the service it is kLinkAttachFrameBytes (longer holdings are split),
// or a whisper. So the service need not accept more from any peer than the
// payload and kServiceMessageExtraBytes.
inline constexpr int32_t kLinkProtocolVersion = 1;
inline constexpr int32_t kLinkProtocolVersionMin = 1;
inline constexpr int64_t kLinkFrameBytes = 256 << 10;
inline constexpr int64_t kLinkAttachFrameBytes = 1 << 20;
inline constexpr int64_t kLinkOutboxBytesMax = 16 << 20;
inline constexpr int64_t kLinkMessageBytesMax = 64 << 20;
inline constexpr int64_t kServiceMessageExtraBytes = 4 << 20;

// Bounds on the claims of a gateway. Subscriptions of one channel and sockets
// are counted in 31 bits, so that no sum of them overflows.
inline constexpr int64_t kLinkCountMax = (int64_t{1} << 31) - 1;
inline constexpr int64_t kLinkHeldBytesMax = 512 << 20;  // Of all `held`.
inline constexpr int64_t kConnectionBytesMax = 128 << 10;
inline constexpr int64_t kEpochBytesMax = 32;
inline constexpr int64_t kVersionBytesMax = 64;
inline constexpr int64_t kGatewaySecretBytes = 32;

// Authorizer.
inline constexpr int64_t kAuthorizerInFlightMax = 1000;
inline constexpr int64_t kAuthorizerQueueMax = 10000;
inline constexpr int64_t kAuthorizerQueueBytesMax = 64 << 20;
inline constexpr int64_t kAuthorizerMessageBytesMax = 16 << 20;

// Watch. `subscribed` carries at most kAnswerBytesMax of a roster.
inline constexpr int64_t kWatchOutboxBytesMax = 1 << 20;
inline constexpr int64_t kKeepaliveIntervalSecondsMin = 1;
inline constexpr int64_t kKeepaliveIntervalSecondsMax = 3600;

// Proxies end streams on which nothing was sent for 60 s. A link, and a Watch
// of our own libraries, sends a keepalive after kKeepaliveSeconds without a
// message. An end that misses kKeepalivesMissedMax of them takes the stream for
// dead.
inline constexpr int64_t kKeepaliveSeconds = 20;
inline constexpr int64_t kKeepalivesMissedMax = 3;

static_assert(kLinkFrameBytes <= kLinkAttachFrameBytes);
static_assert(kLinkAttachFrameBytes < kLinkOutboxBytesMax);
static_assert(kPayloadBytesLimit + kLinkOutboxBytesMax <= kLinkMessageBytesMax);
static_assert(2 * kMembersBytesMax <= kLinkMessageBytesMax);
static_assert(2 * kLinkAttachFrameBytes <= kServiceMessageExtraBytes);
static_assert(kUserInfoBytesMax + kUserIdBytesMax < kChannelDataBytesMax);

}  // namespace herald::contract

#endif  // HERALD_PROTO_CONTRACT_LIMITS_H_
