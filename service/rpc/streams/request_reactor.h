// SPDX-License-Identifier: Apache-2.0
//
// A unary call, served as a stream with one message each way, which is the same
// on the wire. For a unary call gRPC would read the whole request before it
// runs the handler. So callers without a token could make it buffer large
// requests for any time.
//
// Threads: gRPC's. The answer may come from any thread.
//
// Lifetime: it belongs to its call.

#ifndef HERALD_SERVICE_RPC_STREAMS_REQUEST_REACTOR_H_
#define HERALD_SERVICE_RPC_STREAMS_REQUEST_REACTOR_H_

#include <utility>

#include "absl/status/status.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "proto/contract/grpc_status.h"
#include "service/rpc/gate/waiting_calls.h"

namespace herald::rpc {

class RequestReactor
    : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 protected:
  // Begins to read. REQUIRES: `waiting` outlives the server.
  RequestReactor(grpc::CallbackServerContext* context, WaitingCalls* waiting)
      : waiting_(waiting) {
    waiting_->Add(&entry_, context);
    StartRead(&request_);
  }

  // The request has arrived; Answer() or Refuse() must follow, once.
  virtual void OnRequest(const grpc::ByteBuffer& request) = 0;

  // The call has ended without a request. No answer must follow.
  virtual void OnBroken() {}

  void Answer(grpc::ByteBuffer response) {
    response_.Swap(&response);
    StartWriteAndFinish(&response_, {}, grpc::Status::OK);
  }
  void Refuse(const absl::Status& why) { Finish(contract::ToGrpcStatus(why)); }

 private:
  void OnReadDone(bool ok) final {
    waiting_->Remove(&entry_);
    if (ok) return OnRequest(request_);
    OnBroken();
    Refuse(absl::InvalidArgumentError("the call has no request"));
  }
  void OnDone() final { delete this; }

  WaitingCalls* const waiting_;
  WaitingCalls::Entry entry_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;  // Lent to gRPC until OnDone().
};

}  // namespace herald::rpc

#endif  // HERALD_SERVICE_RPC_STREAMS_REQUEST_REACTOR_H_
