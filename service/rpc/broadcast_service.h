// SPDX-License-Identifier: Apache-2.0
//
// What backends call: each RPC is checked for an API token and handed to the
// hub. Nothing is decided here.
//
// Threads: gRPC's.

#ifndef HERALD_SERVICE_RPC_BROADCAST_SERVICE_H_
#define HERALD_SERVICE_RPC_BROADCAST_SERVICE_H_

#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "herald/v1/broadcast_service.grpc.pb.h"
#include "proto/contract/mutex.h"
#include "service/core/hub.h"
#include "service/rpc/api_token.h"
#include "service/rpc/broadcast_stream_reactor.h"
#include "service/rpc/counters.h"
#include "service/rpc/pacer.h"

namespace herald::rpc {

// The stub's base for the methods of this class: callbacks over raw bytes, for
// what gRPC cannot parse it answers with UNIMPLEMENTED and without a word.
using BroadcastServiceLooking =
    v1::BroadcastService::WithRawCallbackMethod_GetMembers<
        v1::BroadcastService::WithRawCallbackMethod_GetChannel<
            v1::BroadcastService::WithRawCallbackMethod_ListChannels<
                v1::BroadcastService::WithRawCallbackMethod_GetStats<
                    v1::BroadcastService::WithRawCallbackMethod_GetHistory<
                        v1::BroadcastService::WithRawCallbackMethod_Watch<
                            v1::BroadcastService::Service>>>>>>;
using BroadcastServiceBase =
    v1::BroadcastService::WithRawCallbackMethod_Broadcast<
        v1::BroadcastService::WithRawCallbackMethod_BroadcastStream<
            v1::BroadcastService::WithRawCallbackMethod_Subscribe<
                v1::BroadcastService::WithRawCallbackMethod_Unsubscribe<
                    v1::BroadcastService::WithRawCallbackMethod_Disconnect<
                        BroadcastServiceLooking>>>>>;

class BroadcastService final : public BroadcastServiceBase {
 public:
  // All of them outlive the server.
  BroadcastService(core::Hub* hub, Pacer* pacer, const ApiTokens* tokens,
                   StreamCounters* watches, RpcCounters* rpcs)
      : hub_(hub),
        pacer_(pacer),
        tokens_(tokens),
        watches_(watches),
        rpcs_(rpcs) {}

  // Ends the open BroadcastStreams, and those to come at once: they have no
  // end of their own. (The hub ends links and Watches.)
  void Stop() ABSL_LOCKS_EXCLUDED(mu_);

  using Context = grpc::CallbackServerContext;
  using UnaryReactor = grpc::ServerUnaryReactor;
  using Bytes = grpc::ByteBuffer;

  UnaryReactor* Broadcast(Context* context, const Bytes* request,
                          Bytes* response) override;
  UnaryReactor* Subscribe(Context* context, const Bytes* request,
                          Bytes* response) override;
  UnaryReactor* Unsubscribe(Context* context, const Bytes* request,
                            Bytes* response) override;
  UnaryReactor* Disconnect(Context* context, const Bytes* request,
                           Bytes* response) override;
  UnaryReactor* GetMembers(Context* context, const Bytes* request,
                           Bytes* response) override;
  UnaryReactor* GetChannel(Context* context, const Bytes* request,
                           Bytes* response) override;
  UnaryReactor* ListChannels(Context* context, const Bytes* request,
                             Bytes* response) override;
  UnaryReactor* GetStats(Context* context, const Bytes* request,
                         Bytes* response) override;
  UnaryReactor* GetHistory(Context* context, const Bytes* request,
                           Bytes* response) override;
  grpc::ServerBidiReactor<Bytes, Bytes>* BroadcastStream(
      Context* context) override;
  grpc::ServerWriteReactor<Bytes>* Watch(Context* context,
                                         const Bytes* request) override;

 private:
  // Serves a unary RPC: checks the token, parses, and calls `ask` with the
  // request and a callback that takes an absl::StatusOr<Response>, once.
  template <typename Request, typename Response, typename Ask>
  UnaryReactor* Serve(Context* context, Method method, const Bytes* request,
                      Bytes* response, const Ask& ask);

  void Forget(BroadcastStreamReactor* stream, grpc::StatusCode code)
      ABSL_LOCKS_EXCLUDED(mu_);

  // Constant after construction.
  core::Hub* const hub_;
  Pacer* const pacer_;
  const ApiTokens* const tokens_;
  StreamCounters* const watches_;
  RpcCounters* const rpcs_;

  contract::Mutex mu_;
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;
  absl::flat_hash_map<BroadcastStreamReactor*,
                      std::weak_ptr<BroadcastStreamReactor>>
      streams_ ABSL_GUARDED_BY(mu_);
};

}  // namespace herald::rpc

#endif  // HERALD_SERVICE_RPC_BROADCAST_SERVICE_H_
