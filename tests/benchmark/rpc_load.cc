// SPDX-License-Identifier: Apache-2.0

#include "tests/benchmark/rpc_load.h"

#include <atomic>
#include <functional>
#include <memory>
#include <utility>

#include "empty_service.grpc.pb.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "herald/v1/broadcast_service.grpc.pb.h"
#include "tests/benchmark/clock.h"
#include "tests/benchmark/failure.h"
#include "tests/benchmark/stream_caller.h"

namespace herald::benchmark {
namespace {

v1::BroadcastRequest RequestOf(const RpcLoadOptions& options) {
  v1::BroadcastRequest request;
  request.add_channels("bench-nobody");
  request.set_event("bench");
  request.set_data("\"" + std::string(options.payload_bytes - 2, 'x') + "\"");
  return request;
}

template <typename Service>
std::unique_ptr<typename Service::Stub> StubOf(const RpcLoadOptions& options) {
  return Service::NewStub(
      grpc::CreateChannel(options.target, grpc::InsecureChannelCredentials()));
}

// One call after the other in each of `in_flight` lanes.
template <typename Request, typename Response>
class Calls final : public RpcLoad {
 public:
  using Done = std::function<void(grpc::Status)>;
  using Start = std::function<void(grpc::ClientContext*, const Request*,
                                   Response*, Done)>;

  Calls(const RpcLoadOptions& options, Request request, Start start)
      : options_(options),
        request_(std::move(request)),
        start_(std::move(start)) {}

  int64_t Run(int64_t duration) override {
    end_ = Now() + duration;
    count_ = 0;
    open_ = options_.in_flight;
    for (int i = 0; i < options_.in_flight; ++i) StartOne();
    std::unique_lock<std::mutex> lock(mutex_);
    const bool finished =
        changed_.wait_for(lock, std::chrono::nanoseconds(duration + kPatience),
                          [this] { return open_ == 0; });
    if (!error_.empty()) Fail("a call failed: ", error_);
    if (!finished) Fail(open_, " calls get no answer");
    return count_;
  }

 private:
  struct Call {
    grpc::ClientContext context;
    Response response;
  };

  void StartOne() {
    auto call = std::make_shared<Call>();
    AddToken(options_.token, &call->context);
    start_(&call->context, &request_, &call->response,
           [this, call](const grpc::Status& status) { OnDone(status); });
  }

  void OnDone(const grpc::Status& status) {
    ++count_;
    if (status.ok() && Now() < end_) return StartOne();
    std::lock_guard<std::mutex> lock(mutex_);
    if (!status.ok()) error_ = status.error_message();
    if (--open_ == 0) changed_.notify_all();
  }

  const RpcLoadOptions options_;
  const Request request_;
  const Start start_;
  std::atomic<int64_t> end_ = 0;
  std::atomic<int64_t> count_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  int open_ = 0;
  std::string error_;
};

// One stream with `in_flight` messages on their way.
template <typename Request, typename Response>
class Messages final : public RpcLoad {
 public:
  using Stream = StreamCaller<Request, Response>;
  using Refusal = std::string (*)(const Response&);

  Messages(const RpcLoadOptions& options, Request request,
           const typename Stream::Open& open, Refusal refusal)
      : in_flight_(options.in_flight),
        request_(std::move(request)),
        stream_(options.token, open, [this, refusal](const Response& response) {
          ++count_;
          if (Now() < end_) stream_.Send(request_);
          return refusal(response);
        }) {}

  int64_t Run(int64_t duration) override {
    const int64_t before = count_;
    end_ = Now() + duration;
    for (int i = 0; i < in_flight_; ++i) stream_.Send(request_);
    while (Now() < end_) {
      const timespec pause = ToTimespec(kMillisecond);
      ::nanosleep(&pause, nullptr);
      stream_.Check();
    }
    stream_.Finish();
    return count_ - before;
  }

 private:
  const int in_flight_;
  const Request request_;
  std::atomic<int64_t> end_ = 0;
  std::atomic<int64_t> count_ = 0;
  Stream stream_;
};

}  // namespace

std::unique_ptr<RpcLoad> MakeBroadcastCalls(const RpcLoadOptions& options) {
  std::shared_ptr<v1::BroadcastService::Stub> stub =
      StubOf<v1::BroadcastService>(options);
  return std::make_unique<Calls<v1::BroadcastRequest, v1::BroadcastResponse>>(
      options, RequestOf(options),
      [stub](auto* context, auto* request, auto* response, auto done) {
        stub->async()->Broadcast(context, request, response, std::move(done));
      });
}

std::unique_ptr<RpcLoad> MakeEmptyCalls(const RpcLoadOptions& options) {
  std::shared_ptr<EmptyService::Stub> stub = StubOf<EmptyService>(options);
  return std::make_unique<Calls<Empty, Empty>>(
      options, Empty(),
      [stub](auto* context, auto* request, auto* response, auto done) {
        stub->async()->Call(context, request, response, std::move(done));
      });
}

std::unique_ptr<RpcLoad> MakeBroadcastMessages(const RpcLoadOptions& options) {
  std::shared_ptr<v1::BroadcastService::Stub> stub =
      StubOf<v1::BroadcastService>(options);
  v1::BroadcastStreamRequest request;
  *request.mutable_broadcast() = RequestOf(options);
  return std::make_unique<
      Messages<v1::BroadcastStreamRequest, v1::BroadcastStreamResponse>>(
      options, request,
      [stub](auto* context, auto* reactor) {
        stub->async()->BroadcastStream(context, reactor);
      },
      [](const v1::BroadcastStreamResponse& response) {
        return response.error().message();
      });
}

std::unique_ptr<RpcLoad> MakeEmptyMessages(const RpcLoadOptions& options) {
  std::shared_ptr<EmptyService::Stub> stub = StubOf<EmptyService>(options);
  return std::make_unique<Messages<Empty, Empty>>(
      options, Empty(),
      [stub](auto* context, auto* reactor) {
        stub->async()->Stream(context, reactor);
      },
      [](const Empty& /*response*/) { return std::string(); });
}

}  // namespace herald::benchmark
