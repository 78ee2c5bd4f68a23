// SPDX-License-Identifier: Apache-2.0

#include "service/rpc/gateway_service.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "proto/log/log.h"
#include "service/rpc/gate/refusing_reactor.h"
#include "service/rpc/streams/gateway_reactor.h"

namespace herald::rpc {

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>*
GatewayService::Attach(grpc::CallbackServerContext* context) {
  const absl::Status allowed = gate_->Admit(*context);
  if (!allowed.ok()) return Refuse(allowed);
  absl::StatusOr<StreamLimit::Slot> slot = streams_.Take(context->peer());
  if (!slot.ok()) {
    const std::optional<int64_t> unlogged = refusals_.Pass();
    if (unlogged.has_value()) {
      process::Log(process::LogLevel::kWarning, "link refused",
                   {{"peer", context->peer()},
                    {"why", std::string(slot.status().message())},
                    {"not_logged", *unlogged}});
    }
    return Refuse(slot.status());
  }
  return GatewayReactor::Start(context, links_, options_, counters_, rpcs_,
                               &refusals_, *std::move(slot));
}

GatewayService::Reactor* GatewayService::Refuse(const absl::Status& why) {
  rpcs_->OnEnded(Method::kAttach, static_cast<grpc::StatusCode>(why.code()));
  return new RefusingReactor<Reactor>(why);
}

}  // namespace herald::rpc
