// SPDX-License-Identifier: Apache-2.0
//
// Something that is done on a thread of its own, and may fail there.
//
// Lifetime: the destructor asks it to stop and waits for it. An errand must
// check stops() where it could go on for long, and let `cancel` end its waits.

#ifndef HERALD_TESTS_END_TO_END_CHAOS_ERRAND_H_
#define HERALD_TESTS_END_TO_END_CHAOS_ERRAND_H_

#include <atomic>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

#include "grpcpp/client_context.h"

namespace herald::chaos {

class Errand {
 public:
  explicit Errand(std::function<void()> run)
      : thread_([this, run = std::move(run)] {
          try {
            run();
          } catch (...) {
            std::lock_guard<std::mutex> lock(mutex_);
            failure_ = std::current_exception();
          }
          is_done_ = true;
        }) {}

  ~Errand() { Stop(); }

  Errand(const Errand&) = delete;
  Errand& operator=(const Errand&) = delete;

  // Threads: any, for all below but Stop().

  bool is_done() const { return is_done_; }

  // Throws the exception that the errand has thrown.
  void Check() const {
    std::lock_guard<std::mutex> lock(mutex_);
    if (failure_ != nullptr) std::rethrow_exception(failure_);
  }

  bool stops() const { return stops_; }

  // For its own thread: it waits for a call, which Stop() cancels, as long as
  // this lives. Declare it behind the context.
  class Waiting {
   public:
    Waiting(Errand* errand, grpc::ClientContext* call) : errand_(errand) {
      errand_->WaitsFor(call);
    }
    ~Waiting() { errand_->WaitsFor(nullptr); }

    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;

   private:
    Errand* const errand_;
  };

  // Ends it. May be repeated.
  void Stop() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      stops_ = true;
      if (call_ != nullptr) call_->TryCancel();
    }
    if (thread_.joinable()) thread_.join();
  }

 private:
  void WaitsFor(grpc::ClientContext* call) {
    std::lock_guard<std::mutex> lock(mutex_);
    call_ = call;
    if (call_ != nullptr && stops_) call_->TryCancel();
  }

  mutable std::mutex mutex_;
  std::exception_ptr failure_;           // Under mutex_.
  grpc::ClientContext* call_ = nullptr;  // Under mutex_.
  std::atomic<bool> is_done_ = false;
  std::atomic<bool> stops_ = false;
  std::thread thread_;  // Last: it uses the others.
};

}  // namespace herald::chaos

#endif  // HERALD_TESTS_END_TO_END_CHAOS_ERRAND_H_
