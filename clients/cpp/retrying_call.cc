// SPDX-License-Identifier: Apache-2.0

#include "clients/cpp/retrying_call.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "clients/cpp/dial.h"
#include "proto/contract/grpc_deadline.h"
#include "proto/contract/grpc_status.h"
#include "proto/contract/require.h"

namespace herald::client {

CallSet::CallSet(const std::string& target, std::string api_token,
                 absl::Duration deadline, RetryCallback on_retry)
    : target_(target),
      api_token_(std::move(api_token)),
      deadline_(deadline),
      on_retry_(std::move(on_retry)),
      access_status_(CheckAccess(target, api_token_)) {
  contract::Require(deadline > absl::ZeroDuration());
  if (!access_status_.ok()) return;
  stub_ = v1::BroadcastService::NewStub(Dial(target));
}

void CallSet::Start(std::shared_ptr<RetryingCall> call) {
  {
    contract::MutexLock lock(&mutex_);
    calls_.insert(call);
  }
  if (access_status_.ok()) {
    call->StartAttempt();
  } else {
    call->End(access_status_);
  }
}

void CallSet::Close() {
  std::vector<std::shared_ptr<RetryingCall>> calls;
  {
    contract::MutexLock lock(&mutex_);
    calls.assign(calls_.begin(), calls_.end());
  }
  for (const auto& call : calls) call->Cancel();
  {
    contract::MutexLock lock(&mutex_);
    while (!calls_.empty()) changed_.Wait(&mutex_);
  }
  stub_.reset();
}

void CallSet::Remove(const std::shared_ptr<RetryingCall>& call) {
  contract::MutexLock lock(&mutex_);
  calls_.erase(call);
  if (calls_.empty()) changed_.NotifyAll();
}

RetryingCall::RetryingCall(std::shared_ptr<CallSet> calls)
    : calls_(std::move(calls)),
      deadline_(contract::SteadyNow() + calls_->deadline_) {}

void RetryingCall::StartAttempt() {
  const std::shared_ptr<RetryingCall> self = shared_from_this();
  grpc::ClientContext* context = nullptr;
  {
    contract::MutexLock lock(&mutex_);
    if (!cancelled_) {
      context_ = std::make_unique<grpc::ClientContext>();
      if (deadline_ != absl::InfiniteFuture()) {
        context_->set_deadline(
            contract::GrpcDeadline(deadline_ - contract::SteadyNow()));
      }
      ShowApiToken(calls_->api_token_, context_.get());
      context = context_.get();
    }
  }
  if (context == nullptr) {
    return End(absl::CancelledError("the client was destroyed"));
  }
  Attempt(context,
          [self](const grpc::Status& status) { self->OnAttemptDone(status); });
}

void RetryingCall::OnAttemptDone(const grpc::Status& status) {
  if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
    const std::string silence =
        absl::StrCat("no answer from ", calls_->target_, " within ",
                     absl::FormatDuration(calls_->deadline_));
    // After a failure, the last attempt may only have waited to connect.
    return End(last_failure_.ok()
                   ? absl::DeadlineExceededError(silence)
                   : absl::UnavailableError(absl::StrCat(
                         last_failure_.message(), "; then ", silence)));
  }
  const absl::Duration pause = DrawRedialBackoff();
  if (status.error_code() != grpc::StatusCode::UNAVAILABLE ||
      contract::SteadyNow() + pause >= deadline_) {
    return End(contract::ToAbslStatus(status));
  }
  last_failure_ = contract::ToAbslStatus(status);
  if (calls_->on_retry_ != nullptr) calls_->on_retry_(last_failure_);
  contract::MutexLock lock(&mutex_);
  // A call that was cancelled meanwhile goes through the alarm as well: it
  // fires soon, and StartAttempt() looks. An alarm keeps its function, which
  // therefore must not own the alarm's owner; calls_ does, until End().
  pause_.Set(contract::GrpcDeadline(pause), [this](bool) { StartAttempt(); });
}

void RetryingCall::Cancel() {
  contract::MutexLock lock(&mutex_);
  cancelled_ = true;
  if (context_ != nullptr) context_->TryCancel();
  pause_.Cancel();
}

void RetryingCall::End(absl::Status status) {
  const std::shared_ptr<RetryingCall> self = shared_from_this();
  Deliver(std::move(status));
  {
    contract::MutexLock lock(&mutex_);
    context_.reset();
  }
  calls_->Remove(self);
}

}  // namespace herald::client
