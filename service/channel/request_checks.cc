// SPDX-License-Identifier: Apache-2.0

#include "service/channel/request_checks.h"

#include <algorithm>
#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "proto/contract/limits.h"
#include "proto/json/json.h"

namespace herald::core {
namespace {

using contract::Quoted;

absl::Status CheckData(absl::string_view data, int64_t bytes_max) {
  if (static_cast<int64_t>(data.size()) > bytes_max) {
    return absl::ResourceExhaustedError(
        absl::StrCat("data has ", data.size(), " bytes; at most ", bytes_max,
                     " are allowed (BROADCAST_MAX_PAYLOAD)"));
  }
  return json::CheckJson("data", data);
}

// FNV-1a over both, with their border. It distinguishes a token from any other
// text and is no secret.
std::string Checksum(absl::string_view channel, absl::string_view user_id) {
  uint32_t hash = 2166136261;
  for (const char c : absl::StrCat(channel, " ", user_id)) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 16777619;
  }
  return absl::StrFormat("%08x", hash);
}

}  // namespace

absl::Status CheckChannels(
    const google::protobuf::RepeatedPtrField<std::string>& channels,
    int64_t channels_max) {
  if (channels.empty() || channels.size() > channels_max) {
    return absl::InvalidArgumentError(
        absl::StrCat("channels has ", channels.size(),
                     " entries; allowed are 1 to ", channels_max));
  }
  absl::flat_hash_set<absl::string_view> seen;
  for (const std::string& channel : channels) {
    absl::Status status = contract::CheckChannelName(channel);
    if (!status.ok()) return status;
    if (channels.size() > 1 && !seen.insert(channel).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("channel ", Quoted(channel), " is named twice"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckBroadcast(const v1::BroadcastRequest& request,
                            int64_t payload_bytes_max) {
  absl::Status status =
      CheckChannels(request.channels(), contract::kBroadcastChannelsMax);
  if (!status.ok()) return status;
  status = contract::CheckEventName(request.event());
  if (!status.ok()) return status;
  if (!request.except_socket_id().empty()) {
    status = CheckSocketId("except_socket_id", request.except_socket_id());
    if (!status.ok()) return status;
  }
  if (static_cast<int64_t>(request.idempotency_key().size()) >
      contract::kIdempotencyKeyBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat(
        "idempotency_key ", Quoted(request.idempotency_key()), " has ",
        request.idempotency_key().size(), " bytes; at most ",
        contract::kIdempotencyKeyBytesMax, " are allowed"));
  }
  return CheckData(request.data(), payload_bytes_max);
}

absl::Status CheckSince(
    const google::protobuf::RepeatedPtrField<std::string>& channels,
    const v1::ChannelPosition& since) {
  if (std::find(channels.begin(), channels.end(), since.channel()) ==
      channels.end()) {
    return absl::InvalidArgumentError(
        absl::StrCat("since names channel ", Quoted(since.channel()),
                     ", which is not in channels"));
  }
  return CheckPosition(absl::StrCat("since of channel ", since.channel()),
                       {since.epoch(), since.offset()});
}

absl::Status CheckPosition(absl::string_view what, const Position& position) {
  if (position.offset >= 0 &&
      (position.offset == 0 || !position.epoch.empty())) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      what, " has offset ", position.offset,
      position.offset < 0 ? ", which is negative" : " and no epoch"));
}

absl::Status CheckMember(const v1::Member& member) {
  absl::Status status = contract::CheckUserId(member.user_id());
  if (!status.ok()) return status;
  const std::string& info = member.user_info();
  if (static_cast<int64_t>(info.size()) > contract::kUserInfoBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat(
        "user_info of ", Quoted(member.user_id()), " has ", info.size(),
        " bytes; at most ", contract::kUserInfoBytesMax, " are allowed"));
  }
  if (info.empty()) return absl::OkStatus();
  return json::CheckJson(
      absl::StrCat("user_info of ", Quoted(member.user_id())), info);
}

std::string PageToken(absl::string_view channel, absl::string_view user_id) {
  return absl::StrCat(absl::WebSafeBase64Escape(user_id), ".",
                      Checksum(channel, user_id));
}

absl::StatusOr<std::string> ReadPageToken(absl::string_view channel,
                                          absl::string_view token) {
  std::string user_id;
  if (token.empty()) return user_id;
  if (absl::WebSafeBase64Unescape(token.substr(0, token.find('.')), &user_id) &&
      token == PageToken(channel, user_id)) {
    return user_id;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("page_token ", Quoted(token),
                   " is of no such page of channel ", Quoted(channel)));
}

absl::Status CheckKeepaliveInterval(
    const google::protobuf::Duration& interval) {
  constexpr int32_t kNanosMax = 999'999'999;
  const int64_t seconds = interval.seconds();
  const int32_t nanos = interval.nanos();
  if (seconds == 0 && nanos == 0) return absl::OkStatus();
  if (nanos >= 0 && nanos <= kNanosMax &&
      seconds >= contract::kKeepaliveIntervalSecondsMin &&
      (seconds < contract::kKeepaliveIntervalSecondsMax ||
       (seconds == contract::kKeepaliveIntervalSecondsMax && nanos == 0))) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "keepalive_interval of ", seconds, " s and ", nanos,
      " ns is not allowed: 0, or from ", contract::kKeepaliveIntervalSecondsMin,
      " s to ", contract::kKeepaliveIntervalSecondsMax, " s"));
}

std::string PassableReason(absl::string_view reason) {
  reason =
      contract::CutUtf8(reason, static_cast<size_t>(contract::kReasonBytesMax));
  if (!contract::IsUtf8(reason)) return "";
  return contract::OneLine(std::string(reason));
}

absl::Status CheckSocketId(absl::string_view field, absl::string_view text) {
  if (contract::ParseSocketId(text).has_value()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      field, " ", Quoted(text), " is not of the form digits.digits"));
}

}  // namespace herald::core
