// SPDX-License-Identifier: Apache-2.0
//
// Makes a reactor for each link. The stub's raw variant is used: chunks are
// serialized already.

#ifndef HERALD_SERVICE_RPC_GATEWAY_SERVICE_H_
#define HERALD_SERVICE_RPC_GATEWAY_SERVICE_H_

#include "herald/link/v1/gateway_service.grpc.pb.h"
#include "service/link/links.h"
#include "service/rpc/call_gate.h"
#include "service/rpc/counters.h"
#include "service/rpc/log_pause.h"
#include "service/rpc/outbox.h"

namespace herald::rpc {

class GatewayService final
    : public link::v1::GatewayService::WithRawCallbackMethod_Attach<
          link::v1::GatewayService::Service> {
 public:
  // All of them outlive the server. For `options` see GatewayReactor::Start().
  GatewayService(core::Links* links, const SinkOptions& options, CallGate* gate,
                 StreamCounters* counters, RpcCounters* rpcs)
      : links_(links),
        options_(options),
        gate_(gate),
        counters_(counters),
        rpcs_(rpcs) {}

  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* Attach(
      grpc::CallbackServerContext* context) override;

 private:
  core::Links* const links_;
  const SinkOptions options_;
  CallGate* const gate_;
  StreamCounters* const counters_;
  RpcCounters* const rpcs_;
  LogPause refusals_;
};

}  // namespace herald::rpc

#endif  // HERALD_SERVICE_RPC_GATEWAY_SERVICE_H_
