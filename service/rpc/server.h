// SPDX-License-Identifier: Apache-2.0
//
// The gRPC server: its services, its port, its health and its end.
//
// Health is `grpc.health.v1`, for the server and for
// `herald.v1.BroadcastService`: SERVING while SetReady(true) holds. Reflection
// is on, but not with API tokens: it could not ask for them.
//
// Threads: gRPC's own. The methods here are for one thread, but SetReady() and
// reachable().

#ifndef HERALD_SERVICE_RPC_SERVER_H_
#define HERALD_SERVICE_RPC_SERVER_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "proto/contract/limits.h"
#include "proto/process/acceptor.h"
#include "proto/process/callback_threads.h"
#include "service/link/links.h"
#include "service/rpc/broadcast_service.h"
#include "service/rpc/gate/api_token.h"
#include "service/rpc/gate/call_gate.h"
#include "service/rpc/gate/counters.h"
#include "service/rpc/gate/unknown_methods.h"
#include "service/rpc/gateway_service.h"
#include "service/rpc/health_service.h"
#include "service/rpc/port_probe.h"
#include "service/rpc/streams/pacer.h"

namespace herald::rpc {

struct ServerOptions {
  std::string address;  // `host:port`; port 0: a free one.
  bool reflection = true;

  // The objects that the calls use and report to; all outlive the server.
  BackendApi api;
  core::Links* gateways = nullptr;
  core::Timers* timers = nullptr;
  const ApiTokens* tokens = nullptr;
  StreamCounters* links = nullptr;
  StreamCounters* watches = nullptr;
  RpcCounters* rpcs = nullptr;
  // The threads that serve it, if some are held.
  process::CallbackThreads* threads = nullptr;

  // A link that was quiet for so long sends a keepalive.
  absl::Duration link_keepalive = absl::Seconds(contract::kKeepaliveSeconds);
};

class Server final : public process::Acceptor::Host {
 public:
  // Listens and serves; not ready yet. UNAVAILABLE if the address, in a form of
  // proto/process/listening_sockets.h, cannot be bound.
  static absl::StatusOr<std::unique_ptr<Server>> Listen(
      const ServerOptions& options);

  // As Drain() without any patience.
  ~Server() override;

  // Where it listens, with the port that was bound.
  const std::string& address() const { return acceptor_->address(); }

  // OK while callers can connect, or why they cannot.
  absl::Status reachable() const;

  // Threads: any.
  void SetReady(bool ready);

  // Drains: ends the streams, lets calls finish for at most `patience`, and
  // returns when no call is left. REQUIRES: Core::Stop() was called.
  void Drain(absl::Duration patience);

 private:
  explicit Server(const ServerOptions& options);

  absl::Status Build(const ServerOptions& options);

  void OnAccepted(int fd) override;
  void OnShortage(int error, bool is_first) override;
  void OnShortageOver() override;

  RpcCounters* const rpcs_;
  Pacer pacer_;
  CallGate gate_;
  HealthService health_service_;
  BroadcastService broadcast_service_;
  GatewayService gateway_service_;
  UnknownMethods unknown_methods_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> connections_;
  std::unique_ptr<process::Acceptor> acceptor_;
  std::unique_ptr<PortProbe> probe_;
};

}  // namespace herald::rpc

#endif  // HERALD_SERVICE_RPC_SERVER_H_
