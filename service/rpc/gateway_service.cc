// SPDX-License-Identifier: Apache-2.0

#include "service/rpc/gateway_service.h"

#include "service/rpc/gateway_reactor.h"
#include "service/rpc/refusing_reactor.h"

namespace herald::rpc {

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>*
GatewayService::Attach(grpc::CallbackServerContext* context) {
  const absl::Status allowed = tokens_->Check(*context);
  if (!allowed.ok()) {
    rpcs_->OnEnded(Method::kAttach, grpc::StatusCode::UNAUTHENTICATED);
    return new RefusingReactor<
        grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>>(allowed);
  }
  return GatewayReactor::Start(context, hub_, pacer_, counters_, rpcs_);
}

}  // namespace herald::rpc
