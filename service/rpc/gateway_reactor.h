// SPDX-License-Identifier: Apache-2.0
//
// The service's end of one link: one GatewayService.Attach stream. Frames come
// and go as raw bytes, for the hub's chunks are serialized already and are
// shared by all links that carry them.
//
// Threads, lifetime and writing: sink_reactor.h.
//
// Order: items are handled one after the other by the chain of reads, which
// also tells the hub, exactly once, that the link has ended.

#ifndef HERALD_SERVICE_RPC_GATEWAY_REACTOR_H_
#define HERALD_SERVICE_RPC_GATEWAY_REACTOR_H_

#include "herald/link/v1/gateway_service.pb.h"
#include "service/core/hub.h"
#include "service/rpc/sink_reactor.h"

namespace herald::rpc {

class GatewayReactor final
    : public SinkReactor<
          grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>> {
 public:
  // Begins to read. The result belongs to its stream. REQUIRES: the others
  // outlive the server.
  static GatewayReactor* Start(grpc::CallbackServerContext* context,
                               core::Hub* hub, Pacer* pacer,
                               StreamCounters* counters, RpcCounters* rpcs);

 private:
  GatewayReactor(grpc::CallbackServerContext* context, core::Hub* hub,
                 Pacer* pacer, StreamCounters* counters, RpcCounters* rpcs);

  void OnReadDone(bool ok) override;
  void OnEnded(grpc::StatusCode code) override;

  // Gives the items of frame_ to the hub. An error is what the link ends with.
  absl::Status HandleFrame();

  // Ends the chain of reads.
  void EndReading(absl::Status why);

  // Constant after construction.
  core::Hub* const hub_;
  RpcCounters* const rpcs_;

  // Touched only by the chain of reads.
  grpc::ByteBuffer reading_;
  link::v1::AttachRequest frame_;
  std::shared_ptr<void> awaiting_;  // Until the hello.
  core::AttachmentPtr attachment_;  // From the hello on.
};

}  // namespace herald::rpc

#endif  // HERALD_SERVICE_RPC_GATEWAY_REACTOR_H_
