// SPDX-License-Identifier: Apache-2.0
//
// Answers calls of unknown methods: UNIMPLEMENTED. Their tokens are not
// checked, so they are charged to their connection (connections.h).
//
// Threads: gRPC's.

#ifndef HERALD_SERVICE_RPC_GATE_UNKNOWN_METHODS_H_
#define HERALD_SERVICE_RPC_GATE_UNKNOWN_METHODS_H_

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "grpcpp/generic/async_generic_service.h"
#include "proto/contract/names.h"
#include "service/rpc/gate/call_gate.h"
#include "service/rpc/gate/refusing_reactor.h"

namespace herald::rpc {

class UnknownMethods final : public grpc::CallbackGenericService {
 public:
  // The gate outlives the server.
  explicit UnknownMethods(CallGate* gate) : gate_(gate) {}

  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    gate_->Charge(*context);
    return new RefusingReactor<grpc::ServerGenericBidiReactor>(
        absl::UnimplementedError(absl::StrCat(
            "there is no method ", contract::Quoted(context->method()))));
  }

 private:
  CallGate* const gate_;
};

}  // namespace herald::rpc

#endif  // HERALD_SERVICE_RPC_GATE_UNKNOWN_METHODS_H_
