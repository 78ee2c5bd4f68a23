// SPDX-License-Identifier: Apache-2.0

#include "service/rpc/authorizer_answer.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "proto/contract/limits.h"
#include "proto/contract/names.h"

namespace herald::rpc {

core::Decision ToDecision(v1::Decision& decision) {
  core::Decision out;
  if (!decision.allowed()) {
    const absl::string_view reason = contract::CutUtf8(
        decision.reason(), static_cast<size_t>(contract::kReasonBytesMax));
    const bool usable = !reason.empty() && contract::IsUtf8(reason);
    out.status =
        absl::PermissionDeniedError(usable ? reason : "the authorizer said no");
    return out;
  }
  if (decision.has_member()) out.member = std::move(*decision.mutable_member());
  if (decision.has_expires_after()) {
    out.expires_after = ToDuration(decision.expires_after());
  }
  return out;
}

absl::Duration ToDuration(const google::protobuf::Duration& duration) {
  constexpr int64_t kSecondsMax = 315'576'000'000;  // As duration.proto says.
  const int64_t seconds = duration.seconds();
  const int32_t nanos = duration.nanos();
  if (nanos <= -1'000'000'000 || nanos >= 1'000'000'000 ||
      (seconds > 0 && nanos < 0) || (seconds < 0 && nanos > 0)) {
    return absl::ZeroDuration();
  }
  return absl::Seconds(std::clamp(seconds, -kSecondsMax, kSecondsMax)) +
         absl::Nanoseconds(nanos);
}

}  // namespace herald::rpc
