// SPDX-License-Identifier: Apache-2.0

#include "service/rpc/streams/broadcast_stream_reactor.h"

#include <string>
#include <utility>

#include "proto/contract/grpc_status.h"
#include "proto/contract/require.h"
#include "service/rpc/streams/frames.h"

namespace herald::rpc {
namespace {

// A request message that was larger keeps no memory for the next one.
constexpr size_t kKeptRequestBytesMax = 128 << 10;

// No caller reads an answer and sends its next request in less: both pass
// through the kernel and gRPC.
constexpr std::chrono::microseconds kAnswerTime{30};

grpc::ByteBuffer EncodeAnswer(absl::StatusOr<v1::BroadcastResponse> result) {
  v1::BroadcastStreamResponse response;
  if (result.ok()) {
    *response.mutable_broadcast() = *std::move(result);
  } else {
    v1::BroadcastError& error = *response.mutable_error();
    error.set_code(static_cast<int32_t>(result.status().code()));
    error.set_message(std::string(result.status().message()));
  }
  return EncodeMessage(response);
}

}  // namespace

BroadcastStreamReactor::BroadcastStreamReactor(core::Broadcasts* broadcasts,
                                               Pacer* pacer, Count* pauses,
                                               Ended ended)
    : broadcasts_(broadcasts),
      pacer_(pacer),
      pauses_(pauses),
      ended_(std::move(ended)) {}

std::shared_ptr<BroadcastStreamReactor> BroadcastStreamReactor::Create(
    core::Broadcasts* broadcasts, Pacer* pacer, Count* pauses, Ended ended) {
  return std::shared_ptr<BroadcastStreamReactor>(
      new BroadcastStreamReactor(broadcasts, pacer, pauses, std::move(ended)));
}

void BroadcastStreamReactor::Start() {
  self_ = shared_from_this();
  StartRead(&reading_);
}

void BroadcastStreamReactor::OnReadDone(bool ok) {
  if (ok) Publish();
  {
    contract::MutexLock lock(&mu_);
    if (ok) {
      // Checked last: from here on a write may end the pause and read again.
      paused_ = answers_.size() >= kUnreadMax;
      if (paused_) return Add(*pauses_, 1);
    } else {
      half_closed_ = true;
      if (!TryTakeToken()) return;
    }
  }
  if (ok) {
    StartRead(&reading_);
  } else {
    Write();
  }
}

void BroadcastStreamReactor::Publish() {
  int64_t number = 0;
  {
    contract::MutexLock lock(&mu_);
    number = first_ + static_cast<int64_t>(answers_.size());
    answers_.emplace_back();
    if (Pacer::Clock::now() - written_ < kAnswerTime) pipelines_ = true;
  }
  if (!DecodeMessage(reading_, &request_)) {
    return Answer(number, absl::InvalidArgumentError(
                              "the message is not a BroadcastStreamRequest"));
  }
  broadcasts_->Broadcast(request_.broadcast(),
                         [self = shared_from_this(), number](
                             absl::StatusOr<v1::BroadcastResponse> result) {
                           self->Answer(number, std::move(result));
                         });
  if (request_.broadcast().data().size() > kKeptRequestBytesMax) {
    request_ = v1::BroadcastStreamRequest();
  }
}

void BroadcastStreamReactor::Answer(
    int64_t number, absl::StatusOr<v1::BroadcastResponse> result) {
  grpc::ByteBuffer answer = EncodeAnswer(std::move(result));
  {
    contract::MutexLock lock(&mu_);
    if (closing_.has_value()) return;
    answers_[static_cast<size_t>(number - first_)].Swap(&answer);
    if (!TryTakeToken()) return;
  }
  Write();
}

bool BroadcastStreamReactor::TryTakeToken() {
  const bool due = closing_.has_value() ||
                   (answers_.empty() ? half_closed_ : answers_.front().Valid());
  return due && token_.TryTake();
}

void BroadcastStreamReactor::Write() {
  std::optional<grpc::Status> last;
  bool wait = false;
  bool read = false;
  {
    contract::MutexLock lock(&mu_);
    contract::Require(token_.is_held());
    if (!closing_.has_value() && answers_.empty() && half_closed_) {
      closing_ = absl::OkStatus();
    }
    if (closing_.has_value()) {
      token_.End();
      last = contract::ToGrpcStatus(*closing_);
    } else if (answers_.empty() || !answers_.front().Valid()) {
      return token_.Release();
    } else if (!more_ && pipelines_ && Pacer::IsEarly(written_)) {
      wait = true;
    } else {
      writing_.Swap(&answers_.front());
      answers_.pop_front();
      ++first_;
      const bool in_pile = more_;
      more_ = !answers_.empty() && answers_.front().Valid();
      if (!in_pile) pipelines_ = more_;
      written_ = Pacer::Clock::now();
      read = std::exchange(paused_, false);
    }
  }
  if (last.has_value()) return Finish(*std::move(last));
  if (wait) return pacer_->AtNextBeat([this] { Write(); });
  // Answers that are ready together are sent in one packet, except the first
  // (see sink_queue.cc).
  grpc::WriteOptions options;
  if (more_ && begun_) options.set_buffer_hint();
  begun_ = true;
  StartWrite(&writing_, options);
  if (read) StartRead(&reading_);
}

void BroadcastStreamReactor::OnWriteDone(bool ok) {
  if (!ok) Stop(absl::UnavailableError("the stream broke"));
  Write();
}

void BroadcastStreamReactor::Stop(absl::Status why) {
  {
    contract::MutexLock lock(&mu_);
    if (closing_.has_value()) return;
    closing_ = std::move(why);
    if (!TryTakeToken()) return;
  }
  Write();
}

void BroadcastStreamReactor::OnCancel() {
  Stop(absl::CancelledError("the caller has disconnected"));
}

void BroadcastStreamReactor::OnDone() {
  const std::shared_ptr<BroadcastStreamReactor> last_owner = std::move(self_);
  auto code = grpc::StatusCode::OK;
  {
    contract::MutexLock lock(&mu_);
    code = static_cast<grpc::StatusCode>(closing_->code());
  }
  ended_(this, code);
}

}  // namespace herald::rpc
