// SPDX-License-Identifier: Apache-2.0

#include "service/rpc/server.h"

#include <chrono>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/health_check_service_interface.h"
#include "grpcpp/impl/server_builder_option.h"
#include "grpcpp/impl/server_builder_plugin.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server_builder.h"
#include "proto/contract/limits.h"
#include "service/rpc/listen_error.h"

namespace herald::rpc {
namespace {

// Linking the reflection library adds its plugin to every server of the
// process; this takes it out of one.
class WithoutReflection final : public grpc::ServerBuilderOption {
 public:
  void UpdateArguments(grpc::ChannelArguments* /*arguments*/) override {}
  void UpdatePlugins(std::vector<std::unique_ptr<grpc::ServerBuilderPlugin>>*
                         plugins) override {
    for (auto it = plugins->begin(); it != plugins->end();) {
      it = (*it)->name() == "proto_server_reflection" ? plugins->erase(it)
                                                      : std::next(it);
    }
  }
};

void SetKeepalive(grpc::ServerBuilder& builder) {
  // Half-open links are found in 5 s + 3 s, by either end.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 5000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 3000);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  // What others may send us: a ping every 5 s, and somewhat early.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(
      GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 2500);
}

std::chrono::system_clock::time_point In(absl::Duration patience) {
  return std::chrono::system_clock::now() +
         absl::ToChronoMilliseconds(patience);
}

}  // namespace

Server::Server(const ServerOptions& options)
    : broadcast_service_(options.hub, &pacer_, options.tokens, options.watches,
                         options.rpcs),
      gateway_service_(options.hub, &pacer_, options.tokens, options.links,
                       options.rpcs) {}

Server::~Server() { Drain(absl::ZeroDuration()); }

absl::StatusOr<std::unique_ptr<Server>> Server::Listen(ServerOptions options) {
  std::unique_ptr<Server> server(new Server(options));
  absl::Status status = server->Build(options);
  if (!status.ok()) return status;
  return server;
}

absl::Status Server::Build(const ServerOptions& options) {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  if (!options.reflection) {
    builder.SetOption(std::make_unique<WithoutReflection>());
  }
  int port = 0;
  // Without this a second service would share the port and half of the calls.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddListeningPort(options.address, grpc::InsecureServerCredentials(),
                           &port);
  SetKeepalive(builder);
  // For all methods, for gRPC knows no other way, and for callers without a
  // token, too. The hub refuses a `data` that is a little too large, and can
  // then say so; gRPC what is far too large.
  builder.SetMaxReceiveMessageSize(static_cast<int>(
      options.hub->payload_bytes_max() + contract::kServiceMessageExtraBytes));
  builder.SetMaxSendMessageSize(contract::kLinkMessageBytesMax);
  // For reflection; all our own methods are callbacks.
  builder.SetSyncServerOption(grpc::ServerBuilder::NUM_CQS, 1);
  builder.RegisterService(&broadcast_service_);
  builder.RegisterService(&gateway_service_);
  server_ = builder.BuildAndStart();
  if (server_ == nullptr || port == 0) {
    return ListenError(options.address);
  }
  SetReady(false);
  address_ = absl::StrCat(options.address.substr(0, options.address.rfind(':')),
                          ":", port);
  return absl::OkStatus();
}

void Server::SetReady(bool ready) {
  grpc::HealthCheckServiceInterface* const health =
      server_->GetHealthCheckService();
  health->SetServingStatus(ready);  // Of every service it knows, "" too.
  health->SetServingStatus(v1::BroadcastService::service_full_name(), ready);
}

void Server::Drain(absl::Duration patience) {
  if (server_ == nullptr) return;
  SetReady(false);
  broadcast_service_.Stop();
  server_->Shutdown(In(patience));
  server_->Wait();
}

}  // namespace herald::rpc
