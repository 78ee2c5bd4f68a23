// SPDX-License-Identifier: Apache-2.0

#include "proto/process/callback_threads.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <future>
#include <list>
#include <thread>
#include <utility>

#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/support/byte_buffer.h"
#include "proto/contract/grpc_deadline.h"
#include "proto/contract/mutex.h"
#include "proto/contract/require.h"

namespace herald::process {
namespace {

constexpr std::chrono::milliseconds kBeat{400};
constexpr std::chrono::seconds kPatience{1};
constexpr std::chrono::seconds kFirstPatience{20};

// Half of what gRPC 1.51 has.
int ThreadsToHold() {
  const auto cores = static_cast<int>(std::thread::hardware_concurrency());
  return std::clamp(cores / 2, 2, 16) / 2;
}

// gRPC goes on without a word where the system gives it no thread, and then
// ends no call.
void AwaitThread(std::future<void> sign) {
  if (sign.wait_for(kFirstPatience) == std::future_status::ready) return;
  contract::ReportFailure("gRPC does not run: it may have got no threads");
  std::abort();
}

// A call that nobody answers: its end comes on one of the threads.
class Event {
 public:
  // `body` runs after `delay`, once, or when the event is cancelled.
  Event(grpc::Channel* channel, std::chrono::milliseconds delay,
        std::function<void()> body)
      : stub_(std::shared_ptr<grpc::Channel>(
            channel, [](grpc::Channel*) { /* Its owner outlives us. */ })) {
    context_.set_deadline(contract::GrpcDeadline(absl::FromChrono(delay)));
    context_.set_wait_for_ready(true);  // There is no server to be ready.
    stub_.UnaryCall(
        &context_, "/herald/Beat", {}, &request_, &response_,
        [body = std::move(body)](const grpc::Status& /*end*/) { body(); });
  }

  void Cancel() { context_.TryCancel(); }

 private:
  grpc::GenericStub stub_;
  grpc::ClientContext context_;
  grpc::ByteBuffer request_{nullptr, 0};
  grpc::ByteBuffer response_;
};

std::shared_ptr<grpc::Channel> MakeChannelToNobody() {
  constexpr int kNever = 24 * 3600 * 1000;
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kNever);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kNever);
  return grpc::CreateCustomChannel(
      "unix:/nobody", grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace

class CallbackThreads::Impl {
 public:
  Impl() {
    for (int i = ThreadsToHold(); i > 0; --i) Hold();
    std::promise<void> free;
    std::future<void> answer = free.get_future();
    // Answered late, it is cancelled, but its body must still find its promise.
    Event probe(channel_.get(), {}, [&free] { free.set_value(); });
    if (answer.wait_for(kPatience) != std::future_status::ready) {
      Release();
      AwaitThread(std::move(answer));
    }
    Beat();
  }

  ~Impl() {
    Release();
    {
      contract::MutexLock lock(&mu_);
      stopping_ = true;
      if (beat_ != nullptr) beat_->Cancel();
    }
    stopped_.get_future().wait();
  }

  int held() const { return static_cast<int>(held_.size()); }

 private:
  struct Held {
    std::promise<void> holds;
    std::promise<void> let_go;
    std::promise<void> gone;
    std::unique_ptr<Event> event;
  };

  void Hold() {
    Held& one = held_.emplace_back();
    one.event = std::make_unique<Event>(channel_.get(),
                                        std::chrono::milliseconds(0), [&one] {
                                          one.holds.set_value();
                                          one.let_go.get_future().wait();
                                          one.gone.set_value();
                                        });
    AwaitThread(one.holds.get_future());
  }

  void Release() {
    for (Held& one : held_) one.let_go.set_value();
    for (Held& one : held_) one.gone.get_future().wait();
    held_.clear();
  }

  void Beat() {
    {
      contract::MutexLock lock(&mu_);
      // First the old one, for it shares the channel, and whoever owns the
      // channel last waits for these threads: that must not be one of them.
      beat_ = nullptr;
      if (!stopping_) {
        beat_ =
            std::make_unique<Event>(channel_.get(), kBeat, [this] { Beat(); });
        return;
      }
    }
    stopped_.set_value();
  }

  const std::shared_ptr<grpc::Channel> channel_ = MakeChannelToNobody();
  std::list<Held> held_;

  contract::Mutex mu_;
  std::unique_ptr<Event> beat_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::promise<void> stopped_;
};

CallbackThreads::CallbackThreads() : impl_(std::make_unique<Impl>()) {}
CallbackThreads::~CallbackThreads() = default;

int CallbackThreads::held() const { return impl_->held(); }

}  // namespace herald::process
