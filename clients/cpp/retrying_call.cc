// SPDX-License-Identifier: Apache-2.0

#include "clients/cpp/retrying_call.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "clients/cpp/dial.h"
#include "proto/contract/condition.h"
#include "proto/contract/grpc_deadline.h"
#include "proto/contract/grpc_status.h"

namespace herald::client {

RetryingCall::RetryingCall(std::shared_ptr<const CallSettings> settings)
    : settings_(std::move(settings)),
      deadline_(contract::SteadyNow() + settings_->deadline) {}

void RetryingCall::Start(const absl::Status& access, Done on_end) {
  on_end_ = std::move(on_end);
  if (!access.ok()) return End(access);
  StartAttempt();
}

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
      ShowApiToken(settings_->api_token, context_.get());
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
        absl::StrCat("no answer from ", settings_->target, " within ",
                     absl::FormatDuration(settings_->deadline));
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
  if (settings_->on_retry != nullptr) settings_->on_retry(last_failure_);
  contract::MutexLock lock(&mutex_);
  // A call that was cancelled meanwhile goes through the alarm as well: it
  // fires soon, and StartAttempt() looks. An alarm keeps its function, which
  // therefore must not own the alarm's owner; its set does, until End().
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
  on_end_(self);
}

}  // namespace herald::client
