// SPDX-License-Identifier: Apache-2.0

#include "service/rpc/server.h"

#include <unistd.h>

#include <cstring>
#include <functional>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/health_check_service_interface.h"
#include "grpcpp/impl/server_builder_option.h"
#include "grpcpp/impl/server_builder_plugin.h"
#include "grpcpp/resource_quota.h"
#include "grpcpp/security/server_credentials.h"
#include "proto/contract/grpc_deadline.h"
#include "proto/contract/limits.h"
#include "proto/log/log.h"
#include "proto/process/files.h"
#include "proto/process/listening_sockets.h"

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

// Half-open connections are found in 5 s + 3 s: a ping that the peer's system
// does not acknowledge. Programs have longer, because a client that calls and
// blocks looks at its connection only every 5 s between its calls.
constexpr absl::Duration kKeepaliveTime = absl::Seconds(5);
constexpr absl::Duration kUnacknowledgedMax = absl::Seconds(3);
constexpr absl::Duration kKeepaliveTimeout = absl::Seconds(8);

void SetKeepalive(grpc::ServerBuilder& builder) {
  builder.AddChannelArgument(
      GRPC_ARG_KEEPALIVE_TIME_MS,
      static_cast<int>(absl::ToInt64Milliseconds(kKeepaliveTime)));
  builder.AddChannelArgument(
      GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
      static_cast<int>(absl::ToInt64Milliseconds(kKeepaliveTimeout)));
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  // Peers may send a ping every 5 s, and somewhat early.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(
      GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 2500);
}

int64_t RequestBytesMax(const core::Broadcasts& broadcasts) {
  return broadcasts.payload_bytes_max() + contract::kServiceMessageExtraBytes;
}

// The last bounds, behind our own (waiting_calls.h, connections.h): when a
// quota is exhausted, gRPC ends streams of any caller.
void SetBounds(grpc::ServerBuilder& builder) {
  constexpr size_t kQuotaBytes = size_t{512} << 20;
  constexpr int kReflectionThreadsMax = 16;
  constexpr int kStreamsMax = 10'000;  // As Watches (core::kWatchesMax).
  builder.SetResourceQuota(grpc::ResourceQuota("herald-service")
                               .Resize(kQuotaBytes)
                               .SetMaxThreads(kReflectionThreadsMax));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kStreamsMax);
  // gRPC creates calls from all bytes of one read, even if the connection ends
  // meanwhile. By default it reads up to 4 MiB; a call may have 15 bytes, and
  // takes 16 KiB of memory.
  builder.AddChannelArgument(GRPC_ARG_TCP_MAX_READ_CHUNK_SIZE, 32 << 10);
  // A peer that sends no HTTP/2 settings.
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, 10'000);
}

// Has another thread run handlers.
std::function<void()> HelpOf(const ServerOptions& options) {
  return [threads = options.threads] {
    if (threads != nullptr) threads->Help();
  };
}

}  // namespace

Server::Server(const ServerOptions& options)
    : rpcs_(options.rpcs),
      gate_(options.tokens, options.timers, options.rpcs,
            RequestBytesMax(*options.api.broadcasts), HelpOf(options)),
      health_service_(&gate_),
      broadcast_service_(options.api, options.timers, &pacer_, &gate_,
                         options.watches, options.rpcs),
      gateway_service_(options.gateways,
                       {.pacer = &pacer_,
                        .timers = options.timers,
                        .keepalive_interval = options.link_keepalive},
                       &gate_, options.links, options.rpcs),
      unknown_methods_(&gate_) {}

Server::~Server() { Drain(absl::ZeroDuration()); }

absl::StatusOr<std::unique_ptr<Server>> Server::Listen(
    const ServerOptions& options) {
  std::unique_ptr<Server> server(new Server(options));
  absl::Status status = server->Build(options);
  if (!status.ok()) return status;
  return server;
}

absl::Status Server::Build(const ServerOptions& options) {
  grpc::EnableDefaultHealthCheckService(false);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  if (!options.reflection) {
    builder.SetOption(std::make_unique<WithoutReflection>());
  }
  absl::StatusOr<process::ListeningSockets> sockets =
      process::ListeningSockets::Listen(options.address);
  if (!sockets.ok()) return sockets.status();
  connections_ = builder.experimental().AddExternalConnectionAcceptor(
      grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD,
      grpc::InsecureServerCredentials());
  SetKeepalive(builder);
  SetBounds(builder);
  // For all methods, because gRPC has no bound per method, and for callers
  // without a token, too. The core refuses a `data` that is a little too large,
  // with the reason; gRPC refuses a message that is far too large.
  builder.SetMaxReceiveMessageSize(
      static_cast<int>(RequestBytesMax(*options.api.broadcasts)));
  builder.SetMaxSendMessageSize(contract::kLinkMessageBytesMax);
  // For reflection; all our own methods are callbacks.
  builder.SetSyncServerOption(grpc::ServerBuilder::NUM_CQS, 1);
  builder.SetContextAllocator(gate_.backlog()->MakeAllocator());
  builder.RegisterCallbackGenericService(&unknown_methods_);
  builder.RegisterService(&health_service_);
  builder.RegisterService(&broadcast_service_);
  builder.RegisterService(&gateway_service_);
  server_ = builder.BuildAndStart();
  if (server_ == nullptr) return absl::UnavailableError("gRPC did not start");
  SetReady(false);
  acceptor_ = std::make_unique<process::Acceptor>(
      *std::move(sockets), process::PeerDescriptorsMax, kUnacknowledgedMax,
      /*host=*/this);
  probe_ = std::make_unique<PortProbe>(acceptor_->descriptor());
  return absl::OkStatus();
}

absl::Status Server::reachable() const {
  absl::Status accepts = acceptor_->status();
  return accepts.ok() ? probe_->status() : accepts;
}

void Server::OnAccepted(int fd) {
  if (!gate_.connections()->Admit(fd)) {
    close(fd);
    return;
  }
  grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters
      connection;
  connection.fd = fd;
  connections_->HandleNewConnection(&connection);
}

void Server::OnShortage(int error, bool is_first) {
  Add(rpcs_->accept_errors, 1);
  if (!is_first) return;
  process::Log(
      process::LogLevel::kWarning, "accept failed",
      {{"why", std::strerror(error)}, {"files_max", process::FilesMax()}});
}

void Server::OnShortageOver() {
  process::Log(process::LogLevel::kInfo, "accept works again");
}

void Server::SetReady(bool ready) { health_service_.SetServing(ready); }

void Server::Drain(absl::Duration patience) {
  if (server_ == nullptr) return;
  SetReady(false);
  broadcast_service_.Stop();
  health_service_.Stop();
  probe_->Stop();
  acceptor_->Stop();
  server_->Shutdown(contract::GrpcDeadline(patience));
  server_->Wait();
}

}  // namespace herald::rpc
