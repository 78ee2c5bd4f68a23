// SPDX-License-Identifier: Apache-2.0
//
// Checks requests of backends and messages of authorizers against the rules of
// broadcast_service.proto and authorizer_service.proto. Pure.
//
// Failure: the code that the .proto promises, and a message that names the
// value that was wrong.

#ifndef HERALD_SERVICE_CHANNEL_REQUEST_CHECKS_H_
#define HERALD_SERVICE_CHANNEL_REQUEST_CHECKS_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/repeated_ptr_field.h"
#include "herald/v1/broadcast_service.pb.h"
#include "proto/contract/names.h"
#include "service/channel/position.h"

namespace herald::core {

// INVALID_ARGUMENT, or RESOURCE_EXHAUSTED for more than `payload_bytes_max`.
absl::Status CheckBroadcast(const v1::BroadcastRequest& request,
                            int64_t payload_bytes_max);

// 1 to `channels_max` valid names, none of them twice.
absl::Status CheckChannels(
    const google::protobuf::RepeatedPtrField<std::string>& channels,
    int64_t channels_max);

// One `since` of a Watch of `channels`.
absl::Status CheckSince(
    const google::protobuf::RepeatedPtrField<std::string>& channels,
    const v1::ChannelPosition& since);

// A position that `what` names: in an epoch, or without both.
absl::Status CheckPosition(absl::string_view what, const Position& position);

// A valid user_id, and a user_info that is empty or JSON within its bound.
absl::Status CheckMember(const v1::Member& member);

// A token for the page of a channel that follows a user, for GetMembers().
// Opaque to callers, and the same in every service, so that another one may
// answer for the next page.
std::string PageToken(absl::string_view channel, absl::string_view user_id);

// The user of a PageToken() of the channel; empty for an empty token, which
// asks for the first page. INVALID_ARGUMENT if it is no PageToken() of the
// channel.
absl::StatusOr<std::string> ReadPageToken(absl::string_view channel,
                                          absl::string_view token);

// OK, or INVALID_ARGUMENT, for the keepalive_interval of a Watch.
absl::Status CheckKeepaliveInterval(const google::protobuf::Duration& interval);

// `reason` as it is passed on: the first kReasonBytesMax bytes on one line.
// Empty if they are not UTF-8: such a string would break the link.
std::string PassableReason(absl::string_view reason);

// `text` as a socket id, or INVALID_ARGUMENT.
absl::Status CheckSocketId(absl::string_view field, absl::string_view text);

}  // namespace herald::core

#endif  // HERALD_SERVICE_CHANNEL_REQUEST_CHECKS_H_
