// SPDX-License-Identifier: Apache-2.0
//
// Detects calls that pile up before any handler runs.
//
// A thread of gRPC that reads from a connection creates a call for every
// request there before it runs the first handler. A call takes 16 KiB, so a
// connection that is never empty would fill the memory with calls that their
// handlers refuse. Each time that kCallsMax have begun and no handler has run,
// `help` has another thread run them.
//
// Threads: any.

#ifndef HERALD_SERVICE_RPC_GATE_CALL_BACKLOG_H_
#define HERALD_SERVICE_RPC_GATE_CALL_BACKLOG_H_

#include <atomic>
#include <functional>
#include <memory>
#include <utility>

#include "grpcpp/server_context.h"

namespace herald::rpc {

class CallBacklog {
 public:
  static constexpr int kCallsMax = 64;

  // `help` is called from within gRPC, so it must not call gRPC itself.
  explicit CallBacklog(std::function<void()> help) : help_(std::move(help)) {}

  void OnBegun() {
    const int begun = begun_.fetch_add(1, std::memory_order_relaxed) + 1;
    if (begun % kCallsMax == 0) help_();
  }
  // A handler runs.
  void OnHandled() {
    if (begun_.load(std::memory_order_relaxed) == 0) return;
    begun_.store(0, std::memory_order_relaxed);
  }

  // For the server's builder; the backlog outlives the server. gRPC asks for a
  // context when it creates a call, and uses one of its own if it gets none.
  std::unique_ptr<grpc::ContextAllocator> MakeAllocator() {
    return std::make_unique<Allocator>(this);
  }

 private:
  class Allocator final : public grpc::ContextAllocator {
   public:
    explicit Allocator(CallBacklog* backlog) : backlog_(backlog) {}

    grpc::CallbackServerContext* NewCallbackServerContext() override {
      backlog_->OnBegun();
      return nullptr;
    }
    grpc::GenericCallbackServerContext* NewGenericCallbackServerContext()
        override {
      backlog_->OnBegun();
      return nullptr;
    }

   private:
    CallBacklog* const backlog_;
  };

  const std::function<void()> help_;
  std::atomic<int> begun_{0};  // Since a handler ran.
};

}  // namespace herald::rpc

#endif  // HERALD_SERVICE_RPC_GATE_CALL_BACKLOG_H_
