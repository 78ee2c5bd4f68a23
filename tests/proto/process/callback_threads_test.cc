// SPDX-License-Identifier: Apache-2.0
//
// That calls are answered while threads are held, and that they are let go.

#include "proto/process/callback_threads.h"

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "grpcpp/create_channel.h"
#include "grpcpp/generic/async_generic_service.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/server_builder.h"
#include "gtest/gtest.h"
#include "proto/contract/condition.h"
#include "proto/contract/mutex.h"

namespace herald::process {
namespace {

// A server that answers each message with itself.
class Echo final : public grpc::CallbackGenericService {
 public:
  Echo() {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(),
                             &port);
    builder.RegisterCallbackGenericService(this);
    server_ = builder.BuildAndStart();
    channel_ = grpc::CreateChannel("127.0.0.1:" + std::to_string(port),
                                   grpc::InsecureChannelCredentials());
  }

  // Many calls at a time, through callbacks on either side. How many were
  // answered.
  int Call(int count) {
    std::vector<std::unique_ptr<Caller>> callers;
    for (int i = 0; i < count; ++i) {
      callers.push_back(std::make_unique<Caller>(channel_));
    }
    int answered = 0;
    for (const auto& caller : callers) answered += caller->Ok() ? 1 : 0;
    return answered;
  }

 private:
  class Reactor final : public grpc::ServerGenericBidiReactor {
   public:
    Reactor() { StartRead(&message_); }
    void OnReadDone(bool ok) override {
      if (!ok) return Finish(grpc::Status::CANCELLED);
      StartWriteAndFinish(&message_, {}, grpc::Status::OK);
    }
    void OnDone() override { delete this; }

   private:
    grpc::ByteBuffer message_;
  };

  class Caller {
   public:
    explicit Caller(const std::shared_ptr<grpc::Channel>& channel)
        : stub_(channel) {
      const grpc::Slice slice("hello");
      request_ = grpc::ByteBuffer(&slice, 1);
      stub_.UnaryCall(&context_, "/echo/Echo", {}, &request_, &response_,
                      [this](const grpc::Status& status) {
                        status_.set_value(status.ok());
                      });
    }
    bool Ok() { return status_.get_future().get(); }

   private:
    grpc::GenericStub stub_;
    grpc::ClientContext context_;
    grpc::ByteBuffer request_, response_;
    std::promise<bool> status_;
  };

  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* /*context*/) override {
    return new Reactor;
  }

  std::unique_ptr<grpc::Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

TEST(CallbackThreads, LeaveEnoughToAnswerCalls) {
  const CallbackThreads threads;
  EXPECT_GE(threads.held(), 1);
  Echo echo;
  EXPECT_EQ(echo.Call(200), 200);
}

TEST(CallbackThreads, AreReleasedAndHeldAgain) {
  Echo echo;
  for (int i = 0; i < 3; ++i) {
    const CallbackThreads threads;
    EXPECT_GE(threads.held(), 1);
    EXPECT_EQ(echo.Call(20), 20);
  }
  EXPECT_EQ(echo.Call(20), 20);
}

// Handlers that wait until enough of them run at once.
class Meeting final : public grpc::CallbackGenericService {
 public:
  explicit Meeting(int size) : size_(size) {}

  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* /*context*/) override {
    contract::MutexLock lock(&mu_);
    ++here_;
    met_.NotifyAll();
    const absl::Time late = contract::SteadyNow() + absl::Seconds(20);
    while (here_ < size_ && met_.WaitUntil(&mu_, late)) continue;
    class Reactor final : public grpc::ServerGenericBidiReactor {
     public:
      explicit Reactor(grpc::Status status) { Finish(std::move(status)); }
      void OnDone() override { delete this; }
    };
    return new Reactor(here_ < size_ ? grpc::Status::CANCELLED
                                     : grpc::Status::OK);
  }
  int here() {
    contract::MutexLock lock(&mu_);
    return here_;
  }

 private:
  const int size_;
  contract::Mutex mu_;
  contract::Condition met_;
  int here_ ABSL_GUARDED_BY(mu_) = 0;
};

TEST(CallbackThreads, HelpWhenTheOthersAreBusy) {
  CallbackThreads threads;
  const int held = threads.held();
  ASSERT_GE(held, 1);
  // On two cores there is one more, which waits for another one here.
  Meeting meeting(held + 1);
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(),
                           &port);
  builder.RegisterCallbackGenericService(&meeting);
  const auto server = builder.BuildAndStart();
  const auto channel = grpc::CreateChannel("127.0.0.1:" + std::to_string(port),
                                           grpc::InsecureChannelCredentials());
  std::vector<std::thread> callers;
  std::atomic<int> ok = 0;
  for (int i = 0; i < held + 1; ++i) {
    callers.emplace_back([&] {
      grpc::GenericStub stub(channel);
      grpc::ClientContext context;
      grpc::CompletionQueue queue;
      const grpc::Slice empty;
      const grpc::ByteBuffer request(&empty, 1);
      grpc::ByteBuffer response;
      grpc::Status status;
      const auto call =
          stub.PrepareUnaryCall(&context, "/meet/Meet", request, &queue);
      call->StartCall();
      call->Finish(&response, &status, nullptr);
      void* tag = nullptr;
      bool is_done = false;
      queue.Next(&tag, &is_done);
      // The handlers end without an answer, which a unary call takes for none.
      if (status.error_code() != grpc::StatusCode::CANCELLED) ++ok;
    });
  }
  // Each time for 50 ms only.
  while (meeting.here() < held + 1) {
    threads.Help();
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(ok, held + 1);
  EXPECT_EQ(threads.held(), held);
  server->Shutdown();
}

// Then gRPC's threads end with it, and none of them may be the one to end them.
TEST(CallbackThreads, MayBeTheLastThatUsesGrpc) {
  for (int i = 0; i < 50; ++i) {
    const CallbackThreads threads;
    EXPECT_GE(threads.held(), 1);
  }
}

}  // namespace
}  // namespace herald::process
