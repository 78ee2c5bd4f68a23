// SPDX-License-Identifier: Apache-2.0

#include "service/authorizer/authorizer_answer.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "proto/contract/limits.h"
#include "proto/contract/names.h"

namespace herald::authorizer {

core::Verdict ToDecision(v1::Decision& decision) {
  core::Verdict out;
  if (!decision.allowed()) {
    const absl::string_view reason = contract::CutUtf8(
        decision.reason(), static_cast<size_t>(contract::kReasonBytesMax));
    const bool usable = !reason.empty() && contract::IsUtf8(reason);
    out.status = absl::PermissionDeniedError(
        usable ? contract::OneLine(std::string(reason))
               : "denied by the authorizer");
    return out;
  }
  if (decision.has_member()) out.member = std::move(*decision.mutable_member());
  if (decision.has_expires_after()) {
    out.expires_after = ToDuration(decision.expires_after());
  }
  return out;
}

absl::string_view OutcomeOf(const core::Verdict& decision) {
  if (decision.status.ok()) return "allowed";
  return absl::IsPermissionDenied(decision.status) ? "denied" : "unavailable";
}

absl::Duration ToDuration(const google::protobuf::Duration& duration) {
  constexpr int64_t kSecondsMax = 315'576'000'000;  // Of duration.proto.
  const int64_t seconds = duration.seconds();
  const int32_t nanos = duration.nanos();
  if (nanos <= -1'000'000'000 || nanos >= 1'000'000'000 ||
      (seconds > 0 && nanos < 0) || (seconds < 0 && nanos > 0)) {
    return absl::ZeroDuration();
  }
  return absl::Seconds(std::clamp(seconds, -kSecondsMax, kSecondsMax)) +
         absl::Nanoseconds(nanos);
}

std::string CleanStatus(const absl::Status& status) {
  constexpr size_t kMessageBytesMax = 200;
  std::string message(status.message());
  if (!contract::IsUtf8(message)) message = absl::CHexEscape(message);
  message = contract::OneLine(std::move(message));
  const std::string code = absl::StatusCodeToString(status.code());
  if (message.empty()) return code;
  return absl::StrCat(code, ": ", contract::CutUtf8(message, kMessageBytesMax));
}

}  // namespace herald::authorizer
