// SPDX-License-Identifier: Apache-2.0

#include "service/rpc/gateway_service.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "proto/process/log.h"
#include "service/link/gateways.h"
#include "service/rpc/gateway_reactor.h"
#include "service/rpc/refusing_reactor.h"

namespace herald::rpc {
namespace {

constexpr int64_t kStreamsMax = 3 * static_cast<int64_t>(core::kLinksMax);

}  // namespace

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>*
GatewayService::Attach(grpc::CallbackServerContext* context) {
  absl::Status allowed = gate_->Admit(*context);
  // Links beyond those that there may be, for they have not said hello.
  if (allowed.ok() && counters_->open >= kStreamsMax) {
    allowed = absl::ResourceExhaustedError("too many links are being opened");
    const std::optional<int64_t> unlogged = refusals_.Pass();
    if (unlogged.has_value()) {
      process::Log(process::LogLevel::kWarning, "link refused",
                   {{"peer", context->peer()},
                    {"why", std::string(allowed.message())},
                    {"not_logged", *unlogged}});
    }
  }
  if (!allowed.ok()) {
    rpcs_->OnEnded(Method::kAttach,
                   static_cast<grpc::StatusCode>(allowed.code()));
    return new RefusingReactor<
        grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>>(allowed);
  }
  return GatewayReactor::Start(context, links_, options_, counters_, rpcs_,
                               &refusals_);
}

}  // namespace herald::rpc
