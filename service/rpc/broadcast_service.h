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

namespace herald::rpc {

// The stub's base for the methods of this class: callbacks for all, and raw
// bytes where messages are serialized by others or may be broken.
using BroadcastServiceBase = v1::BroadcastService::WithCallbackMethod_Broadcast<
    v1::BroadcastService::WithRawCallbackMethod_BroadcastStream<
        v1::BroadcastService::WithCallbackMethod_Subscribe<
            v1::BroadcastService::WithCallbackMethod_Unsubscribe<
                v1::BroadcastService::WithCallbackMethod_GetMembers<
                    v1::BroadcastService::WithCallbackMethod_GetChannel<
                        v1::BroadcastService::WithCallbackMethod_ListChannels<
                            v1::BroadcastService::WithCallbackMethod_GetStats<
                                v1::BroadcastService::
                                    WithCallbackMethod_Disconnect<
                                        v1::BroadcastService::
                                            WithRawCallbackMethod_Watch<
                                                v1::BroadcastService::
                                                    Service>>>>>>>>>>;

class BroadcastService final : public BroadcastServiceBase {
 public:
  // All of them outlive the server.
  BroadcastService(core::Hub* hub, const ApiTokens* tokens,
                   StreamCounters* watches, RpcCounters* rpcs)
      : hub_(hub), tokens_(tokens), watches_(watches), rpcs_(rpcs) {}

  // Ends the open BroadcastStreams, and those to come at once: they have no
  // end of their own. (The hub ends links and Watches.)
  void Stop() ABSL_LOCKS_EXCLUDED(mu_);

  using Context = grpc::CallbackServerContext;
  using UnaryReactor = grpc::ServerUnaryReactor;

  UnaryReactor* Broadcast(Context* context, const v1::BroadcastRequest* request,
                          v1::BroadcastResponse* response) override;
  UnaryReactor* Subscribe(Context* context, const v1::SubscribeRequest* request,
                          v1::SubscribeResponse* response) override;
  UnaryReactor* Unsubscribe(Context* context,
                            const v1::UnsubscribeRequest* request,
                            v1::UnsubscribeResponse* response) override;
  UnaryReactor* Disconnect(Context* context,
                           const v1::DisconnectRequest* request,
                           v1::DisconnectResponse* response) override;
  UnaryReactor* GetMembers(Context* context,
                           const v1::GetMembersRequest* request,
                           v1::GetMembersResponse* response) override;
  UnaryReactor* GetChannel(Context* context,
                           const v1::GetChannelRequest* request,
                           v1::GetChannelResponse* response) override;
  UnaryReactor* ListChannels(Context* context,
                             const v1::ListChannelsRequest* request,
                             v1::ListChannelsResponse* response) override;
  UnaryReactor* GetStats(Context* context, const v1::GetStatsRequest* request,
                         v1::GetStatsResponse* response) override;
  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* BroadcastStream(
      Context* context) override;
  grpc::ServerWriteReactor<grpc::ByteBuffer>* Watch(
      Context* context, const grpc::ByteBuffer* request) override;

 private:
  // Ends a unary RPC.
  void Finish(UnaryReactor* reactor, Method method, const absl::Status& status);

  // Ends a unary RPC whose answer the hub has at hand: calls `ask` if the
  // caller may call.
  template <typename Response, typename Ask>
  UnaryReactor* Answer(Context* context, Method method, Response* response,
                       const Ask& ask);

  // Begins a unary RPC that the hub answers later. False if it is over already.
  bool Begin(Context* context, Method method, UnaryReactor** reactor);

  void Forget(BroadcastStreamReactor* stream, grpc::StatusCode code)
      ABSL_LOCKS_EXCLUDED(mu_);

  // Constant after construction.
  core::Hub* const hub_;
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
