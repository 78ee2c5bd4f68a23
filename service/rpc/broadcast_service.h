// SPDX-License-Identifier: Apache-2.0
//
// The RPCs of backends: each is checked for an API token and passed to the
// core. Nothing is decided here.
//
// Every RPC but Broadcast is registered as a stream, including the unary ones
// and Watch. On the wire that is the same, and the token is checked before gRPC
// reads any of the request (request_reactor.h). A Broadcast would cost 30 %
// more that way; for it, connections.h bounds the bytes that callers without a
// token send.
//
// Threads: gRPC's.

#ifndef HERALD_SERVICE_RPC_BROADCAST_SERVICE_H_
#define HERALD_SERVICE_RPC_BROADCAST_SERVICE_H_

#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "grpcpp/impl/service_type.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "proto/contract/mutex.h"
#include "service/api/broadcasts.h"
#include "service/api/commands.h"
#include "service/api/queries.h"
#include "service/api/watches.h"
#include "service/rpc/gate/call_gate.h"
#include "service/rpc/gate/counters.h"
#include "service/rpc/gate/stream_limit.h"
#include "service/rpc/streams/broadcast_stream_reactor.h"
#include "service/rpc/streams/pacer.h"

namespace herald::rpc {

// The objects that answer backends. All outlive the server.
struct BackendApi {
  core::Broadcasts* broadcasts = nullptr;
  core::Watches* watches = nullptr;
  core::Queries* queries = nullptr;
  core::Commands* commands = nullptr;
};

class BroadcastService final : public grpc::Service {
 public:
  // BroadcastStreams that may be open at once, half of them from one source;
  // one more is RESOURCE_EXHAUSTED. Watches likewise (core::kWatchesMax).
  static constexpr size_t kStreamsMax = 10'000;

  // All of them outlive the server.
  BroadcastService(const BackendApi& api, core::Timers* timers, Pacer* pacer,
                   CallGate* gate, StreamCounters* watches, RpcCounters* rpcs);

  // Ends the open BroadcastStreams, and later ones immediately: they would not
  // end by themselves. (The core ends links and Watches.)
  void Stop() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  using Context = grpc::CallbackServerContext;
  using Bytes = grpc::ByteBuffer;
  using Reactor = grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>;

  // A unary RPC: parses the request and calls `Ask` with it and a callback that
  // takes an absl::StatusOr<Response>, once.
  template <typename Request, typename Response, typename Ask>
  class UnaryCall;

  template <typename Handle>
  void AddStream(const char* name, Method method, Handle handle);
  template <typename Request, typename Response, typename Ask>
  void AddUnary(const char* name, Method method, Ask ask);
  void AddBroadcast();
  void AddCommands();
  void AddQueries();

  Reactor* BroadcastStream(Context* context) ABSL_LOCKS_EXCLUDED(mu_);
  void Forget(BroadcastStreamReactor* stream, grpc::StatusCode code)
      ABSL_LOCKS_EXCLUDED(mu_);

  // Constant after construction.
  const BackendApi api_;
  core::Timers* const timers_;  // For the keepalives of Watches.
  Pacer* const pacer_;
  CallGate* const gate_;
  StreamCounters* const watches_;
  RpcCounters* const rpcs_;
  int methods_ = 0;

  StreamLimit streams_limit_{"BroadcastStreams", kStreamsMax};
  StreamLimit watches_limit_{"Watches", size_t{core::kWatchesMax}};

  contract::Mutex mu_;
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;
  absl::flat_hash_map<BroadcastStreamReactor*,
                      std::weak_ptr<BroadcastStreamReactor>>
      streams_ ABSL_GUARDED_BY(mu_);
};

}  // namespace herald::rpc

#endif  // HERALD_SERVICE_RPC_BROADCAST_SERVICE_H_
