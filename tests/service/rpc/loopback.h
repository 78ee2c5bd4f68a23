// SPDX-License-Identifier: Apache-2.0
//
// A hub behind a real gRPC server on 127.0.0.1, within the test's process, and
// a channel to it.

#ifndef HERALD_TESTS_SERVICE_RPC_LOOPBACK_H_
#define HERALD_TESTS_SERVICE_RPC_LOOPBACK_H_

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "herald/link/v1/gateway_service.grpc.pb.h"
#include "herald/v1/broadcast_service.grpc.pb.h"
#include "proto/contract/limits.h"
#include "service/authorizer/no_authorizer.h"
#include "service/memory/memory_engine.h"
#include "service/process/metrics.h"
#include "service/process/timer_thread.h"
#include "service/rpc/server.h"
#include "tests/service/core/hub.h"
#include "tests/support/deadline.h"

#ifdef HERALD_SLOW_ENGINE
#include "tests/service/engine/turning_engine.h"
#endif

namespace herald::rpc {

using testing_support::kPatience;
using testing_support::WaitUntil;

// A clock that a test may set forward.
class SteppedClock final : public core::Timers {
 public:
  explicit SteppedClock(core::Timers* timers) : timers_(timers) {}
  absl::Time Now() const override {
    return timers_->Now() + absl::Seconds(ahead_seconds_.load());
  }
  absl::Time TimeOfDay() const override { return timers_->TimeOfDay(); }
  void After(absl::Duration delay, absl::AnyInvocable<void()> body) override {
    timers_->After(delay, std::move(body));
  }
  void Step(int seconds) { ahead_seconds_ += seconds; }

 private:
  core::Timers* const timers_;
  std::atomic<int> ahead_seconds_{0};
};

inline void SetCore(core::Core& core, ServerOptions& options) {
  options.api = {core.broadcasts(), core.watches(), core.queries(),
                 core.commands()};
  options.gateways = core.links();
}

class Loopback {
 public:
  // `options` are for the hub's times.
  explicit Loopback(
      std::vector<std::string> tokens = {}, bool reflection = true,
      core::CoreOptions options = {},
      const std::string& address = "127.0.0.1:0",
      absl::Duration link_keepalive = ServerOptions().link_keepalive)
      : tokens_(tokens) {
    options.version = "test";
    options.settings.set_max_payload(64 << 10);
    options.settle_min = absl::Milliseconds(1);
    hub_ =
        std::make_unique<core::Hub>(options, &engine_, &authorizer_, &timers_,
                                    &metrics_, [this] { Settle(); });
    metrics_.Pull(hub_->core()->queries(), nullptr);
    hub_->Start();
    ServerOptions server;
    server.address = address;
    server.reflection = reflection;
    SetCore(*hub_->core(), server);
    server.timers = &timers_;
    server.link_keepalive = link_keepalive;
    server.tokens = &tokens_;
    server.links = metrics_.links();
    server.watches = metrics_.watches();
    server.rpcs = metrics_.rpcs();
    server_ = *Server::Listen(server);
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(contract::kLinkMessageBytesMax);
    // Every loopback is its own world, and so is its connection.
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    // So that unread answers wait at the server, not in between.
    arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
    arguments.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, 64 << 10);
    channel_ = grpc::CreateCustomChannel(
        server_->address(), grpc::InsecureChannelCredentials(), arguments);
    EXPECT_TRUE(WaitUntil([this] { return hub_->ready(); }));
  }

  ~Loopback() { Stop(); }

  void Stop() {
    hub_->Stop();
    server_->Drain(absl::Seconds(1));
    timers_.Stop();
    engine_.Stop();
  }

  core::Hub& hub() { return *hub_; }
  // Has the engine answer all that it was asked.
  void Settle() {
#ifdef HERALD_SLOW_ENGINE
    engine_.Settle();
#endif
  }
  SteppedClock& engine_clock() { return engine_clock_; }
  service::ServiceMetrics& metrics() { return metrics_; }
  Server& server() { return *server_; }
  const std::shared_ptr<grpc::Channel>& channel() { return channel_; }

  std::unique_ptr<v1::BroadcastService::Stub> backend() {
    return v1::BroadcastService::NewStub(channel_);
  }

  // Publishes as a backend would, without the network.
  void Broadcast(const std::string& channel, const std::string& data) {
    v1::BroadcastRequest request;
    request.add_channels(channel);
    request.set_event("news");
    request.set_data(data);
    hub_->Broadcast(request, [](absl::StatusOr<v1::BroadcastResponse> result) {
      EXPECT_TRUE(result.ok()) << result.status();
    });
  }

 private:
  service::TimerThread timers_;
  service::ServiceMetrics metrics_{"test"};
  ApiTokens tokens_;
  SteppedClock engine_clock_{&timers_};
#ifdef HERALD_SLOW_ENGINE
  core::TurningEngine engine_{
      std::make_unique<core::MemoryEngine>(&engine_clock_)};
#else
  core::MemoryEngine engine_{&engine_clock_};
#endif
  authorizer::NoAuthorizer authorizer_;
  std::unique_ptr<core::Hub> hub_;
  std::unique_ptr<Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

// A call that the test ends itself, or that ends itself after a while.
class BoundedContext : public grpc::ClientContext {
 public:
  BoundedContext() {
    set_deadline(std::chrono::system_clock::now() + 2 * kPatience);
  }
};

// A JSON string of `bytes` bytes in all that begins with `number`.
inline std::string Padded(int number, size_t bytes) {
  std::string text = "\"" + std::to_string(number) + " ";
  text.resize(bytes - 1, 'x');
  return text + "\"";
}

}  // namespace herald::rpc

#endif  // HERALD_TESTS_SERVICE_RPC_LOOPBACK_H_
