// SPDX-License-Identifier: Apache-2.0
//
// Answers to calls of the service.

#ifndef HERALD_GATEWAY_ROUTER_CALL_RESULTS_H_
#define HERALD_GATEWAY_ROUTER_CALL_RESULTS_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "herald/link/v1/gateway_service.pb.h"
#include "proto/contract/names.h"

namespace herald::gateway {

inline link::v1::CallResult CallResultOf(int64_t call_id,
                                         const absl::Status& status) {
  link::v1::CallResult result;
  result.set_call_id(call_id);
  result.set_code(static_cast<int>(status.code()));
  result.set_message(std::string(status.message()));
  return result;
}

inline link::v1::CallResult NoSuchSocket(int64_t call_id,
                                         absl::string_view socket_id) {
  return CallResultOf(
      call_id, absl::NotFoundError(absl::StrCat("no gateway has socket ",
                                                contract::Quoted(socket_id))));
}

}  // namespace herald::gateway

#endif  // HERALD_GATEWAY_ROUTER_CALL_RESULTS_H_
