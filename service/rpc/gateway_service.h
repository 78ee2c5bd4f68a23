// SPDX-License-Identifier: Apache-2.0
//
// Makes a reactor for each link. The stub's raw variant is used: chunks are
// serialized already.
//
// Bound: kStreamsMax streams, half of them from one source. Streams that have
// not sent `hello` yet and streams that are ending count. Gateways bounds the
// links that have sent `hello`.

#ifndef HERALD_SERVICE_RPC_GATEWAY_SERVICE_H_
#define HERALD_SERVICE_RPC_GATEWAY_SERVICE_H_

#include <cstddef>

#include "absl/status/status.h"
#include "herald/link/v1/gateway_service.grpc.pb.h"
#include "proto/log/log_pause.h"
#include "service/gateways/gateways.h"
#include "service/link/links.h"
#include "service/rpc/gate/call_gate.h"
#include "service/rpc/gate/counters.h"
#include "service/rpc/gate/stream_limit.h"
#include "service/rpc/streams/stream_outbox.h"

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
  using Reactor = grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>;

  // Gateways behind one proxy are one source. Its half is three times the
  // maximum number of gateways.
  static constexpr size_t kStreamsMax = 6 * core::kLinksMax;

  // Ends the stream at once.
  Reactor* Refuse(const absl::Status& why);

  core::Links* const links_;
  const SinkOptions options_;
  CallGate* const gate_;
  StreamCounters* const counters_;
  RpcCounters* const rpcs_;
  process::LogPause refusals_;
  StreamLimit streams_{"links", kStreamsMax};
};

}  // namespace herald::rpc

#endif  // HERALD_SERVICE_RPC_GATEWAY_SERVICE_H_
