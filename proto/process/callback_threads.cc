// SPDX-License-Identifier: Apache-2.0

#include "proto/process/callback_threads.h"

#include <algorithm>
#include <atomic>
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
#include "proto/contract/condition.h"
#include "proto/contract/grpc_deadline.h"
#include "proto/contract/mutex.h"
#include "proto/contract/require.h"

namespace herald::process {
namespace {

constexpr std::chrono::milliseconds kLoopBeat{400};
constexpr std::chrono::seconds kPatience{1};
constexpr std::chrono::seconds kFirstPatience{20};
constexpr std::chrono::milliseconds kHelpTime{50};

// Half of the threads that gRPC 1.51 has.
int ThreadsToHold() {
  const auto cores = static_cast<int>(std::thread::hardware_concurrency());
  return std::clamp(cores / 2, 2, 16) / 2;
}

// If the system gives gRPC no thread, it continues without an error, and then
// ends no call.
void AwaitThread(std::future<void> sign) {
  if (sign.wait_for(kFirstPatience) == std::future_status::ready) return;
  contract::ReportFailure("gRPC does not run: it may have got no threads");
  std::abort();
}

// A call that is never answered: its end runs on one of the threads.
class DelayedCall {
 public:
  // `body` runs after `delay`, once, or when the call is cancelled.
  DelayedCall(grpc::Channel* channel, std::chrono::milliseconds delay,
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
    DelayedCall probe(channel_.get(), {}, [&free] { free.set_value(); });
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

  int held() const {
    contract::MutexLock lock(&mu_);
    return pending_;
  }

  void Help() {
    if (helping_.exchange(true)) return;
    {
      contract::MutexLock lock(&wake_mu_);
      is_needed_ = true;
    }
    wake_.NotifyOne();
  }

 private:
  struct Held {
    std::promise<void> holds;
    std::unique_ptr<DelayedCall> call;
    bool is_over = false;  // Guarded by mu_.
  };

  void Hold() {
    std::future<void> holds;
    {
      contract::MutexLock lock(&mu_);
      holds = HoldAfter(std::chrono::milliseconds(0));
    }
    AwaitThread(std::move(holds));
  }

  // Holds a thread after a while: whichever has nothing else to do then.
  std::future<void> HoldAfter(std::chrono::milliseconds delay)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    ++pending_;
    Held* const one = &held_.emplace_back();
    std::future<void> holds = one->holds.get_future();
    // A plain pointer: gRPC's threads must not be the last owner of a call,
    // and gRPC's thread destroys the body after it has run.
    one->call = std::make_unique<DelayedCall>(channel_.get(), delay,
                                              [this, one] { BeHeld(one); });
    return holds;
  }

  // On one of gRPC's threads, until it is needed or released.
  void BeHeld(Held* one) {
    one->holds.set_value();
    {
      contract::MutexLock lock(&mu_);
      held_.remove_if([](const Held& other) { return other.is_over; });
    }
    helping_ = false;
    {
      contract::MutexLock lock(&wake_mu_);
      while (!is_needed_ && !is_released_) wake_.Wait(&wake_mu_);
      is_needed_ = false;
    }
    contract::MutexLock lock(&mu_);
    if (!closed_) HoldAfter(kHelpTime);
    one->is_over = true;
    --pending_;
    none_pending_.NotifyAll();
  }

  void Release() {
    {
      contract::MutexLock lock(&wake_mu_);
      is_released_ = true;
    }
    wake_.NotifyAll();
    std::list<Held> held;
    {
      contract::MutexLock lock(&mu_);
      closed_ = true;
      for (const Held& one : held_) one.call->Cancel();
      while (pending_ > 0) none_pending_.Wait(&mu_);
      held.swap(held_);
    }
  }

  void Beat() {
    {
      contract::MutexLock lock(&mu_);
      // The old one first, because it shares the channel. The last owner of the
      // channel waits for these threads, so it must not be one of them.
      beat_ = nullptr;
      if (!stopping_) {
        beat_ = std::make_unique<DelayedCall>(channel_.get(), kLoopBeat,
                                              [this] { Beat(); });
        return;
      }
    }
    stopped_.set_value();
  }

  const std::shared_ptr<grpc::Channel> channel_ = MakeChannelToNobody();

  mutable contract::Mutex mu_;
  // Those that are held, will be, and were.
  std::list<Held> held_ ABSL_GUARDED_BY(mu_);
  // Of held_, those that are not over. One that helps hands its place on in one
  // step, so they are always as many.
  int pending_ ABSL_GUARDED_BY(mu_) = 0;
  contract::Condition none_pending_;
  bool closed_ ABSL_GUARDED_BY(mu_) = false;  // None is held any more.
  std::unique_ptr<DelayedCall> beat_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::promise<void> stopped_;

  // A lock of its own: Help() must not wait for gRPC.
  contract::Mutex wake_mu_;
  contract::Condition wake_;
  bool is_needed_ ABSL_GUARDED_BY(wake_mu_) = false;
  bool is_released_ ABSL_GUARDED_BY(wake_mu_) = false;
  std::atomic<bool> helping_{false};  // A thread is let go for a moment.
};

CallbackThreads::CallbackThreads() : impl_(std::make_unique<Impl>()) {}
CallbackThreads::~CallbackThreads() = default;

int CallbackThreads::held() const { return impl_->held(); }
void CallbackThreads::Help() { impl_->Help(); }

}  // namespace herald::process
