// SPDX-License-Identifier: Apache-2.0
//
// The checks that every call passes before any of its request is read: its
// token, and the bounds on the memory of callers without one.
//
// Threads: any.

#ifndef HERALD_SERVICE_RPC_GATE_CALL_GATE_H_
#define HERALD_SERVICE_RPC_GATE_CALL_GATE_H_

#include <functional>
#include <utility>

#include "absl/status/status.h"
#include "grpcpp/server_context.h"
#include "service/rpc/gate/api_token.h"
#include "service/rpc/gate/call_backlog.h"
#include "service/rpc/gate/connections.h"
#include "service/rpc/gate/waiting_calls.h"

namespace herald::rpc {

class CallGate {
 public:
  // `tokens`, `timers` and `rpcs` outlive the gate, which outlives the server.
  // `request_bytes_max` is the largest request that gRPC takes; `help` has
  // another thread run handlers (call_backlog.h).
  CallGate(const ApiTokens* tokens, core::Timers* timers, RpcCounters* rpcs,
           int64_t request_bytes_max, std::function<void()> help)
      : tokens_(tokens),
        backlog_(std::move(help)),
        waiting_(timers, &rpcs->requests_ended),
        connections_(timers,
                     {.stranger_bytes_max = request_bytes_max + (256 << 10)},
                     &streams_, &rpcs->connections_refused) {}

  // UNAUTHENTICATED if the call shows no valid token. An allowed call vouches
  // for its connection.
  absl::Status Admit(const grpc::CallbackServerContext& context) {
    absl::Status status = Check(context);
    if (status.ok()) connections_.TrustPeer(context.peer());
    return status;
  }

  // The same for a method that is called often, after a request of `bytes`
  // bytes has arrived.
  absl::Status AdmitHot(const grpc::CallbackServerContext& context,
                        size_t bytes) {
    absl::Status status = Check(context);
    if (status.ok()) connections_.Trust(context, bytes);
    return status;
  }

  // A call that needs no token.
  void Charge(const grpc::CallbackServerContext& context) {
    backlog_.OnHandled();
    connections_.Charge(context.peer());
  }

  CallBacklog* backlog() { return &backlog_; }
  WaitingCalls* waiting() { return &waiting_; }
  Connections* connections() { return &connections_; }

 private:
  absl::Status Check(const grpc::CallbackServerContext& context) {
    backlog_.OnHandled();
    absl::Status status = tokens_->Check(context);
    if (!status.ok()) connections_.Charge(context.peer());
    return status;
  }

  const ApiTokens* const tokens_;
  CallBacklog backlog_;
  WaitingCalls waiting_;
  ChannelzStreams streams_;
  Connections connections_;
};

}  // namespace herald::rpc

#endif  // HERALD_SERVICE_RPC_GATE_CALL_GATE_H_
