// SPDX-License-Identifier: Apache-2.0

#include "service/gateways/link_checks.h"

#include <optional>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "proto/contract/limits.h"
#include "proto/contract/names.h"
#include "proto/json/json.h"
#include "service/channel/position.h"
#include "service/channel/request_checks.h"

namespace herald::core {
namespace {

using link::v1::GatewayItem;

// gRPC's highest canonical code.
constexpr int32_t kCodeMax = 16;

// Of a gRPC target, which is logged.
constexpr int64_t kTargetBytesMax = 1024;

absl::Status CheckCount(absl::string_view field, int64_t count, int64_t min) {
  if (count >= min && count <= contract::kLinkCountMax) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(field, " is ", count,
                                                 "; allowed are ", min, " to ",
                                                 contract::kLinkCountMax));
}

absl::Status CheckId(absl::string_view field, int64_t id) {
  if (id > 0) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(field, " is not positive"));
}

absl::Status CheckBytes(absl::string_view field, size_t bytes,
                        int64_t bytes_max) {
  if (static_cast<int64_t>(bytes) <= bytes_max) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      field, " has ", bytes, " bytes; at most ", bytes_max, " are allowed"));
}

absl::Status CheckOwnSocket(absl::string_view field, absl::string_view text,
                            uint64_t gateway) {
  const std::optional<contract::SocketId> id = contract::ParseSocketId(text);
  if (id.has_value() && id->gateway == gateway) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(field, " ", contract::Quoted(text),
                   " is no socket of gateway ", gateway));
}

absl::Status CheckHeldPosition(const v1::Position& position) {
  absl::Status status =
      CheckBytes("the epoch of a position", position.epoch().size(),
                 contract::kEpochBytesMax);
  if (!status.ok()) return status;
  return CheckPosition("a position", {position.epoch(), position.offset()});
}

absl::Status CheckHeldMember(const link::v1::HeldMember& held,
                             uint64_t gateway) {
  absl::Status status = CheckMember(held.member());
  if (status.ok() && held.socket_ids().empty()) {
    status = absl::InvalidArgumentError(
        absl::StrCat("held user ", contract::Quoted(held.member().user_id()),
                     " has no socket"));
  }
  for (const std::string& socket_id : held.socket_ids()) {
    if (!status.ok()) return status;
    status = CheckOwnSocket("held.socket_ids", socket_id, gateway);
  }
  return status;
}

absl::Status CheckHeld(const link::v1::Held& held, uint64_t gateway) {
  absl::Status status = contract::CheckChannelName(held.channel());
  if (status.ok()) {
    status = CheckCount("held.subscription_count", held.subscription_count(),
                        /*min=*/0);
  }
  if (status.ok()) status = CheckHeldPosition(held.position());
  if (status.ok() && !held.members().empty() &&
      contract::TypeOfChannel(held.channel()) !=
          contract::ChannelType::kPresence) {
    status = absl::InvalidArgumentError(
        absl::StrCat("held channel ", held.channel(), " is not for members"));
  }
  for (const link::v1::HeldMember& member : held.members()) {
    if (!status.ok()) return status;
    status = CheckHeldMember(member, gateway);
  }
  return status;
}

// The fields of a question in a `subscribe` and in a `renew`. Subscriptions
// checks the name of the channel.
absl::Status CheckQuestion(const link::v1::Subscribe& question,
                           uint64_t gateway) {
  absl::Status status = CheckId("subscribe.ticket", question.ticket());
  if (status.ok() && !question.socket_id().empty()) {
    status =
        CheckOwnSocket("subscribe.socket_id", question.socket_id(), gateway);
  }
  if (status.ok()) {
    status = CheckBytes("subscribe.auth_token", question.auth_token().size(),
                        contract::kAuthTokenBytesMax);
  }
  if (status.ok()) {
    status =
        CheckBytes("subscribe.channel_data", question.channel_data().size(),
                   contract::kChannelDataBytesMax);
  }
  if (!status.ok()) return status;
  // The authorizer's link parses it (service/authorizer/connection_bytes.h).
  return CheckBytes("subscribe.connection", question.connection().size(),
                    contract::kConnectionBytesMax);
}

absl::Status CheckSubscribe(const link::v1::Subscribe& subscribe,
                            uint64_t gateway) {
  absl::Status status = CheckQuestion(subscribe, gateway);
  if (status.ok() && subscribe.socket_id().empty()) {
    status = absl::InvalidArgumentError("subscribe.socket_id is empty");
  }
  if (status.ok() && subscribe.call_id() < 0) {
    status = absl::InvalidArgumentError("subscribe.call_id is negative");
  }
  if (!status.ok() || !subscribe.has_member()) return status;
  // A member without a call would bypass the authorizer. Calls::Claim() checks
  // that a backend has this call open.
  if (subscribe.call_id() == 0) {
    return absl::InvalidArgumentError("subscribe.member came without a call");
  }
  return CheckMember(subscribe.member());
}

absl::Status CheckRenew(const link::v1::Subscribe& renewed, uint64_t gateway) {
  absl::Status status = CheckQuestion(renewed, gateway);
  if (status.ok()) status = contract::CheckChannelName(renewed.channel());
  if (!status.ok() || renewed.member().user_id().empty()) return status;
  return contract::CheckUserId(renewed.member().user_id());
}

absl::Status CheckSocketQuestion(const link::v1::SocketQuestion& question,
                                 uint64_t gateway) {
  absl::Status status = CheckId("socket_question.ticket", question.ticket());
  if (status.ok()) {
    status = CheckOwnSocket("socket_question.socket_id", question.socket_id(),
                            gateway);
  }
  if (status.ok()) {
    status =
        CheckBytes("socket_question.connection", question.connection().size(),
                   contract::kConnectionBytesMax);
  }
  if (status.ok()) {
    status =
        CheckBytes("sign_in.auth_token", question.sign_in().auth_token().size(),
                   contract::kAuthTokenBytesMax);
  }
  if (!status.ok()) return status;
  return CheckBytes("sign_in.user_data", question.sign_in().user_data().size(),
                    contract::kChannelDataBytesMax);
}

absl::Status CheckUnsubscribe(const link::v1::Unsubscribe& unsubscribe,
                              uint64_t gateway) {
  absl::Status status = CheckId("unsubscribe.ticket", unsubscribe.ticket());
  if (status.ok()) status = contract::CheckChannelName(unsubscribe.channel());
  if (status.ok() && !unsubscribe.socket_id().empty()) {
    status = CheckOwnSocket("unsubscribe.socket_id", unsubscribe.socket_id(),
                            gateway);
  }
  if (!status.ok() || unsubscribe.user_id().empty()) return status;
  return contract::CheckUserId(unsubscribe.user_id());
}

absl::Status CheckWhisper(const link::v1::Whisper& whisper, uint64_t gateway,
                          int64_t payload_bytes_max) {
  absl::Status status = contract::CheckChannelName(whisper.channel());
  if (status.ok()) status = contract::CheckEventName(whisper.event());
  if (status.ok()) {
    status = CheckOwnSocket("whisper.socket_id", whisper.socket_id(), gateway);
  }
  if (status.ok() && !whisper.user_id().empty()) {
    status = contract::CheckUserId(whisper.user_id());
  }
  if (status.ok()) {
    status =
        CheckBytes("whisper.data", whisper.data().size(), payload_bytes_max);
  }
  if (!status.ok()) return status;
  return json::CheckJson("whisper.data", whisper.data());
}

absl::Status CheckRecover(const link::v1::Recover& recover) {
  absl::Status status = contract::CheckChannelName(recover.channel());
  if (!status.ok()) return status;
  if (recover.bytes_max() < 0) {
    return absl::InvalidArgumentError("recover.bytes_max is negative");
  }
  return CheckHeldPosition(recover.since());
}

absl::Status CheckCongestion(const link::v1::Congestion& congestion) {
  // The socket is another gateway's.
  if (!contract::ParseSocketId(congestion.socket_id()).has_value()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "congestion.socket_id ", contract::Quoted(congestion.socket_id()),
        " is no socket"));
  }
  if (congestion.bytes() >= 0 &&
      congestion.bytes() <= contract::kPayloadBytesLimit) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("congestion.bytes is ", congestion.bytes()));
}

}  // namespace

absl::Status CheckCallResult(const link::v1::CallResult& result) {
  absl::Status status = CheckId("call_result.call_id", result.call_id());
  if (status.ok() && (result.code() < 0 || result.code() > kCodeMax)) {
    status = absl::InvalidArgumentError(absl::StrCat(
        "call_result.code is ", result.code(), ", which is no gRPC code"));
  }
  if (!status.ok()) return status;
  return CheckCount("call_result.disconnected_count",
                    result.disconnected_count(), /*min=*/0);
}

absl::Status CheckHello(const link::v1::Hello& hello) {
  if (hello.protocol_version() < contract::kLinkProtocolVersionMin ||
      hello.protocol_version() > contract::kLinkProtocolVersion) {
    return absl::FailedPreconditionError(absl::StrCat(
        "link protocol version ", hello.protocol_version(),
        " is not served; allowed are ", contract::kLinkProtocolVersionMin,
        " to ", contract::kLinkProtocolVersion));
  }
  absl::Status status = CheckId("hello.gateway_id", hello.gateway_id());
  if (status.ok()) {
    status = CheckBytes("hello.version", hello.version().size(),
                        contract::kVersionBytesMax);
  }
  for (const char c : hello.version()) {
    if (!status.ok()) return status;
    // It is printed in statistics.
    if (absl::ascii_isgraph(static_cast<unsigned char>(c))) continue;
    status = absl::InvalidArgumentError(
        absl::StrCat("hello.version ", contract::Quoted(hello.version()),
                     " is not of printable characters"));
  }
  if (status.ok() && hello.link_down_ms() < 0) {
    status = absl::InvalidArgumentError("hello.link_down_ms is negative");
  }
  if (!status.ok() || hello.secret().empty()) return status;
  if (static_cast<int64_t>(hello.secret().size()) ==
      contract::kGatewaySecretBytes) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "hello.secret has not ", contract::kGatewaySecretBytes, " bytes"));
}

absl::Status CheckItem(const GatewayItem& item, uint64_t gateway,
                       int64_t payload_bytes_max) {
  switch (item.item_case()) {
    case GatewayItem::kHeld:
      return CheckHeld(item.held(), gateway);
    case GatewayItem::kSubscribe:
      return CheckSubscribe(item.subscribe(), gateway);
    case GatewayItem::kCancel:
      return CheckId("cancel.ticket", item.cancel().ticket());
    case GatewayItem::kUnsubscribe:
      return CheckUnsubscribe(item.unsubscribe(), gateway);
    case GatewayItem::kWhisper:
      return CheckWhisper(item.whisper(), gateway, payload_bytes_max);
    case GatewayItem::kRenew:
      return CheckRenew(item.renew().subscribe(), gateway);
    case GatewayItem::kSocketQuestion:
      return CheckSocketQuestion(item.socket_question(), gateway);
    case GatewayItem::kCallResult:
      return CheckCallResult(item.call_result());
    case GatewayItem::kReport:
      return CheckCount("report.client_count", item.report().client_count(),
                        /*min=*/0);
    case GatewayItem::kMoving:
      return CheckBytes("moving.target", item.moving().target().size(),
                        kTargetBytesMax);
    case GatewayItem::kRecover:
      return CheckRecover(item.recover());
    case GatewayItem::kCongestion:
      return CheckCongestion(item.congestion());
    default:
      return absl::OkStatus();
  }
}

}  // namespace herald::core
