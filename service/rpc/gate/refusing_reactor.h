// SPDX-License-Identifier: Apache-2.0
//
// A stream that ends at once with an error. It belongs to its stream.

#ifndef HERALD_SERVICE_RPC_GATE_REFUSING_REACTOR_H_
#define HERALD_SERVICE_RPC_GATE_REFUSING_REACTOR_H_

#include "absl/status/status.h"
#include "proto/contract/grpc_status.h"

namespace herald::rpc {

template <typename Base>
class RefusingReactor final : public Base {
 public:
  explicit RefusingReactor(const absl::Status& why) {
    this->Finish(contract::ToGrpcStatus(why));
  }

 private:
  void OnDone() override { delete this; }
};

}  // namespace herald::rpc

#endif  // HERALD_SERVICE_RPC_GATE_REFUSING_REACTOR_H_
