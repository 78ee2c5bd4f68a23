// SPDX-License-Identifier: Apache-2.0
//
// The no to a question of a gateway: about a subscription or a socket.

#ifndef HERALD_SERVICE_SUBSCRIPTIONS_REFUSAL_H_
#define HERALD_SERVICE_SUBSCRIPTIONS_REFUSAL_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "herald/link/v1/gateway_service.pb.h"
#include "service/channel/request_checks.h"

namespace herald::core {

// Why a subscribe is refused.
struct Refusal {
  link::v1::Refused::Code code;
  std::string reason;
};

// The code of an authorizer's no (authorizer.h).
inline link::v1::Refused::Code RefusalCode(const absl::Status& no) {
  using link::v1::Refused;
  if (absl::IsPermissionDenied(no)) return Refused::CODE_UNAUTHORIZED;
  if (absl::IsInvalidArgument(no)) return Refused::CODE_INVALID_MESSAGE;
  return Refused::CODE_UNAVAILABLE;
}

inline link::v1::ServiceItem RefusedItem(int64_t ticket,
                                         link::v1::Refused::Code code,
                                         absl::string_view reason) {
  link::v1::ServiceItem item;
  link::v1::Refused& no = *item.mutable_refused();
  no.set_ticket(ticket);
  no.set_code(code);
  no.set_reason(PassableReason(reason));
  return item;
}

}  // namespace herald::core

#endif  // HERALD_SERVICE_SUBSCRIPTIONS_REFUSAL_H_
