// SPDX-License-Identifier: Apache-2.0
//
// One Watch of a backend: a sink whose chunks are one WatchResponse each.
//
// Threads, lifetime and writing: sink_reactor.h.

#ifndef HERALD_SERVICE_RPC_WATCH_REACTOR_H_
#define HERALD_SERVICE_RPC_WATCH_REACTOR_H_

#include "herald/v1/broadcast_service.pb.h"
#include "service/core/hub.h"
#include "service/rpc/sink_reactor.h"

namespace herald::rpc {

class WatchReactor final
    : public SinkReactor<grpc::ServerWriteReactor<grpc::ByteBuffer>> {
 public:
  // Joins the hub. The result belongs to its stream. REQUIRES: the others
  // outlive the server.
  static WatchReactor* Start(grpc::CallbackServerContext* context,
                             v1::WatchRequest request, core::Hub* hub,
                             StreamCounters* counters, RpcCounters* rpcs);

 private:
  WatchReactor(grpc::CallbackServerContext* context, v1::WatchRequest request,
               core::Hub* hub, StreamCounters* counters, RpcCounters* rpcs);

  void OnEnded(grpc::StatusCode code) override;

  // Constant after construction.
  const v1::WatchRequest request_;
  core::Hub* const hub_;
  RpcCounters* const rpcs_;

  // Set by Start() before anything can end the stream, and taken in OnEnded().
  std::shared_ptr<core::Sink> watching_;
};

}  // namespace herald::rpc

#endif  // HERALD_SERVICE_RPC_WATCH_REACTOR_H_
