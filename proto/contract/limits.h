// SPDX-License-Identifier: Apache-2.0
//
// Every bound that peers share, with the relations between them. What an
// operator may choose is a setting (README); what is here is the contract.
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

// What comes with a subscription.
inline constexpr int64_t kUserInfoBytesMax = 16 << 10;
inline constexpr int64_t kAuthTokenBytesMax = 16 << 10;
inline constexpr int64_t kChannelDataBytesMax = 32 << 10;  // Holds a user_info.
inline constexpr int64_t kSubscribeBytesMax =
    kAuthTokenBytesMax + kChannelDataBytesMax;
inline constexpr int64_t kReasonBytesMax = 1 << 10;

// The members of one presence channel together, user_id and user_info: every
// subscriber is told all of them at once.
inline constexpr int64_t kMembersBytesMax = 16 << 20;

// Calls.
inline constexpr int64_t kBroadcastChannelsMax = 100;
inline constexpr int64_t kWatchChannelsMax = 100;
inline constexpr int64_t kPageSizeDefault = 100;
inline constexpr int64_t kPageSizeMax = 1000;

// `BROADCAST_MAX_PAYLOAD` may be set up to here; a client message may exceed
// the payload, or what comes with a subscribe, by what is round it.
inline constexpr int64_t kPayloadBytesLimit = 16 << 20;
inline constexpr int64_t kClientMessageExtraBytes = 4 << 10;

// Sockets.
inline constexpr int64_t kPendingSubscribesMax = 100;

// Link. A frame is closed at kLinkFrameBytes or at one larger item. Towards a
// gateway that is at most kLinkMessageBytesMax: a roster, or a publication.
// Towards the service it is kLinkAttachFrameBytes (longer holdings are split),
// or a whisper; so the service need not accept more of anybody than the payload
// and kServiceMessageExtraBytes.
inline constexpr int32_t kLinkProtocolVersion = 1;
inline constexpr int32_t kLinkProtocolVersionMin = 1;
inline constexpr int64_t kLinkFrameBytes = 256 << 10;
inline constexpr int64_t kLinkAttachFrameBytes = 1 << 20;
inline constexpr int64_t kLinkOutboxBytesMax = 16 << 20;
inline constexpr int64_t kLinkMessageBytesMax = 64 << 20;
inline constexpr int64_t kServiceMessageExtraBytes = 4 << 20;

// Authorizer.
inline constexpr int64_t kAuthorizerInFlightMax = 1000;
inline constexpr int64_t kAuthorizerQueueMax = 10000;
inline constexpr int64_t kAuthorizerMessageBytesMax = 16 << 20;

// Watch.
inline constexpr int64_t kWatchOutboxBytesMax = 1 << 20;

static_assert(kLinkFrameBytes <= kLinkAttachFrameBytes);
static_assert(kLinkAttachFrameBytes < kLinkOutboxBytesMax);
static_assert(kPayloadBytesLimit + kLinkOutboxBytesMax <= kLinkMessageBytesMax);
static_assert(2 * kMembersBytesMax <= kLinkMessageBytesMax);
static_assert(2 * kLinkAttachFrameBytes <= kServiceMessageExtraBytes);
static_assert(kUserInfoBytesMax + kUserIdBytesMax < kChannelDataBytesMax);

}  // namespace herald::contract

#endif  // HERALD_PROTO_CONTRACT_LIMITS_H_
