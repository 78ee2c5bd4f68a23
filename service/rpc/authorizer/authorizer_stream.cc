// SPDX-License-Identifier: Apache-2.0

#include "service/rpc/authorizer/authorizer_stream.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "grpcpp/generic/generic_stub.h"
#include "herald/v1/authorizer_service.grpc.pb.h"
#include "proto/contract/condition.h"
#include "proto/contract/grpc_status.h"
#include "proto/contract/require.h"
#include "service/authorizer/authorizer_answer.h"
#include "service/rpc/streams/frames.h"

namespace herald::rpc {

AuthorizerStream::AuthorizerStream(
    Host* host, const std::shared_ptr<grpc::Channel>& channel, Role its_role,
    int64_t number)
    : role(its_role),
      questions(number, its_role == Role::kLane),
      last_write(contract::SteadyNow()),
      last_read(last_write),
      host_(host) {
  static const std::string kMethod = absl::StrCat(
      "/", v1::AuthorizerService::service_full_name(), "/Authorize");
  grpc::TemplatedGenericStub<v1::AuthorizeRequest, grpc::ByteBuffer>(channel)
      .PrepareBidiStreamingCall(&context_, kMethod, /*options=*/{}, this);
  AddHold();
}

void AuthorizerStream::Start() {
  StartRead(&reading_);
  StartCall();
}

void AuthorizerStream::Hold(std::shared_ptr<v1::AuthorizeRequest> next) {
  contract::Require(token.TryTake());
  request = std::move(next);
}

void AuthorizerStream::HoldQuestion(
    std::shared_ptr<v1::AuthorizeRequest> question, absl::Time now) {
  Hold(std::move(question));
  writes_question = true;
  write_started = now;
}

void AuthorizerStream::Write() {
  if (request != nullptr) {
    StartWrite(request.get());
  } else {
    StartWritesDone();
  }
}

absl::Status AuthorizerStream::WhyEnded(const grpc::Status& status) const {
  if (cut != nullptr) return absl::UnavailableError(cut);
  if (!status.ok()) return contract::ToAbslStatus(status);
  return absl::UnavailableError("the authorizer has ended the stream");
}

authorizer::StreamEnd AuthorizerStream::HowEnded(
    const grpc::Status& status) const {
  authorizer::StreamEnd end;
  end.by_us = cut != nullptr || role == Role::kRetiring;
  end.connection_lost = status.error_code() == grpc::StatusCode::UNAVAILABLE ||
                        status.error_code() == grpc::StatusCode::CANCELLED;
  end.reason = absl::StrCat(
      "the authorizer ended the stream (",
      authorizer::CleanStatus(contract::ToAbslStatus(status)), ")");
  return end;
}

void AuthorizerStream::OnReadInitialMetadataDone(bool ok) {
  if (ok) host_->OnStreamWorks(this);
}

void AuthorizerStream::OnReadDone(bool ok) {
  // A response that was larger keeps no memory for the next one.
  constexpr size_t kKeptAnswerBytesMax = 64 << 10;
  if (!ok) return host_->OnReadingEnded(this);
  host_->OnRead(this,
                DecodeMessage(reading_, &response_) ? &response_ : nullptr);
  if (reading_.Length() > kKeptAnswerBytesMax)
    response_ = v1::AuthorizeResponse();
  StartRead(&reading_);
}

void AuthorizerStream::OnDone(const grpc::Status& status) {
  host_->OnStreamDone(this, status);
}

}  // namespace herald::rpc
