// SPDX-License-Identifier: Apache-2.0
//
// Makes a reactor for each link. The stub's raw variant is used: chunks are
// serialized already.

#ifndef HERALD_SERVICE_RPC_GATEWAY_SERVICE_H_
#define HERALD_SERVICE_RPC_GATEWAY_SERVICE_H_

#include "herald/link/v1/gateway_service.grpc.pb.h"
#include "service/core/hub.h"
#include "service/rpc/api_token.h"
#include "service/rpc/counters.h"
#include "service/rpc/pacer.h"

namespace herald::rpc {

class GatewayService final
    : public link::v1::GatewayService::WithRawCallbackMethod_Attach<
          link::v1::GatewayService::Service> {
 public:
  // All of them outlive the server.
  GatewayService(core::Hub* hub, Pacer* pacer, const ApiTokens* tokens,
                 StreamCounters* counters, RpcCounters* rpcs)
      : hub_(hub),
        pacer_(pacer),
        tokens_(tokens),
        counters_(counters),
        rpcs_(rpcs) {}

  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* Attach(
      grpc::CallbackServerContext* context) override;

 private:
  core::Hub* const hub_;
  Pacer* const pacer_;
  const ApiTokens* const tokens_;
  StreamCounters* const counters_;
  RpcCounters* const rpcs_;
};

}  // namespace herald::rpc

#endif  // HERALD_SERVICE_RPC_GATEWAY_SERVICE_H_
