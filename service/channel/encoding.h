// SPDX-License-Identifier: Apache-2.0
//
// Turns messages into chunks (sink.h). Pure.

#ifndef HERALD_SERVICE_CHANNEL_ENCODING_H_
#define HERALD_SERVICE_CHANNEL_ENCODING_H_

#include <cstdint>
#include <optional>

#include "herald/link/v1/gateway_service.pb.h"
#include "herald/v1/broadcast_service.pb.h"
#include "service/channel/position.h"
#include "service/channel/sink.h"

namespace herald::core {

// One item of a link frame. Concatenated chunks are an AttachResponse.
Chunk EncodeItem(link::v1::ServiceItem item);

// One whole message of a Watch.
Chunk EncodeWatch(v1::ServerMessage message);

// A `member_added` of the channel.
v1::ServerMessage MemberAddedOf(absl::string_view channel, v1::Member member);

// Upper bound on the bytes of an entry of a repeated field beyond its content:
// the tag and the length.
inline constexpr int64_t kFieldBytesMax = 6;

v1::Position ToProto(const Position& position);
Position FromProto(const v1::Position& position);

// The channel's position, for gateways. `lost`: events may have been missed.
link::v1::ServiceItem NewPosition(absl::string_view channel,
                                  const Position& position, bool lost);

// Decodes a publication that was encoded for gateways into the event that a
// backend receives. Empty if the chunk holds anything else. Not for
// whispers.
std::optional<v1::Event> DecodeEvent(const Chunk& chunk);

}  // namespace herald::core

#endif  // HERALD_SERVICE_CHANNEL_ENCODING_H_
