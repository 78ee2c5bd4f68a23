// SPDX-License-Identifier: Apache-2.0

#include "clients/cpp/answer_stream.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "grpcpp/server_context.h"
#include "proto/contract/grpc_status.h"
#include "proto/contract/limits.h"
#include "proto/contract/names.h"
#include "proto/contract/require.h"

namespace herald::client {
namespace {

// The answer of the user's code. An exception is a no.
Decision Ask(ChannelAuthorizer* authorizer,
             const v1::AuthorizeRequest& question) {
  try {
    return authorizer->Authorize(question);
  } catch (...) {
    return Deny("the authorizer failed");
  }
}

// Turns a yes that Herald could not accept into a no with the reason. Texts
// that are not UTF-8 would even end the stream, with all its questions.
Decision Sane(Decision decision) {
  if (decision.kind == Decision::Kind::kAllow) {
    if (decision.lifetime <= absl::ZeroDuration()) {
      return Deny("the authorizer's yes had expired");
    }
    if (!decision.user_id.empty()) {
      const absl::Status status = contract::CheckUserId(decision.user_id);
      if (!status.ok()) return Sane(Deny(status.message()));
    }
    if (decision.user_info.size() > contract::kUserInfoBytesMax) {
      return Deny(absl::StrCat("the authorizer's user_info has ",
                               decision.user_info.size(), " bytes, more than ",
                               contract::kUserInfoBytesMax));
    }
  }
  if (!contract::IsUtf8(decision.reason)) {
    decision.reason = "the authorizer's reason is not UTF-8";
  }
  return decision;
}

v1::AuthorizeResponse ToResponse(int64_t request_id, const Decision& decision) {
  v1::AuthorizeResponse response;
  v1::Decision* const out = response.mutable_decision();
  out->set_request_id(request_id);
  out->set_allowed(decision.kind == Decision::Kind::kAllow);
  if (!out->allowed()) {
    out->set_reason(std::string(
        contract::CutUtf8(decision.reason, contract::kReasonBytesMax)));
    return response;
  }
  if (!decision.user_id.empty()) {
    out->mutable_member()->set_user_id(decision.user_id);
    out->mutable_member()->set_user_info(decision.user_info);
  }
  if (decision.lifetime != absl::InfiniteDuration()) {
    absl::Duration rest;
    out->mutable_expires_after()->set_seconds(
        absl::IDivDuration(decision.lifetime, absl::Seconds(1), &rest));
    out->mutable_expires_after()->set_nanos(
        static_cast<int32_t>(absl::ToInt64Nanoseconds(rest)));
  }
  return response;
}

}  // namespace

AnswerStream::AnswerStream(grpc::CallbackServerContext* context, Host* host)
    : host_(host), context_(context) {
  contract::MutexLock lock(&mutex_);
  cursor_ = host->log()->Begin(RevocationLog::Clock::now());
}

void AnswerStream::Start(std::shared_ptr<AnswerStream> self) {
  self_ = std::move(self);
  StartRead(&request_);
  Write();  // The token was held until now.
}

void AnswerStream::OnReadDone(bool ok) {
  if (!ok) return Close(absl::OkStatus());  // Herald has left.
  if (request_.has_keepalive()) {
    request_.Clear();
    SendReady();
    return StartRead(&request_);
  }
  auto question = std::make_shared<v1::AuthorizeRequest>(std::move(request_));
  request_.Clear();
  bool paused = false;
  {
    contract::MutexLock lock(&mutex_);
    paused = reading_paused_ = ++questions_ >= kQuestionsMax;
  }
  host_->pool()->Submit([self = self_, question = std::move(question)] {
    self->Decide(*question);
  });
  if (!paused) StartRead(&request_);
}

void AnswerStream::SendReady() {
  {
    contract::MutexLock lock(&mutex_);
    if (closing_.has_value()) return;
    ready_due_ = true;
    if (!token_.TryTake()) return;
  }
  Write();
}

void AnswerStream::Decide(const v1::AuthorizeRequest& question) {
  {
    contract::MutexLock lock(&mutex_);
    if (closing_.has_value()) return;  // No peer waits for it any more.
  }
  const RevocationLog::Cursor since = host_->log()->End();
  Reply(question, Sane(Ask(host_->authorizer(), question)), since);
}

void AnswerStream::Reply(const v1::AuthorizeRequest& question,
                         Decision decision, RevocationLog::Cursor since) {
  {
    contract::MutexLock lock(&mutex_);
    if (closing_.has_value()) return;
    // The end of the log first: later revocations are written after this
    // answer.
    QueuedAnswer answer{.log_end = host_->log()->End()};
    if (decision.kind == Decision::Kind::kAllow) {
      auto revoked = host_->log()->Find(since, question.socket_id(),
                                        question.channel(), decision.user_id);
      if (revoked.has_value()) decision = Deny(*revoked);
    }
    if (decision.kind != Decision::Kind::kUndecided) {
      answer.response = ToResponse(question.request_id(), decision);
      outbox_bytes_ += static_cast<int64_t>(answer.response->ByteSizeLong());
    }
    outbox_.push_back(std::move(answer));
    if (outbox_bytes_ > kOutboxBytesMax) {
      Cut(absl::ResourceExhaustedError("decisions are not read"));
    }
    if (!token_.TryTake()) return;
  }
  Write();
}

void AnswerStream::Wake() {
  {
    contract::MutexLock lock(&mutex_);
    if (closing_.has_value()) return;
    if (host_->log()->Read(cursor_).forgotten) {
      Cut(absl::ResourceExhaustedError("revocations are not read"));
    }
    // When a write in flight ends, it continues with new entries.
    if (!token_.TryTake()) return;
  }
  Write();
}

void AnswerStream::Close(absl::Status why) {
  {
    contract::MutexLock lock(&mutex_);
    if (closing_.has_value()) return;
    closing_ = std::move(why);
    if (!token_.TryTake()) return;
  }
  Write();
}

void AnswerStream::Cut(absl::Status why) {
  if (closing_.has_value()) return;
  closing_ = std::move(why);
  if (context_ != nullptr) context_->TryCancel();
}

bool AnswerStream::TakeResume() {
  if (!reading_paused_ || questions_ >= kQuestionsMax) return false;
  reading_paused_ = false;
  return true;
}

// Decisions and revocations leave in the order in which they were made, except
// that a new stream begins with the revocations that it has missed: its cursor
// is behind the log_end of any decision.
bool AnswerStream::TakeNext() {
  if (std::exchange(ready_due_, false)) {
    auto ready = std::make_shared<v1::AuthorizeResponse>();
    ready->mutable_ready();
    writing_ = std::move(ready);
    return true;
  }
  while (!outbox_.empty() && outbox_.front().log_end <= cursor_) {
    QueuedAnswer answer = std::move(outbox_.front());
    outbox_.pop_front();
    --questions_;
    if (!answer.response.has_value()) continue;
    outbox_bytes_ -= static_cast<int64_t>(answer.response->ByteSizeLong());
    writing_ = std::make_shared<const v1::AuthorizeResponse>(
        std::move(*answer.response));
    return true;
  }
  RevocationLog::Entry entry = host_->log()->Read(cursor_);
  if (entry.forgotten) {
    Cut(absl::ResourceExhaustedError("revocations are not read"));
    return false;
  }
  if (entry.response == nullptr) return false;
  ++cursor_;
  writing_ = std::move(entry.response);
  return true;
}

void AnswerStream::Write() {
  while (true) {
    bool resume = false;
    bool write = false;
    std::optional<absl::Status> last;
    {
      contract::MutexLock lock(&mutex_);
      contract::Require(token_.is_held());
      if (!closing_.has_value()) write = TakeNext();
      last = closing_;
      resume = TakeResume();
      if (!write && !resume && !last.has_value()) {
        writing_.reset();
        return token_.Release();
      }
      if (last.has_value()) token_.End();
    }
    // While the token is held, the stream cannot be finished, so a read may be
    // started.
    if (resume) StartRead(&request_);
    if (write) return StartWrite(writing_.get());
    if (last.has_value()) return Finish(contract::ToGrpcStatus(*last));
  }
}

void AnswerStream::OnWriteDone(bool ok) {
  // The token is held, so Close() only records why and Write() finishes.
  if (!ok) Close(absl::UnavailableError("the stream broke"));
  Write();
}

void AnswerStream::OnCancel() {
  Close(absl::CancelledError("the stream was cancelled"));
}

void AnswerStream::OnDone() {
  const std::shared_ptr<AnswerStream> last_owner = std::move(self_);
  {
    // A Cut() that is inside TryCancel() ends before the context does.
    contract::MutexLock lock(&mutex_);
    context_ = nullptr;
  }
  host_->OnStreamDone(this);
}

}  // namespace herald::client
