// SPDX-License-Identifier: Apache-2.0

#include "gateway/link/link_stream.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/support/proto_buffer_reader.h"
#include "grpcpp/support/slice.h"
#include "proto/contract/grpc_status.h"
#include "proto/contract/limits.h"
#include "proto/contract/require.h"

namespace herald::gateway {
namespace {

using contract::MutexLock;

constexpr char kMethod[] = "/herald.link.v1.GatewayService/Attach";

// Passes ownership of the bytes, without a copy.
grpc::ByteBuffer ToByteBuffer(std::string bytes) {
  auto* const owned = new std::string(std::move(bytes));
  const grpc::Slice slice(
      owned->data(), owned->size(),
      [](void* data) { delete static_cast<std::string*>(data); }, owned);
  return grpc::ByteBuffer(&slice, 1);
}

absl::Status Parse(grpc::ByteBuffer* bytes, link::v1::AttachResponse* frame) {
  grpc::ProtoBufferReader reader(bytes);
  if (reader.status().ok() && frame->ParseFromZeroCopyStream(&reader)) {
    return absl::OkStatus();
  }
  return absl::DataLossError("the service sent a frame that cannot be parsed");
}

}  // namespace

LinkStream::LinkStream(const std::shared_ptr<grpc::Channel>& channel,
                       const std::string& api_token, LinkGate* gate,
                       Receiver receiver)
    : gate_(gate), receiver_(std::move(receiver)) {
  if (!api_token.empty()) {
    context_.AddMetadata("authorization", absl::StrCat("Bearer ", api_token));
  }
  grpc::GenericStub(channel).PrepareBidiStreamingCall(&context_, kMethod, {},
                                                      this);
  AddHold();
}

std::string LinkStream::LinkFrame::Encode() && {
  std::string out;
  for (UplinkChunk& chunk : chunks) std::move(chunk).MoveTo(&out);
  return out;
}

void LinkStream::Start() {
  StartRead(&incoming_);
  StartCall();
}

void LinkStream::Append(UplinkChunk chunk, bool attach) {
  const int64_t size = chunk.bytes();
  if (size == 0) return;
  const int64_t frame_bytes_max =
      attach ? contract::kLinkAttachFrameBytes : contract::kLinkFrameBytes;
  (attach ? attach_bytes_ : bounded_bytes_) += size;
  // Frames of an attach are kept apart, because they do not count against the
  // bound.
  if (outbox_.empty() || outbox_.back().attach != attach ||
      outbox_.back().bytes + size > frame_bytes_max) {
    outbox_.push_back({{}, 0, attach});
  }
  LinkFrame& last = outbox_.back();
  last.bytes += size;
  if (last.chunks.empty() || !last.chunks.back().TryJoin(chunk)) {
    last.chunks.push_back(std::move(chunk));
  }
}

void LinkStream::Enqueue(UplinkChunk chunk) {
  {
    MutexLock lock(&mu_);
    if (ended_ || token_.has_ended()) return;
    if (bounded_bytes_ + chunk.bytes() <= contract::kLinkOutboxBytesMax) {
      return Append(std::move(chunk), /*attach=*/false);
    }
  }
  Cancel(absl::ResourceExhaustedError(absl::StrCat(
      "the service reads too slowly: ", contract::kLinkOutboxBytesMax,
      " bytes wait for it")));
}

bool LinkStream::TryEnqueue(UplinkChunk chunk, int64_t bytes_max) {
  MutexLock lock(&mu_);
  if (ended_ || token_.has_ended()) return false;
  if (bounded_bytes_ + chunk.bytes() > bytes_max) return false;
  Append(std::move(chunk), /*attach=*/false);
  return true;
}

void LinkStream::EnqueueUnbounded(UplinkChunk chunk) {
  MutexLock lock(&mu_);
  if (ended_ || token_.has_ended()) return;
  Append(std::move(chunk), /*attach=*/true);
}

void LinkStream::Flush() {
  {
    MutexLock lock(&mu_);
    if (outbox_.empty() || !token_.TryTake()) return;
  }
  Write();
}

absl::Duration LinkStream::KeepAlive(absl::Duration interval) {
  {
    MutexLock lock(&mu_);
    // While the token is held, a write is in flight.
    if (ended_ || !token_.is_free()) return interval;
    const absl::Duration quiet =
        absl::FromChrono(std::chrono::steady_clock::now() - written_);
    if (quiet < interval) return interval - quiet;
    if (outbox_.empty()) outbox_.emplace_back();
    if (!token_.TryTake()) return interval;
  }
  Write();
  return interval;
}

void LinkStream::CheckSilence() {
  // While the gate is closed the gateway does not read, so it causes the
  // silence.
  if (!gate_->is_open()) silence_.Heard(/*is_keepalive=*/false);
  if (!silence_.Tick()) return;
  Cancel(absl::UnavailableError("the service is silent"));
}

void LinkStream::Stop() {
  {
    MutexLock lock(&mu_);
    stopping_ = true;
    if (!token_.TryTake()) return;
  }
  Write();
}

void LinkStream::Cancel(absl::Status why) {
  // In this order: without a reason, OnDone() reports the status of the call,
  // which is CANCELLED from TryCancel() on.
  End(std::move(why));
  context_.TryCancel();
}

void LinkStream::End(absl::Status why) {
  bool first = false;
  bool write = false;
  {
    MutexLock lock(&mu_);
    if (why_.ok()) why_ = std::move(why);
    first = !std::exchange(ended_, true);
    // The items are freed with the stream: Enqueue() may be the caller, with
    // the router locked, and an attach may have very many.
    attach_bytes_ = 0;
    bounded_bytes_ = 0;
    write = token_.TryTake();
  }
  // A read that waits for the gate has a hold, and the write side has one. gRPC
  // calls OnDone() only after both are removed: the first by Release(),
  // which runs the waiter of ReadOn(), the second by Write()
  // (ALink.StopsThoughTheGateIsClosed).
  if (first) gate_->Release();
  if (write) Write();
}

void LinkStream::Write() {
  enum { kWrite, kHalfClose, kLeave } step = kLeave;
  LinkFrame frame;
  {
    MutexLock lock(&mu_);
    contract::Require(token_.is_held());
    if (!ended_ && !outbox_.empty()) {
      step = kWrite;
      frame = std::move(outbox_.front());
      outbox_.pop_front();
      // Bytes that gRPC has taken no longer count: the bound is on those that
      // it does not take.
      (frame.attach ? attach_bytes_ : bounded_bytes_) -= frame.bytes;
      written_ = std::chrono::steady_clock::now();
    } else if (!ended_ && stopping_) {
      step = kHalfClose;
      token_.End();
    } else if (!ended_) {
      return token_.Release();
    } else {
      token_.End();
    }
  }
  if (step == kWrite) {
    outgoing_ = ToByteBuffer(std::move(frame).Encode());
    return StartWrite(&outgoing_);
  }
  if (step == kHalfClose) StartWritesDone();
  RemoveHold();
}

void LinkStream::OnReadDone(bool ok) {
  // The service has ended the stream; OnDone() brings its status.
  if (!ok) return End(absl::OkStatus());
  silence_.Heard(/*is_keepalive=*/incoming_.Length() == 0);
  link::v1::AttachResponse frame;
  absl::Status status = Parse(&incoming_, &frame);
  if (status.ok()) {
    if (!first_.HasBeenNotified()) first_.Notify();
    status = receiver_(std::move(frame));
  }
  if (!status.ok()) return Cancel(std::move(status));
  incoming_.Clear();
  ReadOn();
}

void LinkStream::ReadOn() {
  if (gate_->is_open()) return StartRead(&incoming_);
  AddHold();
  gate_->WhenOpen([this] {
    StartRead(&incoming_);
    RemoveHold();
  });
  // `ended_` is read after the waiter was set, and End() does the opposite. So
  // one of the two releases it.
  bool ended = false;
  {
    MutexLock lock(&mu_);
    ended = ended_;
  }
  // End() may have called Release() before there was a waiter.
  if (ended) gate_->Release();
}

void LinkStream::OnWriteDone(bool ok) {
  // The token is held, so End() only notes the end and Write() acts on it.
  if (!ok) End(absl::OkStatus());
  Write();
}

void LinkStream::OnDone(const grpc::Status& status) {
  {
    MutexLock lock(&mu_);
    final_ = why_;
  }
  if (final_.ok()) final_ = contract::ToAbslStatus(status);
  if (!first_.HasBeenNotified()) first_.Notify();
  done_.Notify();  // Last: the owner may destroy the stream now.
}

int64_t LinkStream::queue_bytes() const {
  MutexLock lock(&mu_);
  return bounded_bytes_ + attach_bytes_;
}

}  // namespace herald::gateway
