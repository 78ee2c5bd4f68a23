// SPDX-License-Identifier: Apache-2.0
//
// Unary calls to BroadcastService with a deadline, in which UNAVAILABLE is
// tried again after contract::RedialBackoff(): the engine of Publisher and
// Control.
//
//   caller.Start(&Caller::Api::Broadcast, request,
//                [](absl::StatusOr<v1::BroadcastResponse> response) { … });
//
// Threads: Start() and Wait() may be called from any thread; Wait() blocks.
//
// Lifetime: the destructor fails the calls in flight with CANCELLED and returns
// after their callbacks have.

#ifndef HERALD_CLIENTS_CPP_CALLER_H_
#define HERALD_CLIENTS_CPP_CALLER_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "clients/cpp/call_set.h"
#include "clients/cpp/retrying_call.h"
#include "herald/v1/broadcast_service.grpc.pb.h"

namespace herald::client {

class Caller {
 public:
  using Api = v1::BroadcastService::StubInterface::async_interface;

  template <typename Request, typename Response>
  using AsyncMethod = void (Api::*)(grpc::ClientContext*, const Request*,
                                    Response*,
                                    std::function<void(grpc::Status)>);

  template <typename Response>
  using Callback = absl::AnyInvocable<void(absl::StatusOr<Response>)>;

  Caller(const std::string& target, std::string api_token,
         absl::Duration deadline, RetryCallback on_retry);
  ~Caller();

  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;

  // Calls `done` exactly once, on a thread of gRPC, or before this returns if
  // nothing could be sent. `done` must not block.
  template <typename Request, typename Response>
  void Start(AsyncMethod<Request, Response> method, Request request,
             Callback<Response> done) {
    calls_->Start(std::make_shared<TypedCall<Request, Response>>(
        *calls_, method, std::move(request), std::move(done)));
  }

  // As Start(), and waits for the response.
  template <typename Request, typename Response>
  absl::StatusOr<Response> Wait(AsyncMethod<Request, Response> method,
                                Request request) {
    absl::StatusOr<Response> result = absl::UnknownError("no answer yet");
    absl::Notification answered;
    Start<Request, Response>(method, std::move(request),
                             [&](absl::StatusOr<Response> response) {
                               result = std::move(response);
                               answered.Notify();
                             });
    answered.WaitForNotification();
    return result;
  }

 private:
  template <typename Request, typename Response>
  class TypedCall final : public RetryingCall {
   public:
    TypedCall(const CallSet& calls, AsyncMethod<Request, Response> method,
              Request request, Callback<Response> done)
        : RetryingCall(calls.settings()),
          stub_(calls.stub()),
          method_(method),
          request_(std::move(request)),
          done_(std::move(done)) {}

   private:
    void Attempt(grpc::ClientContext* context,
                 std::function<void(grpc::Status)> done) override {
      (stub_->async()->*method_)(context, &request_, &response_,
                                 std::move(done));
    }
    void Deliver(absl::Status status) override {
      if (status.ok()) {
        done_(std::move(response_));
      } else {
        done_(std::move(status));
      }
    }

    v1::BroadcastService::Stub* const stub_;  // Outlives the call.
    const AsyncMethod<Request, Response> method_;
    const Request request_;
    Response response_;
    Callback<Response> done_;
  };

  const std::shared_ptr<CallSet> calls_;
};

}  // namespace herald::client

#endif  // HERALD_CLIENTS_CPP_CALLER_H_
