// SPDX-License-Identifier: Apache-2.0

#include "tests/benchmark/empty_rpc_server.h"

#include <unistd.h>

#include "empty_service.grpc.pb.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "tests/benchmark/child_process.h"
#include "tests/benchmark/failure.h"

namespace herald::benchmark {
namespace {

class Echo final : public grpc::ServerBidiReactor<Empty, Empty> {
 public:
  Echo() { StartRead(&request_); }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::OK);
    StartWrite(&response_);
  }
  void OnWriteDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::OK);
    StartRead(&request_);
  }
  void OnDone() override { delete this; }

  Empty request_;
  Empty response_;
};

class Service final : public EmptyService::CallbackService {
  grpc::ServerUnaryReactor* Call(grpc::CallbackServerContext* context,
                                 const Empty* /*request*/,
                                 Empty* /*response*/) override {
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
  grpc::ServerBidiReactor<Empty, Empty>* Stream(
      grpc::CallbackServerContext* /*context*/) override {
    return new Echo;
  }
};

}  // namespace

void RunEmptyRpcServer() {
  Service service;
  int port = 0;
  grpc::ServerBuilder builder;
  builder.RegisterService(&service);
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(),
                           &port);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) Fail("gRPC does not listen");
  PrintListening("grpc", port);
  for (;;) ::pause();
}

}  // namespace herald::benchmark
