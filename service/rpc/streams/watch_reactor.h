// SPDX-License-Identifier: Apache-2.0
//
// One Watch of a backend: a sink with one WatchResponse in each chunk.
//
// Threads, lifetime and writing: sink_reactor.h.

#ifndef HERALD_SERVICE_RPC_STREAMS_WATCH_REACTOR_H_
#define HERALD_SERVICE_RPC_STREAMS_WATCH_REACTOR_H_

#include <memory>

#include "absl/status/statusor.h"
#include "herald/v1/broadcast_service.pb.h"
#include "service/api/watches.h"
#include "service/rpc/gate/stream_limit.h"
#include "service/rpc/gate/waiting_calls.h"
#include "service/rpc/streams/sink_reactor.h"

namespace herald::rpc {

class WatchReactor final
    : public SinkReactor<
          grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>> {
 public:
  // Reads the request, then begins the Watch. The result belongs to its stream.
  // REQUIRES: the others outlive the server.
  static WatchReactor* Start(grpc::CallbackServerContext* context,
                             core::Watches* watches, core::Timers* timers,
                             WaitingCalls* waiting, StreamLimit* limit,
                             StreamCounters* counters, RpcCounters* rpcs);

 private:
  WatchReactor(grpc::CallbackServerContext* context, core::Watches* watches,
               core::Timers* timers, WaitingCalls* waiting, StreamLimit* limit,
               StreamCounters* counters, RpcCounters* rpcs);

  void OnReadDone(bool ok) override;
  void OnEnded(grpc::StatusCode code) override;

  // Constant after construction.
  core::Watches* const watches_;
  WaitingCalls* const waiting_;
  RpcCounters* const rpcs_;
  const absl::StatusOr<StreamLimit::Slot> slot_;

  // Touched by Start(), OnReadDone() and OnEnded() only.
  WaitingCalls::Entry entry_;
  grpc::ByteBuffer reading_;
  v1::WatchRequest request_;
  std::shared_ptr<core::Sink> watching_;  // Between Watch() and Unwatch().
};

}  // namespace herald::rpc

#endif  // HERALD_SERVICE_RPC_STREAMS_WATCH_REACTOR_H_
