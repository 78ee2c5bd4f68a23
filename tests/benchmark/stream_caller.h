// SPDX-License-Identifier: Apache-2.0
//
// A bidirectional gRPC stream that answers each message with one: sends without
// waiting, and hands over the answers in order.
//
// Threads: Send() and the others may be called from any thread; gRPC's threads
// call `on_answer`, one at a time.
//
// Lifetime: the destructor cancels the stream and waits for its end.

#ifndef HERALD_TESTS_BENCHMARK_STREAM_CALLER_H_
#define HERALD_TESTS_BENCHMARK_STREAM_CALLER_H_

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <utility>

#include "grpcpp/client_context.h"
#include "grpcpp/support/client_callback.h"
#include "tests/benchmark/clock.h"
#include "tests/benchmark/failure.h"

namespace herald::benchmark {

// Shows a token, as Herald wants to see it, if there is one.
inline void AddToken(const std::string& token, grpc::ClientContext* context) {
  if (token.empty()) return;
  context->AddMetadata("authorization", "Bearer " + token);
}

template <typename Request, typename Response>
class StreamCaller final : public grpc::ClientBidiReactor<Request, Response> {
 public:
  using Reactor = grpc::ClientBidiReactor<Request, Response>;
  // Opens the stream, for example by `stub->async()->Stream(context, reactor)`.
  using Open = std::function<void(grpc::ClientContext*, Reactor*)>;
  // Takes an answer. A text means that it is a refusal.
  using OnAnswer = std::function<std::string(const Response&)>;

  StreamCaller(const std::string& token, const Open& open, OnAnswer on_answer)
      : on_answer_(std::move(on_answer)) {
    AddToken(token, &context_);
    open(&context_, this);
    this->StartRead(&response_);
    this->StartCall();
  }

  ~StreamCaller() override {
    context_.TryCancel();
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return done_; });
  }

  void Send(Request request) {
    std::lock_guard<std::mutex> lock(mutex_);
    ++open_;
    queue_.push_back(std::move(request));
    if (queue_.size() == 1 && !done_) this->StartWrite(&queue_.front());
  }

  // Failure: a message was refused or the stream has ended.
  void Check() {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!error_.empty()) Fail("publishing failed: ", error_);
  }

  // Waits until everything that was sent is answered.
  void Finish() {
    std::unique_lock<std::mutex> lock(mutex_);
    const bool finished = changed_.wait_for(
        lock, std::chrono::nanoseconds(kPatience),
        [this] { return open_ == 0 || done_ || !error_.empty(); });
    if (!error_.empty()) Fail("publishing failed: ", error_);
    if (!finished) Fail(open_, " messages of a stream have no answer");
  }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) return;
    const std::string refusal = on_answer_(response_);
    this->StartRead(&response_);
    std::lock_guard<std::mutex> lock(mutex_);
    if (!refusal.empty()) error_ = refusal;
    if (--open_ == 0) changed_.notify_all();
  }

  void OnWriteDone(bool ok) override {
    std::lock_guard<std::mutex> lock(mutex_);
    queue_.pop_front();
    if (ok && !queue_.empty()) this->StartWrite(&queue_.front());
  }

  void OnDone(const grpc::Status& status) override {
    std::lock_guard<std::mutex> lock(mutex_);
    if (error_.empty())
      error_ = "the stream has ended " + status.error_message();
    done_ = true;
    changed_.notify_all();
  }

  const OnAnswer on_answer_;
  grpc::ClientContext context_;
  Response response_;  // Of the reading reaction.

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Request> queue_;  // The first is being written.
  int64_t open_ = 0;           // Sent and not answered.
  bool done_ = false;
  std::string error_;
};

}  // namespace herald::benchmark

#endif  // HERALD_TESTS_BENCHMARK_STREAM_CALLER_H_
