// SPDX-License-Identifier: Apache-2.0

#include "service/rules/rules_reader.h"

#include <system_error>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "proto/contract/mutex.h"

namespace herald::rules {

using contract::MutexLock;

class RulesReader::State {
 public:
  State(std::function<Result()> read, std::function<void()> done)
      : read_(std::move(read)), done_(std::move(done)) {}

  // True if a thread has to Run() now.
  bool Request() {
    MutexLock lock(&mu_);
    again_ = busy_;
    return !std::exchange(busy_, true);
  }

  void GiveUp() {
    MutexLock lock(&mu_);
    busy_ = false;
  }

  void Run() {
    do {
      if (Keep(read_())) done_();
    } while (GoesOn());
  }

  std::optional<Result> Take() {
    MutexLock lock(&mu_);
    return std::exchange(result_, std::nullopt);
  }

  bool busy() const {
    MutexLock lock(&mu_);
    return busy_;
  }

 private:
  // False if a request has come meanwhile, which may be about a newer file.
  bool Keep(Result result) {
    MutexLock lock(&mu_);
    if (again_) return false;
    result_ = std::move(result);
    return true;
  }

  bool GoesOn() {
    MutexLock lock(&mu_);
    busy_ = again_;
    return std::exchange(again_, false);
  }

  const std::function<Result()> read_;
  const std::function<void()> done_;

  mutable contract::Mutex mu_;
  bool busy_ ABSL_GUARDED_BY(mu_) = false;   // A thread is in Run(),
  bool again_ ABSL_GUARDED_BY(mu_) = false;  // and has to read once more.
  std::optional<Result> result_ ABSL_GUARDED_BY(mu_);
};

RulesReader::RulesReader(std::function<Result()> read,
                         std::function<void()> done)
    : state_(std::make_shared<State>(std::move(read), std::move(done))) {}

absl::Status RulesReader::Start() {
  if (!state_->Request()) return absl::OkStatus();
  try {
    std::thread([state = state_] { state->Run(); }).detach();
  } catch (const std::system_error& error) {
    state_->GiveUp();
    return absl::ResourceExhaustedError(error.what());
  }
  return absl::OkStatus();
}

std::optional<RulesReader::Result> RulesReader::Take() {
  return state_->Take();
}

bool RulesReader::busy() const { return state_->busy(); }

}  // namespace herald::rules
